"""Who is below whom. Pure.

Each cluster with others below it keeps all of them as one id set. So ``under(x)`` is a look-up, a whole subtree moves by one set
operation for each ancestor instead of one step for each member, and memory is two bytes for each name and level.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern

from ote_twisted.errors import OTEError
from ote_twisted.topology.selection.ids import IdSet, MakeIds

MAX_DEPTH = 64
"""Hops below the receiver; a deeper tree is refused, for it costs memory at every level."""


class InvalidParent(OTEError):
    """A cluster cannot be below the one it names: that would be a loop, or too deep."""


class Tree:
    """Parents of clusters; a parent may be named before it is known itself.

    A cluster's depth is the number of its ancestors, the furthest of which names no parent or is not known.
    """

    __slots__ = ("_below", "_ids", "_levels", "_make", "_parents")

    def __init__(self, make: MakeIds, ids: Mapping[str, int]) -> None:
        self._make = make
        self._ids = ids
        self._parents: list[str] = []
        self._below: dict[str, IdSet] = {}
        self._levels: list[IdSet] = []

    def ancestors(self, name: str) -> list[str]:
        """Parent, grandparent, and so on."""
        path: list[str] = []
        while name in self._ids and (name := self._parents[self._ids[name]]):
            path.append(name)
        return path

    def parent(self, name: str) -> str:
        """The parent's name, empty for none."""
        return self._parents[self._ids[name]]

    def below(self, name: str) -> IdSet:
        """Everyone below. To be read, never changed."""
        return self._below.get(name) or self._make(())

    def level(self, depth: int) -> IdSet:
        """Everyone at a depth. To be read, never changed."""
        return self._levels[depth] if depth < len(self._levels) else self._make(())

    def check(self, name: str, parent: str) -> None:
        """Whether ``name`` may be below ``parent``.

        :raise InvalidParent: it may not.
        """
        path = [parent, *self.ancestors(parent)] if parent else []
        if name in path:
            raise InvalidParent(f"cluster {name!r} cannot be below {parent!r}, which is below it")
        if len(path) + self._height(name) > MAX_DEPTH:
            raise InvalidParent(f"cluster {name!r} below {parent!r} makes the tree deeper than {MAX_DEPTH}")

    def attach(self, name: str, parent: str) -> None:
        """Put a cluster, with everyone below it, below a parent that :meth:`check` admits, or below nobody."""
        value = self._ids[name]
        self._parents.extend([""] * (value + 1 - len(self._parents)))
        self._parents[value] = intern(parent)
        path = self.ancestors(name)
        self._shift(self.below(name), len(path))
        self._level(len(path)).add(value)
        subtree = self._subtree(name)
        for ancestor in path:
            if ancestor in self._below:
                self._below[ancestor] |= subtree
            else:
                self._below[ancestor] = subtree.copy()

    def detach(self, name: str) -> None:
        """Take a cluster, with everyone below it, from below its parent."""
        value = self._ids[name]
        path = self.ancestors(name)
        self._levels[len(path)].discard(value)
        self._shift(self.below(name), -len(path))
        subtree = self._subtree(name)
        for ancestor in path:
            self._below[ancestor] -= subtree
            if not self._below[ancestor]:
                del self._below[ancestor]
        self._parents[value] = ""

    def _subtree(self, name: str) -> IdSet:
        """A cluster and everyone below it, as a new set."""
        return self._make((self._ids[name],)) | self.below(name)

    def _height(self, name: str) -> int:
        """Levels below a cluster."""
        below = self._below.get(name)
        if below is None:
            return 0
        deepest = next(depth for depth in reversed(range(len(self._levels))) if not self._levels[depth].isdisjoint(below))
        return deepest - len(self.ancestors(name))

    def _shift(self, moved: IdSet, levels: int) -> None:
        """Change the depth of all of ``moved``."""
        if not levels or not moved:
            return
        parts = [(depth, present & moved) for depth, present in enumerate(self._levels)]
        for depth, part in parts:
            self._levels[depth] -= part
        for depth, part in parts:
            if part:
                self._level(depth + levels)
                self._levels[depth + levels] |= part

    def _level(self, depth: int) -> IdSet:
        """The set of a depth, which exists from now on."""
        while len(self._levels) <= depth:
            self._levels.append(self._make(()))
        return self._levels[depth]
