"""The store in memory, where it differs from one with a history."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.storage.limits import Limits
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import Key, StoreEvent


class WatchTests(SynchronousTestCase):
    """Watches without a history behind them."""

    def test_many_writes_in_the_turn_of_a_watch(self) -> None:
        """A watch that begins misses nothing, however many writes the same turn brings; afterwards the bound holds again."""
        clock, seen = Clock(), list[StoreEvent]()
        store = MemoryObjectStore(clock, Limits(kept_versions=4))
        watch = store.watch("things", store.version(), seen.extend)
        for number in range(20):
            store.create(Key("things", "n", f"t{number}"), {"metadata": {"name": f"t{number}"}})
        clock.advance(0)
        self.assertEqual([event.object.key.name for event in seen], [f"t{number}" for number in range(20)])
        self.assertFalse(watch.stopped)
        store.create(Key("things", "n", "last"), {"metadata": {"name": "last"}})
        self.assertEqual(len(store.feed._ring), 4)
        clock.advance(0)
        self.assertEqual(seen[-1].object.key.name, "last")
