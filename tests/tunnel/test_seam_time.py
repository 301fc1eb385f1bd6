"""Time as a machine counts it: rounded. A deadline that is met is behind, whatever a subtraction says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tunnel.session import Drop, Ping, Session, Sleep
from ote_twisted.tunnel.settings import Limits
from ote_twisted.tunnel.turn import GRANULARITY, Deadlines

TIMES = st.floats(0, 1e7, allow_nan=False)
INTERVALS = st.floats(0.01, 100, allow_nan=False)


class Restless:
    """Wants to be looked at again at once, for ever."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.due = 0.0
        self.looks = 0
        self._deadlines = deadlines

    def look(self, now: float) -> None:
        """See Watched."""
        self.looks += 1
        self._deadlines.arm(self, now)


class RoundingTests(SynchronousTestCase):
    """A process is not stopped by the last bit of a clock reading."""

    @settings(max_examples=300, deadline=None)
    @given(TIMES, INTERVALS, st.sampled_from([0.0, 0.1]), st.integers(1, 5))
    def test_a_verdict_is_for_later(self, heard: float, interval: float, patience: float, missed: int) -> None:
        """Whenever a connection is looked at, the next look lies ahead."""
        limits = Limits(ping_interval=interval, missed_pings=missed)
        session = Session(limits, heard, patience * interval)
        session.opened(heard)
        for now in (heard, heard + interval, heard + interval + patience * interval, heard + interval * missed):
            verdict = session.look(now)
            if isinstance(verdict, Sleep | Ping):
                self.assertGreater(verdict.until, now)

    def test_a_case_that_was_met(self) -> None:
        """15 s after 13.44 s a machine reads 28.439999999999998 s, which is less than 15 s later: death all the same."""
        session = Session(Limits(), 13.44)
        session.opened(13.44)
        self.assertIsInstance(session.look(13.44 + 15), Drop)

    def test_nobody_keeps_the_timer_busy(self) -> None:
        """Whoever asks for a deadline that is over is looked at in a later turn, not again and again in this one."""
        clock = Clock()
        deadlines = Deadlines(clock)
        restless = Restless(deadlines)
        deadlines.arm(restless, 0.0)
        clock.pump([GRANULARITY] * 10)
        self.assertLess(restless.looks, 12)
        deadlines.stop()
