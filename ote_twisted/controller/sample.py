"""A few of many neighbours, chosen so that the choice changes seldom. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ote_twisted.wire.notices import Neighbour

SIZE = 16
"""Neighbours in a sample at most: enough that one of them lives, few enough to tell everybody."""


class Sample:
    """Keeps whom it has: others come in only where there is room, or when one of it goes."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._chosen: dict[str, str] = {}

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """The sample."""
        return tuple(Neighbour(name, listen) for name, listen in self._chosen.items())

    def offer(self, name: str, listen: str) -> None:
        """One is there, or has another address; without an address it cannot be turned to."""
        if not listen:
            self._chosen.pop(name, None)
        elif name in self._chosen or len(self._chosen) < self._size:
            self._chosen[name] = listen

    def remove(self, name: str, others: Iterable[tuple[str, str]]) -> None:
        """One is gone. ``others`` is everybody who is there; they are looked at only if it was one of the sample."""
        if self._chosen.pop(name, None) is not None:
            for other, listen in others:
                if len(self._chosen) == self._size:
                    break
                self.offer(other, listen)
