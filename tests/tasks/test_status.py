"""Status and conditions as values."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.conditions import Progress, conditions
from ote_twisted.tasks.model import LedgerEntry, TargetState
from ote_twisted.tasks.settings import Bounds
from ote_twisted.tasks.status import build_status, shown_clusters

PENDING, SENT, DONE, FAILED, EXPIRED = TargetState


def progress(generation=1, over=False, faults=(), **counts):
    """A progress with so many targets in each state."""
    return Progress(generation, {state: counts.get(str(state), 0) for state in TargetState}, 1000.0, over, faults)


def entry(cluster, state=DONE, code=200, body=b"{}", **more):
    """A ledger entry."""
    return LedgerEntry("u.1", cluster, state, code, body, **more)


def everywhere(_cluster):
    """Every cluster is online."""
    return True


def nowhere(_cluster):
    """No cluster is online."""
    return False


class ConditionsTests(SynchronousTestCase):
    """What Complete and Failed say."""

    def told(self, progress, previous=None, now=5.0):
        """Type to status and reason."""
        return {told["type"]: (told["status"], told["reason"]) for told in conditions(progress, previous, now)}

    def test_in_progress(self):
        """While a target is unfinished the task is not complete."""
        self.assertEqual(
            self.told(progress(done=3, sent=1)), {"Complete": ("False", "InProgress"), "Failed": ("False", "NoneFailed")}
        )

    def test_early_failure(self):
        """A failure is told before the task is complete."""
        self.assertEqual(
            self.told(progress(failed=1, pending=1)), {"Complete": ("False", "InProgress"), "Failed": ("True", "ClustersFailed")}
        )

    def test_all_done(self):
        """All done is complete and not failed."""
        self.assertEqual(self.told(progress(done=1)), {"Complete": ("True", "AllDone"), "Failed": ("False", "NoneFailed")})

    def test_some_expired(self):
        """Expired targets are final, and a failure."""
        self.assertEqual(
            self.told(progress(done=1, expired=2)), {"Complete": ("True", "SomeFailed"), "Failed": ("True", "DeadlineExceeded")}
        )

    def test_transition_time_stays(self):
        """The transition time changes with the status of the condition and with nothing else."""
        first = conditions(progress(sent=2), None, 10.0)
        second = conditions(progress(sent=1, done=1), first, 20.0)
        third = conditions(progress(done=2), second, 30.0)
        times = [[told["lastTransitionTime"][-3:-1] for told in each] for each in (first, second, third)]
        self.assertEqual(times, [["10", "10"], ["10", "10"], ["30", "10"]])

    def test_garbage_in_the_stored_status(self):
        """Whatever another writer left in the conditions is survived."""
        garbages: tuple[Any, ...] = ("x", 5, [1, None], [{"type": []}], {"a": 1})
        for garbage in garbages:
            self.assertEqual(len(conditions(progress(done=1), garbage, 1.0)), 2)


class StatusTests(SynchronousTestCase):
    """The whole status."""

    def test_counts(self):
        """Every state is counted, and the final ones of all are told."""
        status = build_status(progress(pending=1, sent=2, done=3, failed=4, expired=5), [], {}, 0.0, Bounds(), everywhere)
        counted = {name: status[name] for name in ("selected", "pending", "sent", "succeeded", "failed", "expired", "done")}
        self.assertEqual(
            counted, {"selected": 15, "pending": 1, "sent": 2, "succeeded": 3, "failed": 4, "expired": 5, "done": "12/15"}
        )

    def test_only_the_first_entries_are_shown(self):
        """A thousand entries are shown; the number of the others is told."""
        entries = [entry(f"c{number:05}") for number in range(1000)]
        status = build_status(progress(done=10_000), entries, {}, 0.0, Bounds(), everywhere)
        self.assertEqual((len(status["clusters"]), status["omitted"]), (1000, 9000))

    def test_offline_targets_say_so(self):
        """A pending target that is offline says that it waits; one with a reason keeps it."""
        entries = [entry("a", PENDING, None), entry("b", PENDING, None, why="north has lost b"), entry("c", SENT, None)]
        shown = shown_clusters(entries, Bounds(), nowhere)
        self.assertIn("offline", shown["a"]["why"])
        self.assertEqual((shown["b"]["why"], shown["c"]), ("north has lost b", {"state": "sent"}))

    def test_large_bodies_are_cut_small_ones_are_not(self):
        """Bodies share the room; what is cut is marked."""
        shown = shown_clusters([entry("a", body=b"x" * 2_000_000), entry("b", body=b"y")], Bounds(), everywhere)
        self.assertTrue(shown["a"]["truncated"])
        self.assertEqual((shown["b"]["body"], "truncated" in shown["b"]), ("y", False))

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(st.binary(max_size=3000), st.text(max_size=300), st.integers(0, 599)), max_size=40),
        st.integers(200, 20_000),
    )
    def test_size_is_bounded(self, answers, size):
        """Whatever clusters answer, their part of the status keeps its bound."""
        entries = [
            entry(f"cluster-{number}", FAILED, code, body, why=why, timestamp=2**62, received=1e9)
            for number, (body, why, code) in enumerate(answers)
        ]
        shown = shown_clusters(entries, Bounds(size=size), everywhere)
        self.assertTrue(len(orjson.dumps(shown)) <= size)

    def test_full_house_is_below_a_megabyte(self):
        """A thousand clusters with the longest names, reasons and bodies leave room for the largest spec below 1 MB."""
        entries = [
            entry(f"{number:03}" + "n" * 60, FAILED, 500, b"\0" * 65536, why="\u20ac" * 300, timestamp=2**62, received=1e9)
            for number in range(1000)
        ]
        status = build_status(progress(failed=1000), entries, {}, 0.0, Bounds(), everywhere)
        self.assertTrue(len(orjson.dumps(status)) < 512 * 1024)
