"""Bounded concurrency, and order for each object."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import ShimUnavailable
from ote_twisted.shim.lanes import Lanes
from ote_twisted.tasks.model import Answer


class Calls:
    """Calls that end when they are told to."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.begun: list[str] = []
        self.ends: dict[str, Deferred[Answer]] = {}
        self.results: dict[str, object] = {}

    def give(self, name: str, key: str | None = None) -> Deferred[Answer]:
        """Give one call; its key is its first letter."""

        def begin() -> Deferred[Answer]:
            self.begun.append(name)
            self.ends[name] = Deferred()
            return self.ends[name]

        result = self.lanes.run(key or name[0], begin)
        result.addBoth(lambda outcome: self.results.update({name: outcome}))
        return result

    def end(self, name: str) -> None:
        """Let one call end."""
        self.ends.pop(name).callback(Answer(200, name.encode()))


class LanesTests(SynchronousTestCase):
    """Bounded concurrency with order per key (F70)."""

    def test_different_objects_at_once(self):
        """A slow call of one object holds up no other object."""
        calls = Calls(Lanes())
        for name in ("a1", "b1", "c1"):
            calls.give(name)
        calls.end("c1")
        self.assertEqual(calls.begun, ["a1", "b1", "c1"])
        self.assertEqual(calls.results, {"c1": Answer(200, b"c1")})

    def test_one_object_in_order(self):
        """A call begins when the earlier ones of its object have ended."""
        calls = Calls(Lanes())
        for name in ("a1", "a2", "b1", "a3"):
            calls.give(name)
        self.assertEqual(calls.begun, ["a1", "b1"])
        calls.end("a1")
        self.assertEqual(calls.begun, ["a1", "b1", "a2"])
        calls.end("a2")
        self.assertEqual(calls.begun, ["a1", "b1", "a2", "a3"])

    def test_bounded(self):
        """No more calls are under way than the limit; the next begins when one ends."""
        lanes = Lanes(limit=2)
        calls = Calls(lanes)
        for name in ("a1", "b1", "c1", "d1"):
            calls.give(name)
        self.assertEqual((calls.begun, lanes.active, lanes.waiting), (["a1", "b1"], 2, 2))
        calls.end("b1")
        self.assertEqual((calls.begun, lanes.active, lanes.waiting), (["a1", "b1", "c1"], 2, 1))

    def test_too_many_waiting(self):
        """A call that finds too many waiting fails with ShimUnavailable and is counted."""
        lanes = Lanes(limit=1, waiting_limit=1)
        calls = Calls(lanes)
        calls.give("a1")
        calls.give("b1")
        self.failureResultOf(lanes.run("c", lambda: succeed(Answer(200))), ShimUnavailable)
        self.assertEqual(lanes.refused, 1)

    def test_waiting_call_given_up(self):
        """A call that is cancelled before it began never begins."""
        lanes = Lanes(limit=1)
        calls = Calls(lanes)
        calls.give("a1")
        waiting, _ = calls.give("a2"), calls.give("a3")
        waiting.cancel()
        self.assertEqual(lanes.waiting, 1)
        calls.end("a1")
        self.assertEqual(calls.begun, ["a1", "a3"])

    def test_running_call_given_up(self):
        """A call that is cancelled while under way is told so, and its object goes on."""
        calls = Calls(Lanes(limit=1))
        running = calls.give("a1")
        calls.give("a2")
        running.cancel()
        self.assertEqual(calls.begun, ["a1", "a2"])
        outcome = calls.results["a1"]
        self.assertEqual(getattr(outcome, "type", None), CancelledError)

    def test_call_that_raises(self):
        """A call that raises fails its own result only."""
        lanes = Lanes(limit=1)

        def broken() -> Deferred[Answer]:
            raise ZeroDivisionError

        self.failureResultOf(lanes.run("a", broken), ZeroDivisionError)
        self.assertEqual(self.successResultOf(lanes.run("a", lambda: succeed(Answer(200)))), Answer(200))

    def test_many_immediate_calls(self):
        """Thousands of calls that end at once, given by one that had to be waited for, need no deep stack."""
        lanes = Lanes(limit=1)
        calls = Calls(lanes)
        calls.give("a1")
        results = [lanes.run("a", lambda: succeed(Answer(200))) for _ in range(3000)]
        calls.end("a1")
        self.assertEqual(self.successResultOf(results[-1]), Answer(200))
        self.assertEqual((lanes.active, lanes.waiting), (0, 0))

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=40), st.integers(1, 4))
    def test_any_sequence(self, steps, limit):
        """Whatever begins, ends and is given up: never above the limit, one per object, in order, and nothing is lost."""
        lanes = Lanes(limit)
        calls = Calls(lanes)
        given_calls: list[tuple[str, Deferred[Answer]]] = []
        for number, (key, choice, give) in enumerate(steps):
            if give:
                name = f"{key}{number}"
                given_calls.append((name, calls.give(name)))
            elif choice == 3 and given_calls:
                given_calls[number % len(given_calls)][1].cancel()
            elif running := [name for name in calls.ends if name not in calls.results]:
                calls.end(running[choice % len(running)])
            running = [name for name in calls.ends if name not in calls.results]
            self.assertLessEqual(len(running), limit)
            self.assertEqual(len({name[0] for name in running}), len(running))
        while running := [name for name in calls.ends if name not in calls.results]:
            calls.end(running[0])
        self.assertEqual(set(calls.results), {name for name, _ in given_calls})
        for key in "abc":
            numbers = [int(name[1:]) for name in calls.begun if name[0] == key]
            self.assertEqual(numbers, sorted(numbers))
        self.assertEqual((lanes.active, lanes.waiting), (0, 0))
