"""What has to be done first is done when a task's turn has come, and not before."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.errors import ShimUnavailable
from ote_twisted.interfaces import IQueueingShim
from ote_twisted.shim.guard import GuardedShim, GuardLimits
from ote_twisted.shim.lanes import Lanes
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.shim import MemoryHost, MemoryShim


class Refused(Exception):
    """What is to be done first cannot be done."""


class TurnTests(SynchronousTestCase):
    """The guard of a shim."""

    def setUp(self) -> None:
        """One task at a time."""
        self.clock = Clock()
        self.inner = MemoryShim(self.clock)
        self.guard = GuardedShim(self.inner, self.clock, Lanes(1), GuardLimits(task_seconds=10.0))
        self.successResultOf(self.guard.start("c", MemoryHost()))
        self.firsts: list[Deferred[None]] = []

    def first(self) -> Deferred[None]:
        """Something that takes until the test says so."""
        self.firsts.append(Deferred())
        return self.firsts[-1]

    def put(self, uri: str = "/thing") -> Deferred[Answer]:
        """Perform a task that has something to be done first."""
        return self.guard.perform_in_turn(Task("api", "PUT", uri, b"x"), self.first)

    def test_it_is_done_right_before(self) -> None:
        """The task is performed once what has to be done first is done."""
        verifyObject(IQueueingShim, self.guard)
        performing = self.put()
        self.assertEqual((len(self.firsts), self.inner.performed), (1, []))
        self.firsts[0].callback(None)
        self.assertEqual((self.successResultOf(performing).code, len(self.inner.performed)), (201, 1))

    def test_not_before_its_turn(self) -> None:
        """While tasks are before it nothing is done for a task, whether it waits for its object or for a free place."""
        for uri in ("/thing", "/thing", "/other"):
            self.put(uri)
        self.assertEqual(len(self.firsts), 1)
        self.firsts[0].callback(None)
        self.assertEqual((len(self.firsts), len(self.inner.performed)), (2, 1))

    def test_order_though_the_first_waits(self) -> None:
        """What has nothing to be done first does not overtake, for one object, what has."""
        self.put()
        reading = self.guard.perform(Task("api", "GET", "/thing"))
        self.assertNoResult(reading)
        self.firsts[0].callback(None)
        self.assertEqual(self.successResultOf(reading), Answer(200, b"x"))

    def test_what_cannot_be_prepared_is_not_performed(self) -> None:
        """If it fails the task fails likewise, is not performed, and the next one has its turn."""
        refused = self.guard.perform_in_turn(Task("api", "PUT", "/thing"), lambda: fail(Refused()))
        self.failureResultOf(refused, Refused)
        self.put()
        self.assertEqual((len(self.firsts), self.inner.performed, self.guard.crashed), (1, [], 0))

    def test_given_up_before_its_turn(self) -> None:
        """For a task that is given up while it waits nothing is done at all."""
        self.put()
        waiting = self.put()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.firsts[0].callback(None)
        self.assertEqual(len(self.firsts), 1)

    def test_given_up_meanwhile(self) -> None:
        """A task that is given up while the first thing is done is not performed, and the next one has its turn."""
        given_up = self.put()
        self.put()
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        self.firsts[1].callback(None)
        self.assertEqual(len(self.inner.performed), 1)

    def test_stopped_meanwhile(self) -> None:
        """When the shim stops, neither what is being prepared nor what waits is performed, and nothing more is done for it."""
        tasks = [self.put(), self.put()]
        self.successResultOf(self.guard.stop())
        for performing in tasks:
            self.failureResultOf(performing, ShimUnavailable)
        self.failureResultOf(self.put(), ShimUnavailable)
        self.assertEqual((len(self.firsts), self.inner.performed), (1, []))

    def test_its_time_begins_afterwards(self) -> None:
        """What has to be done first takes nothing from the time that the task may take."""
        self.inner.script(delay=5)
        performing = self.put()
        self.clock.advance(9)
        self.firsts[0].callback(None)
        self.clock.advance(5)
        self.assertEqual(self.successResultOf(performing).code, 201)

    def test_refused_tasks_need_nothing(self) -> None:
        """For a task that could smuggle something nothing is done."""
        self.assertEqual((self.successResultOf(self.put("/a\r\nb")).code, self.firsts), (400, []))
