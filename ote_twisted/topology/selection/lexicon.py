"""A vocabulary of texts with dense ids, searched by shell pattern or regular expression. Pure.

Each text is filed under every run of two and of three characters in it, its end counted as one; so a pattern's literal
parts narrow the candidates by set operations, and only what remains is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial, reduce
from itertools import compress
from operator import and_

from ote_twisted.topology.selection.ids import IdSet, MakeIds, Postings
from ote_twisted.topology.selection.patterns import END, Glob
from ote_twisted.topology.selection.sorted_texts import Flags, SortedTexts
from ote_twisted.topology.selection.terms import Search

SIZES = (2, 3)
"""Characters in the runs that texts are filed under. Single ones are in too many texts to be worth their memory."""

_MOST = 2


class Lexicon:
    """Texts and their ids. The id of a removed text is given to a later one.

    :ivar ids: id of each text; to be read only.
    :ivar everyone: ids in use; to be read only.
    """

    __slots__ = ("_free", "_grams", "_make", "_order", "_texts", "everyone", "ids")

    def __init__(self, make: MakeIds) -> None:
        self.ids: dict[str, int] = {}
        self.everyone = make(())
        self._make = make
        self._texts: list[str] = []
        self._free: list[int] = []
        self._order = SortedTexts(make, self.ids.__getitem__)
        self._grams: Postings[str] = Postings(make)

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

    def sorted_texts(self, ids: IdSet) -> list[str]:
        """The texts of ``ids``, sorted."""
        return self._order.chosen(ids, self._texts)

    def like(self, glob: Glob) -> IdSet:
        """Ids of the texts that match a shell pattern. To be read, never changed."""
        if glob.is_prefix:
            return self._order.prefixed(glob.prefix)
        parts = self._having(glob.runs)
        if glob.is_one_run and len(glob.runs[0]) in SIZES:
            return parts[0]
        if glob.prefix:
            parts.append(self._order.prefixed(glob.prefix))
        return self._verified(self._common(parts), glob.flags)

    def found(self, search: Search) -> IdSet:
        """Ids of the texts in which a regular expression is found."""
        return self._verified(self._common(self._having(search.runs)), partial(map, search.found_in))

    def _having(self, runs: Iterable[str]) -> list[IdSet]:
        """Id sets whose common members include every text that has all the runs in it."""
        return [self._grams.get(gram) for gram in {gram for run in runs for gram in _keys(run)}]

    def _common(self, parts: list[IdSet]) -> IdSet:
        """What is in all parts, the smallest first; no part restricts nothing."""
        return reduce(and_, sorted(parts, key=len)) if parts else self.everyone

    def _verified(self, candidates: IdSet, flags: Flags) -> IdSet:
        """Those candidates whose text has a true flag, as a new set."""
        if _MOST * len(candidates) > len(self.ids):
            return self._order.matching(flags)
        values = list(candidates)
        texts = [self._texts[value] for value in values]
        return self._make(list(compress(values, flags(texts))))


def _grams(text: str) -> set[str]:
    """The runs that a text is filed under; its end is a character of its own."""
    whole = text + END
    return {whole[at : at + size] for size in SIZES for at in range(len(whole) - size + 1)}


def _keys(run: str) -> list[str]:
    """The runs that a text with ``run`` in it must be filed under."""
    size = min(len(run), SIZES[-1])
    return [run[at : at + size] for at in range(len(run) - size + 1)] if size in SIZES else []
