"""What has to be looked at again a while after something happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.controller.conditions import Synced
from ote_twisted.controller.directory import Directory
from ote_twisted.controller.records import ClusterRecords

PATIENCE = 10.0
"""How long a hop that is back has to announce what is behind it, seconds."""

LOOKS = 10
"""How often it is looked for clusters to forget while one could become so old."""

SELDOM = 60.0
"""Longest time between two such looks, seconds."""


class Tidying:
    """Sees to objects of clusters that nobody announced anew: left behind by a hop, told in full, or gone for long."""

    def __init__(
        self,
        directory: Directory,
        records: ClusterRecords,
        clock: IReactorTime,
        forget_after: float,
        forgotten: Callable[[Sequence[str]], None],
    ) -> None:
        """
        :param forget_after: how long a cluster that cannot be reached stays known, seconds; 0 is for ever.
        :param forgotten: is told whom nobody knows any more.
        """
        self._directory = directory
        self._records = records
        self._clock = clock
        self._forget_after = forget_after
        self._forgotten = forgotten
        self._call: IDelayedCall | None = None
        self._forgetting: IDelayedCall | None = None
        self._running = False

    def start(self) -> None:
        """Begin to look."""
        self._running = True
        self._later()

    def look(self) -> None:
        """The directory changed."""
        if self._running and self._call is None and self._directory.come_back:
            self._call = self._clock.callLater(PATIENCE, self._left_behind)

    def synchronised(self, child: str, synced: Synced | None) -> None:
        """How far what is known of a child's subtree is what the child has."""
        if self._directory.synchronised(child, synced):
            self._records.changed([child])

    def stop(self) -> None:
        """Look no more."""
        self._running = False
        for call in (self._call, self._forgetting):
            if call is not None:
                call.cancel()
        self._call = self._forgetting = None

    def _left_behind(self) -> None:
        self._call = None
        self._records.changed(self._directory.left_behind())

    def _later(self) -> None:
        if self._forget_after:
            self._forgetting = self._clock.callLater(min(SELDOM, self._forget_after / LOOKS), self._forget)

    def _forget(self) -> None:
        names = self._directory.forget(self._forget_after)
        if names:
            self._records.remove(names)
            self._forgotten(names)
        self._later()
