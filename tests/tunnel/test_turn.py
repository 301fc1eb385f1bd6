"""The flush at the end of a turn, and the one timer for all deadlines."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tunnel.turn import GRANULARITY, SLICE, Deadlines, Flusher


class Recorder:
    """A link and a connection in one."""

    def __init__(self, log: list[object], name: object = "x", explode: bool = False) -> None:
        self.log = log
        self.name = name
        self.due = 0.0
        self.explode = explode

    def flush(self) -> None:
        """See Flushable."""
        self.log.append(self.name)
        if self.explode:
            raise ZeroDivisionError

    def look(self, now: float) -> None:
        """See Watched."""
        self.log.append((self.name, now))
        if self.explode:
            raise ZeroDivisionError


class FlusherTests(SynchronousTestCase):
    """One call for all links of a turn."""

    def setUp(self) -> None:
        """A flusher on a clock."""
        self.clock = Clock()
        self.flusher = Flusher(self.clock)
        self.log: list[object] = []

    def test_everything_at_the_end_of_the_turn(self) -> None:
        """Marked links are flushed once, in order, by one call."""
        for name in "ab":
            self.flusher.mark(Recorder(self.log, name))
        self.assertEqual((self.log, len(self.clock.getDelayedCalls())), ([], 1))
        self.clock.advance(0)
        self.assertEqual((self.log, self.clock.getDelayedCalls()), (["a", "b"], []))

    def test_thousands_in_slices(self) -> None:
        """More links than a slice are flushed over several turns."""
        waiting: list[int] = []
        for number in range(SLICE + 1):
            link = Recorder(self.log, number)
            self.patch(link, "flush", lambda: waiting.append(len(self.clock.getDelayedCalls())))
            self.flusher.mark(link)
        self.clock.advance(0)
        self.assertEqual(waiting, [1] * SLICE + [0])

    def test_one_fault_stops_nobody(self) -> None:
        """A link that fails is logged; the others are flushed."""
        self.flusher.mark(Recorder(self.log, "a", explode=True))
        self.flusher.mark(Recorder(self.log, "b"))
        self.clock.advance(0)
        self.assertEqual(self.log, ["a", "b"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop(self) -> None:
        """Stopping leaves nothing on the clock."""
        self.flusher.mark(Recorder(self.log))
        self.flusher.stop()
        self.flusher.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class DeadlinesTests(SynchronousTestCase):
    """One timer for thousands of deadlines."""

    def setUp(self) -> None:
        """Deadlines on a clock."""
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock)
        self.log: list[object] = []

    def test_each_in_its_time(self) -> None:
        """Deadlines are met in the order of their times, by one timer at a time."""
        for name, when in (("late", 9.0), ("soon", 3.0), ("later", 10.0)):
            self.deadlines.arm(Recorder(self.log, name), when)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([1] * 12)
        self.assertEqual(self.log, [("soon", 3), ("late", 9), ("later", 10)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_last_arming_counts(self) -> None:
        """Arming again replaces the deadline, to earlier or later."""
        watched = Recorder(self.log)
        for when in (5.0, 2.0, 7.0):
            self.deadlines.arm(watched, when)
        self.clock.pump([1] * 10)
        self.assertEqual(self.log, [("x", 7)])

    def test_close_deadlines_share_a_wake_up(self) -> None:
        """Deadlines within the granularity are met together."""
        for number in range(4):
            self.deadlines.arm(Recorder(self.log, number), number * GRANULARITY / 10)
        self.clock.advance(GRANULARITY)
        self.assertEqual(len(self.log), 4)

    def test_one_fault_stops_nobody(self) -> None:
        """A connection that fails at its deadline is logged; the others are looked at."""
        self.deadlines.arm(Recorder(self.log, "a", explode=True), 1)
        self.deadlines.arm(Recorder(self.log, "b"), 1)
        self.clock.advance(1)
        self.assertEqual(self.log, [("a", 1), ("b", 1)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop(self) -> None:
        """Stopping leaves nothing on the clock."""
        self.deadlines.arm(Recorder(self.log), 1)
        self.deadlines.stop()
        self.deadlines.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
