"""The regions of B10, all in one process: each is one link, and announces as many leaves as if they were below it.

``python -m benchmarks.leaf_load PORT REGIONS LEAVES``, LEAVES for each region. Each line on stdin is a question and every
answer holds what was counted so far. ``{"per_second": 100}`` lets as many leaves change from now on, one after the other
through all regions: each gets another version, and is announced by itself.
"""

from __future__ import annotations

import sys
from itertools import cycle
from typing import Any

from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall

from benchmarks.hop_children import Child, Children
from benchmarks.tree_load import Counted, OfChildren
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, combine, entry_digest

VERSIONS = ("1.0", "1.1")
PART = 400
"""Clusters in a message: links that know no chunks keep below 64 KiB."""

TICK = 0.1
"""Seconds between two portions of changes."""


class Region(Counted, Child):
    """One link with the leaves below it.

    :cvar leaves: below each region.
    """

    leaves = 0

    def opened(self) -> None:
        """Say who this is, and who is below."""
        own = ClusterEntry(self.name, parent="root", labels={"tier": "region"})
        self._digest = self._changed = 0
        everyone = [own, *(self._leaf(number, VERSIONS[0]) for number in range(self.leaves))]
        for first in range(0, len(everyone), PART):
            part = tuple(everyone[first : first + PART])
            self._digest = combine(self._digest, sum(map(entry_digest, part)))
            self._tell(Announcement(not first, part, (), self._digest, first + len(part)))
        self.children.connected(self)

    def _leaf(self, number: int, version: str) -> ClusterEntry:
        labels = {"region": self.name, "tier": "site"}
        return ClusterEntry(f"{self.name}-{number:04d}", parent=self.name, labels=labels, performs=True, version=version)

    def change(self) -> None:
        """The next leaf gets the next version."""
        turn, number = divmod(self._changed, self.leaves)
        before, now = (self._leaf(number, VERSIONS[(turn + step) % 2]) for step in (0, 1))
        self._changed += 1
        self._digest = combine(self._digest, entry_digest(now), entry_digest(before))
        self._tell(Announcement(False, (now,), (), self._digest, self.leaves + 1))

    def _tell(self, told: Announcement) -> None:
        head = pb.MessageHead(Command=pb.Announce, ClusterName=self.name)
        self.send(pb.ClusterMessage(Head=head, Body=encode_announcement(told)).SerializeToString())


class Questions(OfChildren):
    """The harness's questions; changes at a rate."""

    def __init__(self, crowd: Children, reactor: Any) -> None:
        super().__init__(crowd)
        self._ticking = LoopingCall.withCount(self._tick)
        self._ticking.clock = reactor
        self._rate = self._owed = 0.0
        self._changes = 0

    def state(self, question: dict[str, Any]) -> dict[str, Any]:
        """How many regions are connected and how many changes were told."""
        if "per_second" in question:
            self._rate, self._owed = float(question["per_second"]), 0.0
            if not self._ticking.running:
                self._next = cycle(self._crowd.open)
                self._ticking.start(TICK, now=False)
        return {"connected": len(self._crowd.open), "changes": self._changes}

    def _tick(self, count: int) -> None:
        self._owed += self._rate * TICK * count
        while self._owed >= 1:
            self._owed -= 1
            region = next(self._next)
            assert isinstance(region, Region)
            region.change()
            self._changes += 1


def main(port: int, regions: int, leaves: int) -> None:
    """Be the regions until told to stop."""
    from twisted.internet import reactor

    Region.leaves = leaves
    StandardIO(Questions(Children(reactor, port, range(regions), Region), reactor))
    reactor.run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
