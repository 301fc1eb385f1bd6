"""What the guard adds to any shim."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import ShimUnavailable
from ote_twisted.shim.guard import GuardedShim, GuardLimits
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.shim import MemoryHost, MemoryShim

READ = Task("api", "GET", "/thing")


class SlowStart(MemoryShim):
    """Is of use when told so."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.starting: Deferred[None] = Deferred()

    def start(self, cluster, host):
        """See IClusterShim."""
        return self.starting


class GuardTests(SynchronousTestCase):
    """Order, time, size, and faults of what is inside."""

    def guarded(self, limits: GuardLimits | None = None) -> GuardedShim:
        """A started guard over a scriptable shim."""
        self.clock = Clock()
        self.inner = MemoryShim(self.clock)
        guard = GuardedShim(self.inner, self.clock, limits=limits)
        self.successResultOf(guard.start("c", MemoryHost()))
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        return guard

    def test_order_though_the_first_is_slow(self):
        """A slow write takes effect before a quick one that was given later."""
        guard = self.guarded()
        self.inner.script(delay=5)
        guard.perform(Task("api", "PUT", "/thing", b"first"))
        guard.perform(Task("api", "PUT", "/thing", b"second"))
        reading = guard.perform(READ)
        self.clock.pump([1] * 6)
        self.assertEqual(self.successResultOf(reading), Answer(200, b"second"))

    def test_others_are_not_held_up(self):
        """A slow task holds up no task for another object (F70, F71)."""
        guard = self.guarded()
        self.inner.script(delay=5)
        slow = guard.perform(READ)
        self.assertEqual(self.successResultOf(guard.perform(Task("api", "GET", "/other"))).code, 404)
        self.clock.advance(5)
        self.assertEqual(self.successResultOf(slow).code, 404)

    def test_too_slow_is_504(self):
        """A task that takes too long is given up with a 504 and a sentence."""
        guard = self.guarded(GuardLimits(task_seconds=10))
        self.inner.script(delay=60)
        performing = guard.perform(READ)
        self.clock.advance(10)
        answer = self.successResultOf(performing)
        self.assertEqual((answer.code, guard.timed_out, len(self.inner.cancelled)), (504, 1, 1))
        self.assertIn(b"did not answer within 10 s", answer.body)

    def test_crash_is_500(self):
        """A shim that raises costs one 500, which is logged and does not tell what went wrong inside."""
        guard = self.guarded()
        self.inner.script(outcome=ZeroDivisionError("password=hunter2"))
        answer = self.successResultOf(guard.perform(READ))
        self.assertEqual((answer.code, guard.crashed), (500, 1))
        self.assertNotIn(b"hunter2", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_no_answer_is_500(self):
        """A shim that gives something else than an answer costs one 500."""
        guard = self.guarded()
        self.patch(self.inner, "perform", lambda task: succeed(None))
        self.assertEqual(self.successResultOf(guard.perform(READ)).code, 500)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_unavailable_passes(self):
        """ShimUnavailable from inside stays that."""
        guard = self.guarded()
        self.inner.script(outcome=ShimUnavailable("away"))
        self.failureResultOf(guard.perform(READ), ShimUnavailable)

    def test_long_answer_is_cut(self):
        """An answer above the limit is cut, marked and counted (F59)."""
        guard = self.guarded(GuardLimits(body_bytes=3))
        self.inner.contents["/thing"] = b"abcde"
        self.assertEqual(self.successResultOf(guard.perform(READ)), Answer(200, b"abc", True, 5))
        self.assertEqual(guard.truncated, 1)

    def test_faulty_task_is_not_performed(self):
        """A task that could smuggle something never reaches the shim."""
        guard = self.guarded()
        self.assertEqual(self.successResultOf(guard.perform(Task("api", "GET", "/a\r\nb"))).code, 400)
        self.assertEqual(self.inner.performed, [])

    def test_cancel_reaches_the_shim(self):
        """Cancelling gives up what is under way."""
        guard = self.guarded()
        self.inner.script(delay=5)
        performing = guard.perform(READ)
        performing.cancel()
        self.failureResultOf(performing, CancelledError)
        self.assertEqual(self.inner.cancelled, [READ])

    def test_stop_ends_what_is_open(self):
        """Stopping fails tasks under way and waiting with ShimUnavailable."""
        guard = self.guarded()
        self.inner.script(delay=5)
        tasks = [guard.perform(READ), guard.perform(READ)]
        self.successResultOf(guard.stop())
        for performing in tasks:
            self.failureResultOf(performing, ShimUnavailable)

    def test_nothing_while_starting(self):
        """A shim whose start is not through performs nothing yet."""
        inner = SlowStart(Clock())
        guard = GuardedShim(inner, Clock())
        guard.start("c", MemoryHost())
        self.failureResultOf(guard.perform(READ), ShimUnavailable)
        inner.starting.callback(None)
        self.assertEqual(self.successResultOf(guard.perform(READ)).code, 404)

    def test_start_after_stop_does_not_revive(self):
        """A start that is through only after the stop changes nothing."""
        inner = SlowStart(Clock())
        guard = GuardedShim(inner, Clock())
        guard.start("c", MemoryHost())
        guard.stop()
        inner.starting.callback(None)
        self.failureResultOf(guard.perform(READ), ShimUnavailable)
