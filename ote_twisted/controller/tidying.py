"""What has to be looked at again a while after something happened."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.controller.conditions import Synced
from ote_twisted.controller.directory import Directory
from ote_twisted.controller.records import ClusterRecords

PATIENCE = 10.0
"""How long a hop that is back has to announce what is behind it, seconds."""


class Tidying:
    """Sees to objects of clusters that nobody announced anew: left behind by a hop that is back, or told in full at last."""

    def __init__(self, directory: Directory, records: ClusterRecords, clock: IReactorTime) -> None:
        self._directory = directory
        self._records = records
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._running = False

    def start(self) -> None:
        """Begin to look."""
        self._running = True

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
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _left_behind(self) -> None:
        self._call = None
        self._records.changed(self._directory.left_behind())
