"""Two controllers that run from copies of one state folder: to the tree they are one cluster that never ends moving."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.topology.claims import related
from ote_twisted.topology.difference import Difference, Refused
from ote_twisted.topology.table import RoutingTable

LOOK = 60.0
"""How often is looked for claims that were left behind, seconds; whoever has moved has ended its old link long before."""

Claimed = tuple[str, str, int]
"""Name, child through which it is claimed, epoch."""


class Twins:
    """Finds clusters that are here in one place and go on to be claimed in another, and tells both of them and people.

    A cluster that has moved leaves its old way within seconds. One that is still claimed there a minute later, by the same
    identity and an older epoch, is another machine.
    """

    def __init__(
        self,
        table: RoutingTable,
        clock: IReactorTime,
        found: Callable[[str, str, str], None],
        changed: Callable[[Difference], None],
    ) -> None:
        """
        :param found: is told of the name, through whom it is reached, and through whom it is claimed as well; once.
        :param changed: tells the child of the claim.
        """
        self._table = table
        self._clock = clock
        self._found = found
        self._changed = changed
        self._seen: set[Claimed] = set()
        self._told: set[Claimed] = set()
        self._call: IDelayedCall | None = None
        self._stopped = False

    def watch(self) -> None:
        """There are children."""
        if self._call is None and not self._stopped:
            self._call = self._clock.callLater(LOOK, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        before, self._seen = self._seen, set(self._left_behind())
        self._told &= self._seen
        difference = Difference()
        for name, child, epoch in sorted(before & self._seen):
            holder = self._table.via[name]
            reason = f"a copy of its state folder is in use, and reached through {holder}"
            self._table.disputes.waiting(name)[child] = reason
            difference.refused.append(Refused(child, name, reason))
            if (name, child, epoch) not in self._told:
                self._found(name, holder, child)
        self._told |= before & self._seen
        self._changed(difference)
        if self._table.children:
            self.watch()

    def _left_behind(self) -> Iterator[Claimed]:
        table = self._table
        for name in table.disputes:
            held = table.entry(name)
            if held is None or not held.instance:
                continue
            for child in table.disputes.waiting(name):
                claim = table.children[child].claims[name]
                if related(claim.entry, held) and claim.entry.epoch < held.epoch and not table.stale(child, claim):
                    yield name, child, claim.entry.epoch
