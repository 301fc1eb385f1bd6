"""Texts in order, in blocks, each block with the set of its ids. Pure.

A flat sorted list of a million names moves megabytes at each change, and gives names where ids are wanted; here a change moves a
block, and a whole block joins a result as one bitmap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, filterfalse

from attrs import define, field

from ote_twisted.topology.selection.ids import IdSet, MakeIds

BLOCK = 512
"""Texts in a block after it was split; it is split again at twice as many."""

_AFTER_ALL = "\U0010ffff"
_SPARSE = 32


@define
class Block:
    """Neighbours in the order of texts.

    :ivar texts: sorted.
    :ivar ids: their ids.
    """

    texts: list[str]
    ids: IdSet


@define
class SortedTexts:
    """All texts of a lexicon, sorted.

    :ivar make: makes id sets.
    :ivar id_of: gives the id of a text that is in.
    """

    make: MakeIds
    id_of: Callable[[str], int]
    _blocks: list[Block] = field(factory=list, init=False)
    _firsts: list[str] = field(factory=list, init=False)

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(block.texts for block in self._blocks)

    def add(self, text: str, value: int) -> None:
        """Put in a text that is not in."""
        if not self._blocks:
            self._blocks.append(Block([], self.make(())))
            self._firsts.append(text)
        at = max(bisect_right(self._firsts, text) - 1, 0)
        block = self._blocks[at]
        insort(block.texts, text)
        block.ids.add(value)
        self._firsts[at] = block.texts[0]
        if len(block.texts) > 2 * BLOCK:
            self._split(at)

    def remove(self, text: str, value: int) -> None:
        """Take out a text that is in."""
        at = bisect_right(self._firsts, text) - 1
        block = self._blocks[at]
        del block.texts[bisect_left(block.texts, text)]
        block.ids.discard(value)
        if block.texts:
            self._firsts[at] = block.texts[0]
        else:
            del self._blocks[at], self._firsts[at]

    def prefixed(self, prefix: str) -> IdSet:
        """Ids of the texts that start with ``prefix``, as a new set."""
        end = prefix + _AFTER_ALL
        first = max(bisect_right(self._firsts, prefix) - 1, 0)
        last = bisect_left(self._firsts, end)
        whole, edges = [], []
        for block in self._blocks[first:last]:
            if block.texts[0] >= prefix and block.texts[-1] < end:
                whole.append(block.ids)
            else:
                edges += block.texts[bisect_left(block.texts, prefix) : bisect_left(block.texts, end)]
        return self.make(()).union(self.make(map(self.id_of, edges)), *whole)

    def sharing(self, matches: Callable[[str], object]) -> list[IdSet]:
        """Id sets of the blocks of which all texts begin with a text that ``matches``. To be read, never changed."""
        return [block.ids for block in self._blocks if matches(_common(block.texts[0], block.texts[-1]))]

    def chosen(self, ids: IdSet, texts: Sequence[str]) -> list[str]:
        """The texts of ``ids``, sorted; ``texts`` gives the text of each id."""
        if len(ids) < _SPARSE * len(self._blocks):
            return sorted([texts[value] for value in ids])
        result: list[str] = []
        for block in self._blocks:
            inside = block.ids & ids
            missing = len(block.texts) - len(inside)
            if missing > len(inside):
                result += sorted([texts[value] for value in inside])
            elif missing:
                left_out = {texts[value] for value in block.ids - inside}
                result.extend(filterfalse(left_out.__contains__, block.texts))
            else:
                result += block.texts
        return result

    def _split(self, at: int) -> None:
        """Halve a block."""
        block = self._blocks[at]
        texts = block.texts[BLOCK:]
        del block.texts[BLOCK:]
        ids = self.make(map(self.id_of, texts))
        block.ids -= ids
        self._blocks.insert(at + 1, Block(texts, ids))
        self._firsts.insert(at + 1, texts[0])


def _common(first: str, last: str) -> str:
    """What two texts both begin with; all between them in order do so too."""
    for at, character in enumerate(first):
        if last[at : at + 1] != character:
            return first[:at]
    return first
