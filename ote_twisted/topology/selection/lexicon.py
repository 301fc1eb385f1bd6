"""A vocabulary of texts with dense ids, searched by shell pattern or regular expression. Pure.

Each text is filed under every run of three characters that starts in it; so a pattern's literal parts narrow the candidates by
set operations, mostly to those that match, and only what remains in doubt is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import compress, product
from operator import and_
from typing import TYPE_CHECKING

from ote_twisted.topology.selection.gather import gather
from ote_twisted.topology.selection.ids import IdSet, MakeIds, Postings
from ote_twisted.topology.selection.patterns import END, Glob, Pattern
from ote_twisted.topology.selection.sorted_texts import SortedTexts

if TYPE_CHECKING:
    from ote_twisted.topology.selection.terms import Search

SIZE = 3
"""Characters in the runs that texts are filed under."""

_MANY = 64


class Lexicon:
    """Texts and their ids. The id of a removed text is given to a later one.

    :ivar ids: id of each text; to be read only.
    :ivar everyone: ids in use; to be read only.
    """

    __slots__ = ("_characters", "_free", "_grams", "_make", "_order", "_texts", "everyone", "ids")

    def __init__(self, make: MakeIds) -> None:
        self.ids: dict[str, int] = {}
        self.everyone = make(())
        self._make = make
        self._texts: list[str] = []
        self._free: list[int] = []
        self._order = SortedTexts(make, self.ids.__getitem__)
        self._grams: Postings[str] = Postings(make)
        self._characters = {END}

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def add(self, text: str) -> int:
        """Put in a text that is not in; gives its id."""
        value = self._new_id(text)
        self.ids[text] = value
        self.everyone.add(value)
        self._order.add(text, value)
        self._grams.add(_grams(text), value)
        self._characters.update(text)
        return value

    def _new_id(self, text: str) -> int:
        """A free id, which is ``text``'s from now on."""
        if not self._free:
            self._texts.append(text)
            return len(self._texts) - 1
        value = self._free.pop()
        self._texts[value] = text
        return value

    def remove(self, text: str) -> int:
        """Take out a text that is in; gives the id that it had."""
        value = self.ids[text]
        self._order.remove(text, value)
        del self.ids[text]
        self.everyone.discard(value)
        self._texts[value] = ""
        self._free.append(value)
        self._grams.discard(_grams(text), value)
        return value

    def text(self, value: int) -> str:
        """The text of an id in use."""
        return self._texts[value]

    def texts(self, ids: IdSet) -> list[str]:
        """The texts of ``ids``, in no particular order."""
        return gather(ids, self._texts, self._make)

    def like(self, glob: Glob) -> IdSet:
        """Ids of the texts that match a shell pattern. To be read, never changed."""
        if glob.is_prefix:
            return self._order.prefixed(glob.prefix)
        if glob.is_one_run:
            return self._having(glob.runs[0], glob)
        parts = self._narrowed(glob.runs)
        return self._verified([*parts, self._order.prefixed(glob.prefix)] if glob.prefix else parts, glob)

    def found(self, search: Search) -> IdSet:
        """Ids of the texts in which a regular expression is found. To be read, never changed."""
        if search.is_literal:
            return self._having(search.text, search)
        return self._verified(self._narrowed(search.runs), search)

    def _having(self, run: str, pattern: Pattern) -> IdSet:
        """Ids of the texts with ``run`` in them, which are those that match the pattern.

        Where a text has the run's first three characters, and after the two last of them no other third one than the run's, it
        has the run's first four; and so on. So only a text that has another one somewhere is in doubt.
        """
        likely = self._likely(run)
        doubtful = likely & self._grams.union(self._rivals(run))
        return (likely - doubtful) | self._verified([doubtful], pattern) if doubtful else likely

    def _rivals(self, run: str) -> Iterator[str]:
        """The runs that a text with all parts of ``run``, but not in their order, has one of."""
        for at in range(1, len(run) + 1 - SIZE):
            part = run[at : at + SIZE]
            yield from (part[:-1] + other for other in self._characters if other != part[-1])

    def _narrowed(self, runs: Iterable[str]) -> list[IdSet]:
        """Id sets whose common members include every text that has all the runs in it; single characters are no help."""
        return [self._likely(run) for run in runs if len(run) > 1]

    def _likely(self, run: str) -> IdSet:
        """Ids of texts that include every text with ``run`` in it."""
        if len(run) < SIZE:
            rests = product(self._characters, repeat=SIZE - len(run))
            return self._grams.union(run + "".join(rest) for rest in rests)
        return _common([self._grams.get(run[at : at + SIZE]) for at in range(len(run) + 1 - SIZE)])

    def _verified(self, parts: list[IdSet], pattern: Pattern) -> IdSet:
        """Those that are in all parts, or of all, and match, as a new set."""
        candidates = _common(parts or [self.everyone])
        if _MANY * len(candidates) > len(self.ids):
            return self._order.matching(candidates, pattern, self._each)
        return self._each(candidates, pattern)

    def _each(self, candidates: Iterable[int], pattern: Pattern) -> IdSet:
        """Those that match, by looking at each, as a new set."""
        values = list(candidates)
        return self._make(list(compress(values, pattern.flags([self._texts[value] for value in values]))))


def _common(parts: list[IdSet]) -> IdSet:
    """What is in all parts, the smallest first."""
    return reduce(and_, sorted(parts, key=len))


def _grams(text: str) -> set[str]:
    """The runs that a text is filed under; behind it is as much of its end as the last character's run needs."""
    whole = text + END * (SIZE - 1)
    return {whole[at : at + SIZE] for at in range(len(text))}
