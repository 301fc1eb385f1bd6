"""Texts in order, in blocks, each block with the set of its ids. Pure.

A flat sorted list of a million names moves megabytes at each change, and gives names where ids are wanted; here a change moves a
block, and a whole block joins a result as one bitmap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, compress
from operator import not_

from attrs import field

from ote_twisted.topology.selection.ids import IdSet, MakeIds
from ote_twisted.topology.selection.patterns import Pattern
from ote_twisted.values import define

BLOCK = 1024
"""Most texts in a block; then it is split."""

_AFTER_ALL = "\U0010ffff"
_STEP = 4


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

    def matching(self, among: IdSet, pattern: Pattern, each: Callable[[Iterable[int], Pattern], IdSet]) -> IdSet:
        """Ids of those texts ``among`` the given that match, as a new set.

        :param each: looks at each of some ids, for blocks of which most are not to be looked at.
        """
        few: list[int] = []
        unmatched: list[str] = []
        for block in self._blocks:
            if block.ids.isdisjoint(among):
                continue
            inside = block.ids & among
            if 2 * len(inside) > len(block.texts):
                unmatched += _unmatched(block.texts, pattern)
            else:
                few += inside
        return (among - self.make(few) - self._ids(unmatched)) | each(few, pattern)

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


def _unmatched(texts: list[str], pattern: Pattern) -> list[str]:
    """Those of sorted texts that do not match.

    Neighbours begin alike, so the beginning that makes one match makes others match that need not be looked at. Where that is
    tried in vain it is tried again after more and more texts.
    """
    if not pattern.is_open:
        return list(compress(texts, map(not_, pattern.flags(texts))))
    result: list[str] = []
    at, step = 0, _STEP
    while at < len(texts):
        end = _reach(texts, at, pattern)
        if end - at >= step:
            at, step = end, _STEP
            continue
        part = texts[at : at + step]
        result += compress(part, map(not_, pattern.flags(part)))
        at, step = at + step, step * 4
    return result


def _reach(texts: list[str], at: int, pattern: Pattern) -> int:
    """Where those end that start with the shortest beginning of the text there that matches an open pattern."""
    text = texts[at]
    if not pattern.matches(text):
        return at
    size = bisect_left(range(len(text)), True, key=lambda length: bool(pattern.matches(text[:length])))
    return bisect_left(texts, text[:size] + _AFTER_ALL, at)
