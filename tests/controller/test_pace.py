"""Children that come at once are taken at a rate, each at its turn."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.pace import HORIZON, KEPT, AdmissionPace, PaceLimits


class Crowd:
    """Children that want to join, each of which comes again when it is told to, and some a little earlier or later.

    :ivar joined: when each joined.
    :ivar asked: how often each asked.
    """

    def __init__(self, pace: AdmissionPace, arrivals: list[float], late: list[float]) -> None:
        """:param late: seconds by which children miss their turns, one after the other, again and again."""
        self.joined: dict[str, float] = {}
        self.asked: dict[str, int] = {}
        queue = [(arrival, number) for number, arrival in enumerate(arrivals)]
        heapify(queue)
        while queue:
            now, number = heappop(queue)
            name = f"c{number}"
            self.asked[name] = self.asked.get(name, 0) + 1
            wait = pace.ask(name, now)
            if not wait:
                self.joined[name] = now
            else:
                heappush(queue, (now + max(0.01, wait + late[number % len(late)]), number))

    def most_in(self, seconds: float) -> int:
        """How many joined within so many seconds at most."""
        times = sorted(self.joined.values())
        first, most = 0, 0
        for last, time in enumerate(times):
            while times[first] < time - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most


class PaceTests(SynchronousTestCase):
    """The turns."""

    def test_few_are_taken_at_once(self) -> None:
        """As many as the burst are taken without a wait, and after a rest again."""
        pace = AdmissionPace(PaceLimits(rate=10, burst=5))
        self.assertEqual([pace.ask(f"a{number}", 0.0) for number in range(5)], [0.0] * 5)
        self.assertGreater(pace.ask("b", 0.0), 0.0)
        self.assertEqual([pace.ask(f"c{number}", 10.0) for number in range(5)], [0.0] * 5)

    def test_ten_thousand_at_once_are_all_taken_at_the_rate(self) -> None:
        """Of 10,000 that come in one moment each is told once when to come, and then taken; the last when the rate says."""
        pace = AdmissionPace(PaceLimits(rate=300, burst=300))
        crowd = Crowd(pace, [0.0] * 10_000, [0.0])
        self.assertEqual((len(crowd.joined), max(crowd.asked.values()), len(pace)), (10_000, 2, 0))
        self.assertAlmostEqual(max(crowd.joined.values()), 9_700 / 300, delta=0.02)
        self.assertLessEqual(crowd.most_in(1.0), 300 + 301)
        self.assertLessEqual(crowd.most_in(10.0), 300 + 3001)

    def test_the_same_turn_is_told_again(self) -> None:
        """Whoever comes too early hears of the same moment, however often it asks, and loses nothing by it."""
        pace = AdmissionPace(PaceLimits(rate=1, burst=1))
        pace.ask("first", 0.0)
        self.assertEqual([now + pace.ask("eager", now) for now in (0.0, 0.25, 0.5, 0.75)], [1.0] * 4)
        self.assertEqual((pace.ask("eager", 1.0), pace.ask("other", 1.0)), (0.0, 1.0))

    def test_a_turn_is_kept_for_a_while(self) -> None:
        """One that comes late is taken; one that comes much too late asks anew, and its turn is forgotten."""
        pace = AdmissionPace(PaceLimits(rate=1, burst=1))
        pace.ask("first", 0.0)
        for name in ("late", "gone"):
            pace.ask(name, 0.0)
        self.assertEqual(pace.ask("late", 1.0 + KEPT), 0.0)
        pace.ask("other", 2.1 + KEPT)
        self.assertEqual(len(pace), 0)

    def test_names_of_nobody_are_bounded(self) -> None:
        """However many names ask, turns are given for a few minutes ahead, and no more are remembered."""
        pace = AdmissionPace(PaceLimits(rate=10, burst=1))
        waits = [pace.ask(f"x{number}", 0.0) for number in range(10_000)]
        self.assertEqual((max(waits), waits[-1]), (HORIZON, HORIZON))
        self.assertLessEqual(len(pace), HORIZON * 10 + 1)
        self.assertEqual(pace.ask("x9999", 2 * HORIZON), 0.0)

    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(1, 40),
        st.integers(1, 60),
        st.lists(st.floats(0, 20), min_size=1, max_size=120),
        st.lists(st.sampled_from([-0.9, -0.1, 0.0, 0.3, 0.9, 7.0]), min_size=1, max_size=5),
    )
    def test_everybody_joins_in_time_and_never_too_many(
        self, rate: int, burst: int, arrivals: list[float], late: list[float]
    ) -> None:
        """Whoever comes when it is told, early or late, is taken within the time that all before it take; the rate is kept."""
        crowd = Crowd(AdmissionPace(PaceLimits(rate, burst)), arrivals, late)
        self.assertEqual(len(crowd.joined), len(arrivals))
        longest = max(0, len(arrivals) - burst) / rate + 1 / rate
        for number, arrival in enumerate(arrivals):
            self.assertLessEqual(crowd.joined[f"c{number}"], arrival + longest + max(0.0, *late, 0.02) + 1e-6)
        lateness = ceil(max(0.0, max(late)))
        for seconds in (0.5, 3.0):
            self.assertLessEqual(crowd.most_in(seconds), burst + rate * (seconds + lateness + 0.1) + 1)
