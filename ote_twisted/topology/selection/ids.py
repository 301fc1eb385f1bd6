"""Sets of small integers, and posting lists made of them. Pure.

Roaring bitmaps where the wheel is installed, plain sets otherwise; everything above uses only the operators of
:class:`IdSet`, which both have.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Generic, Protocol, Self, TypeVar, cast

KeyT = TypeVar("KeyT", bound=Hashable)


class IdSet(Protocol):
    """A mutable set of non-negative integers. Iteration order is not promised."""

    def add(self, value: int, /) -> None:
        """Put one in."""

    def discard(self, value: int, /) -> None:
        """Take one out, if it is in."""

    def copy(self) -> Self:
        """An independent set of the same members."""

    def union(self, *others: Self) -> Self:
        """A new set of the members of all ``others``; called on an empty set only."""

    def isdisjoint(self, other: Self, /) -> bool:
        """Whether no member is common."""

    def issubset(self, other: Self, /) -> bool:
        """Whether every member is in ``other`` too."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[int]: ...
    def __contains__(self, value: Any, /) -> bool: ...
    def __and__(self, other: Self, /) -> Self: ...
    def __or__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> Self: ...
    def __ior__(self, other: Self, /) -> Self: ...
    def __isub__(self, other: Self, /) -> Self: ...


MakeIds = Callable[[Iterable[int]], IdSet]
"""What makes an :class:`IdSet` of some members."""


def plain_ids(members: Iterable[int] = ()) -> IdSet:
    """A plain set, for where roaring bitmaps are not installed; takes about six times their memory."""
    return cast(IdSet, set(members))


def best_ids() -> MakeIds:
    """Roaring bitmaps where the wheel is installed, plain sets otherwise."""
    try:
        from pyroaring import BitMap  # 0.9 MB, which whoever knows few clusters does without
    except ImportError:
        return plain_ids
    return cast(MakeIds, BitMap)


def numbers(ids: IdSet) -> Iterable[int]:
    """The members of a set; a bitmap gives them faster all at once than one by one."""
    whole: Callable[[], Iterable[int]] | None = getattr(ids, "to_array", None)
    return whole() if whole else ids


class Postings(Generic[KeyT]):
    """From keys to the ids that have them.

    A key with a single id, as unique label values are, costs no set.
    """

    __slots__ = ("_make", "_sets")

    def __init__(self, make: MakeIds) -> None:
        self._make = make
        self._sets: dict[KeyT, int | IdSet] = {}

    def __contains__(self, key: KeyT) -> bool:
        return key in self._sets

    def __iter__(self) -> Iterator[KeyT]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def add(self, keys: Iterable[KeyT], value: int) -> None:
        """Put ``value`` under each of the keys, under none of which it is."""
        sets = self._sets
        for key in keys:
            present = sets.get(key)
            if present is None:
                sets[key] = value
            elif present.__class__ is int:
                sets[key] = self._make((present, value))
            else:
                present.add(value)  # type: ignore[union-attr]

    def discard(self, keys: Iterable[KeyT], value: int) -> None:
        """Take ``value`` from under each of the keys, under all of which it is; an empty key is forgotten."""
        sets = self._sets
        for key in keys:
            present = sets[key]
            if present.__class__ is int:
                del sets[key]
                continue
            present.discard(value)  # type: ignore[union-attr]
            if not present:
                del sets[key]

    def get(self, key: KeyT) -> IdSet:
        """The ids under ``key``, perhaps none. To be read, never changed."""
        present = self._sets.get(key)
        if present is None:
            return self._make(())
        return self._make((present,)) if isinstance(present, int) else present

    def union(self, keys: Iterable[KeyT]) -> IdSet:
        """The ids under any of the keys, as a new set."""
        found = [self._sets[key] for key in keys if key in self._sets]
        sets = [one for one in found if not isinstance(one, int)]
        return self._make(()).union(self._make(one for one in found if isinstance(one, int)), *sets)
