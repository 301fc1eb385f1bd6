"""Texts in order, in blocks, each block with the set of its ids. Pure.

A flat sorted list of a million names moves megabytes at each change, and gives names where ids are wanted; here a change moves a
block, and a whole block joins a result as one bitmap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress, filterfalse
from operator import not_
from typing import Any

from attrs import define, field

from ote_twisted.topology.selection.ids import IdSet, MakeIds

BLOCK = 1024
"""Most texts in a block; then it is split."""

_AFTER_ALL = "\U0010ffff"
_SPARSE = 8


Flags = Callable[[list[str]], Iterable[Any]]
"""Says for each of several texts whether it matches."""


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
        if len(block.texts) > BLOCK:
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
        return self.make(()).union(self._ids(edges), *whole)

    def matching(self, flags: Flags) -> IdSet:
        """Ids of the texts that have a true flag, as a new set; every text is looked at."""
        sets: list[IdSet] = []
        others: list[str] = []
        for block in self._blocks:
            found = list(flags(block.texts))
            missing = list(compress(block.texts, map(not_, found)))
            if not missing:
                sets.append(block.ids)
            elif 2 * len(missing) < len(found):
                sets.append(block.ids - self._ids(missing))
            else:
                others += compress(block.texts, found)
        return self.make(()).union(self._ids(others), *sets)

    def chosen(self, ids: IdSet, texts: Sequence[str]) -> list[str]:
        """The texts of ``ids``, sorted; ``texts`` gives the text of each id."""
        if _SPARSE * len(ids) < len(texts):
            return sorted([texts[value] for value in ids])
        result: list[str] = []
        for block in self._blocks:
            if not block.ids.isdisjoint(ids):
                result += self._inside(block, ids, texts)
        return result

    def _inside(self, block: Block, ids: IdSet, texts: Sequence[str]) -> Iterable[str]:
        """The texts of a block that are of ``ids``, sorted."""
        inside = block.ids & ids
        missing = len(block.texts) - len(inside)
        if missing > len(inside):
            return sorted([texts[value] for value in inside])
        if not missing:
            return block.texts
        left_out = {texts[value] for value in block.ids - inside}
        return filterfalse(left_out.__contains__, block.texts)

    def _ids(self, texts: Iterable[str]) -> IdSet:
        """The ids of texts."""
        return self.make(list(map(self.id_of, texts)))

    def _split(self, at: int) -> None:
        """Halve a block."""
        block = self._blocks[at]
        half = len(block.texts) // 2
        texts = block.texts[half:]
        del block.texts[half:]
        ids = self._ids(texts)
        block.ids -= ids
        self._blocks.insert(at + 1, Block(texts, ids))
        self._firsts.insert(at + 1, texts[0])
