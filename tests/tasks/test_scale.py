"""Large tasks cost what changes, and bounded memory. Operations are counted, never time."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.model import Answer
from ote_twisted.tasks.settings import TaskSettings
from tests.tasks.world import World


class ScaleTests(SynchronousTestCase):
    """Ten thousand targets."""

    def run_task(self, targets, per_turn):
        """A whole task; gives its world."""
        world = World(self)
        for number in range(targets):
            world.carrier.join(f"c{number:05}")
        world.start()
        world.create()
        uid = world.uid()
        for number in range(targets):
            world.owner.answered(uid, "t", f"c{number:05}", Answer(200, b"{}"), 1)
            if number % per_turn == per_turn - 1:
                world.turn(2)
        world.turn()
        return world

    def test_rows_are_linear(self):
        """Each target is written twice, opened and answered, however many there are; one send carries all."""
        for targets in (1000, 10_000):
            world = self.run_task(targets, 500)
            self.assertEqual(dict(world.ledger.rows), {"add": targets, "record": targets})
            self.assertEqual(len(world.carrier.dispatched), 1)
            self.assertEqual(world.owner.counters.answers_received, targets)

    def test_writes_are_per_turn(self):
        """Answers of one turn are one write."""
        world = self.run_task(10_000, 2500)
        self.assertEqual(world.ledger.gate.calls["record"], 4)

    def test_status_writes_are_coalesced(self):
        """Without time passing, all answers together cause the write that says that the task is complete."""
        world = self.run_task(10_000, 500)
        self.assertEqual(world.owner.counters.status_writes, 1)
        self.assertEqual(world.value()["status"]["done"], "10000/10000")
        self.assertEqual(len(world.value()["status"]["clusters"]), 1000)

    def test_status_of_a_busy_task_is_written_at_a_pace(self):
        """A task whose targets answer one by one is written about every tenth of a second, not per answer."""
        world = World(self)
        for number in range(100):
            world.carrier.join(f"c{number:03}")
        world.start()
        world.create()
        uid = world.uid()
        for number in range(99):
            world.owner.answered(uid, "t", f"c{number:03}", Answer(200), 1)
            world.wait(0.01)
        self.assertTrue(5 <= world.owner.counters.status_writes <= 10, world.owner.counters)

    def test_held_answers_are_bounded(self):
        """While the ledger cannot write, answers beyond the bound are shed and asked for again; all come in the end."""
        world = World(self, TaskSettings(held_bytes=1000))
        for number in range(20):
            world.carrier.join(f"c{number:02}")
        world.start()
        world.create()
        world.ledger.gate.full = True
        clusters = [f"c{number:02}" for number in range(20)]
        world.answer(*clusters, body=b"x" * 100)
        shed = world.owner.counters.answers_shed
        self.assertTrue(8 <= shed <= 10)
        world.ledger.gate.full = False
        world.wait(3)
        self.assertEqual(len(world.carrier.reached()), 20 + shed)
        world.answer(*clusters, body=b"x" * 100)
        world.wait(3)
        self.assertTrue(world.complete())
