"""The owner of tasks over the store that keeps objects and books in one SQLite file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.storage.model import JSON, Key
from ote_twisted.storage.sqlite.opening import open_store
from ote_twisted.tasks.declared import RESOURCE, write_time
from ote_twisted.tasks.model import Answer
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.testing.carrier import RecordingCarrier

EPOCH = 1_700_000_000.0
KEY = Key(RESOURCE, "kube-system", "t")


class DurableTests(SynchronousTestCase):
    """What a file keeps from one process to the next."""

    def setUp(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "store.sqlite"
        self.clock = Clock()
        self.carrier = RecordingCarrier()
        for name in ("c1", "c2", "c3"):
            self.carrier.join(name)
        self.open()
        self.addCleanup(self.close)

    def open(self):
        """A new process."""
        self.storage = open_store(self.path, self.clock)
        self.owner = TaskOwner(
            "root", self.storage.objects, self.storage.ledger, self.carrier, self.clock, lambda: EPOCH + self.clock.seconds()
        )
        self.owner.startService()
        self.turn()

    def close(self):
        """The end of a process."""
        self.result(self.owner.stopService())
        self.result(self.storage.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def turn(self):
        """Turns, but no time."""
        for _ in range(20):
            self.clock.advance(0)

    def result(self, waiting: Deferred[Any]) -> Any:
        """What becomes of it in the next turns."""
        self.turn()
        return self.successResultOf(waiting)

    def create(self):
        """A task for everybody."""
        metadata = {"name": "t", "namespace": "kube-system", "uid": "u", "generation": 1, "creationTimestamp": write_time(EPOCH)}
        spec = {"clusterSelector": "*", "method": "GET", "url": "/version"}
        self.result(self.storage.objects.create(KEY, {"metadata": metadata, "spec": spec}))
        self.turn()

    def answer(self, *clusters):
        """Answers of one turn."""
        for cluster in clusters:
            self.owner.answered("u.1", "t", cluster, Answer(200, b"ok"), 1)
        self.turn()

    def status(self) -> JSON:
        """The status after all pacing."""
        self.clock.advance(1)
        self.turn()
        status: JSON = orjson.loads(self.result(self.storage.objects.get(KEY)).value)["status"]
        return status

    def test_whole_life(self):
        """A task is sent, answered, and complete."""
        self.create()
        self.answer("c1", "c2", "c3")
        status = self.status()
        self.assertEqual((status["done"], status["clusters"]["c2"]["body"]), ("3/3", "ok"))

    def test_exactly_the_missing_targets_after_a_new_start(self):
        """A new process on the same file sends exactly to those that have not answered."""
        self.create()
        self.answer("c2")
        self.close()
        self.open()
        self.assertEqual(self.carrier.reached(), ["c1", "c2", "c3", "c1", "c3"])
        self.answer("c1", "c3")
        self.assertEqual(self.status()["done"], "3/3")
