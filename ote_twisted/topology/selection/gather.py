"""The texts of many ids at once. Pure.

To make the number of an id takes longer than to find its text, so where almost all of many neighbours are wanted their texts are
taken as slices, and only the numbers of those that are not wanted are made.
"""

from __future__ import annotations

from collections.abc import Sequence

from ote_twisted.topology.selection.ids import IdSet, MakeIds, numbers

CHUNK = 1024
"""Neighbours that are looked at together."""

_DENSE = 2 / 3
_HOLES = 16


def gather(ids: IdSet, texts: Sequence[str], make: MakeIds) -> list[str]:
    """The texts of ``ids``, in no particular order; ``texts`` gives the text of each id, ``make`` makes id sets."""
    if len(ids) < _DENSE * len(texts):
        return [texts[value] for value in numbers(ids)]
    spans: list[tuple[int, int]] = []
    rest = make(())
    for start in range(0, len(texts), CHUNK):
        end = min(start + CHUNK, len(texts))
        chunk = make(range(start, end))
        holes = chunk - ids
        if _HOLES * len(holes) > len(chunk):
            rest |= chunk
        elif holes:
            spans += _between(start, sorted(holes), end)
        else:
            spans.append((start, end))
    result = [texts[value] for value in numbers(rest & ids)]
    for start, end in spans:
        result += texts[start:end]
    return result


def _between(start: int, holes: list[int], end: int) -> list[tuple[int, int]]:
    """What is left of a span without its holes."""
    return list(zip((start, *(hole + 1 for hole in holes)), (*holes, end), strict=True))
