"""Forgotten clusters and what is said of them afterwards."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.topology.table import RoutingTable
from ote_twisted.topology.tombstones import MOST, Tombstones
from ote_twisted.wire.entry import ClusterEntry

ONE, OTHER = "1" * 32, "2" * 32


def entry(instance: str = ONE, epoch: int = 5, name: str = "x") -> ClusterEntry:
    """A cluster below ``a``."""
    return ClusterEntry(name, "a", performs=True, instance=instance, epoch=epoch)


class TombstoneTests(SynchronousTestCase):
    """A routing table with the tombstone of ``x``, which had epoch 5."""

    def setUp(self) -> None:
        """Bury it."""
        self.tombstones = Tombstones()
        self.tombstones.put(entry())
        self.table = RoutingTable(ClusterEntry("root"), self.tombstones)
        self.table.open_child(ClusterEntry("a"))

    def test_late_news_does_not_revive(self) -> None:
        """A claim of the same cluster with an older epoch gets no route; its child is told, and the digests still agree."""
        late = entry(epoch=4)
        difference = self.table.announce("a", [ClusterEntry("a"), late], (), complete=True)
        self.assertEqual((self.table.via, [each.name for each in difference.refused]), ({"a": "a"}, ["x"]))
        self.assertIn("forgotten", difference.refused[0].reason)
        self.assertIn("x", self.table.children["a"].claims)

    def test_a_return_revives(self) -> None:
        """The same cluster on the way that was known last or a newer one, and another cluster of the name, get their route."""
        for returned in (entry(), entry(epoch=6), entry(OTHER, 1), entry("", 0)):
            self.assertEqual(self.tombstones.refusal(returned), "")
        self.table.announce("a", [entry(epoch=4)], ())
        difference = self.table.announce("a", [entry(epoch=6)], ())
        self.assertEqual((self.table.via["x"], list(difference.present)), ("a", ["x"]))

    def test_memory_is_bounded(self) -> None:
        """The oldest tombstones go; clusters without an identity get none."""
        for number in range(MOST + 5):
            self.tombstones.put(entry(name=f"c{number}"))
        self.tombstones.put(entry("", 0, "nobody"))
        self.assertEqual((len(self.tombstones), self.tombstones.refusal(entry(epoch=1))), (MOST, ""))
