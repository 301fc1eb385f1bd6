"""What a controller tells of its own cluster, and when."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.described import MAX_MESSAGE, MAX_RESOURCES, MAX_WORD, NO_SHIM, cluster_status
from ote_twisted.controller.own_status import PATIENCE, OwnStatus
from ote_twisted.errors import ShimUnavailable
from ote_twisted.storage.model import JSON
from ote_twisted.testing.shim import MemoryShim
from ote_twisted.wire.announce import Announcement, decode_announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, ClusterStatus
from tests.controller.building import ControllerTestCase, announced, announcement, entry
from tests.controller.trees import TreeTestCase

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=150), inner, max_size=80),
    max_leaves=20,
)


class DescribedTests(SynchronousTestCase):
    """From a description to a status."""

    def test_everything(self) -> None:
        """A whole description is told as it is; plain numbers are quantities as well."""
        described = {
            "kind": "k3s", "version": "v1.30", "nodes": 3, "nodesReady": 2,
            "capacity": {"cpu": 4, "memory": "16Gi"}, "allocatable": {"cpu": "3500m"},
        }  # fmt: skip
        self.assertEqual(
            cluster_status(described, True, "it answers"),
            ClusterStatus(
                "k3s", "v1.30", {"cpu": "4", "memory": "16Gi"}, {"cpu": "3500m"}, 3, 2, True, "ShimReady", "it answers"
            ),
        )

    @given(
        st.dictionaries(st.sampled_from(["kind", "version", "capacity", "allocatable", "nodes", "nodesReady"]), ANYTHING),
        st.text(st.characters(), max_size=600),
    )
    def test_whatever_a_shim_says_travels(self, described: dict[str, Any], reason: str) -> None:
        """Whatever a shim calls a description becomes a bounded status that arrives as it was sent."""
        status = cluster_status(described, False, reason)
        self.assertLessEqual(max(map(len, (status.kind, status.version))), MAX_WORD)
        self.assertLessEqual(len(status.message), MAX_MESSAGE)
        self.assertLessEqual(max(len(status.capacity), len(status.allocatable)), MAX_RESOURCES)
        sent = Announcement(present=(ClusterEntry("a", status=status),))
        self.assertEqual(decode_announcement(encode_announcement(sent)).present[0].status, status)


class HangingShim(MemoryShim):
    """A shim whose descriptions come when the test says so."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asked: list[Deferred[JSON]] = []

    def describe(self) -> Deferred[JSON]:
        """See IClusterShim."""
        self.asked.append(Deferred())
        return self.asked[-1]


class OwnStatusTests(SynchronousTestCase):
    """One controller's own status."""

    def setUp(self) -> None:
        """A shim that has not started."""
        self.clock = Clock()
        self.shim = HangingShim(self.clock)
        self.told: list[ClusterStatus] = []
        self.own = OwnStatus(self.shim, self.clock, 30.0, self.told.append)
        self.own.start()
        self.addCleanup(self._stop)

    def _stop(self) -> None:
        self.own.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def answer(self, **description: Any) -> None:
        """The shim answers the last question."""
        self.shim.asked[-1].callback(description)

    def test_ready_is_told_with_what_the_cluster_is(self) -> None:
        """When the shim becomes ready its cluster is described first, then both are told at once."""
        self.own.changed(True, "fine")
        self.assertEqual(self.told, [])
        self.answer(kind="k3s")
        self.assertEqual([(each.kind, each.ready, each.message) for each in self.told], [("k3s", True, "fine")])

    def test_not_ready_is_told_at_once(self) -> None:
        """A shim that ceases to be ready is told without asking it, with what the cluster was."""
        self.own.changed(True, "fine")
        self.answer(kind="k3s")
        self.own.changed(False, "no API")
        self.assertEqual([(each.kind, each.ready, each.message) for each in self.told[1:]], [("k3s", False, "no API")])
        self.own.changed(True, "fine")
        self.answer(kind="k3s", nodes=2)
        self.assertEqual([(each.nodes, each.ready) for each in self.told[2:]], [(2, True)])

    def test_nothing_new_is_not_told(self) -> None:
        """The shim is asked each interval, and only what changed is told; another sentence alone waits for that."""
        self.own.changed(True, "fine")
        self.answer(kind="k3s")
        for _ in range(20):
            self.clock.advance(30)
            self.answer(kind="k3s")
        self.own.changed(True, "still fine")
        self.assertEqual((len(self.shim.asked), len(self.told)), (21, 1))
        self.clock.advance(30)
        self.answer(kind="k3s", nodes=1)
        self.assertEqual([(each.nodes, each.message) for each in self.told[1:]], [(1, "still fine")])

    def test_a_shim_that_does_not_answer_is_ready_all_the_same(self) -> None:
        """A question without an answer is given up, counted, and asked again at the next interval, never twice at once."""
        self.own.changed(True, "fine")
        self.clock.advance(PATIENCE)
        self.assertEqual(([each.ready for each in self.told], self.own.failures), ([True], 1))
        self.clock.advance(30)
        self.assertEqual(len(self.shim.asked), 2)

    def test_a_shim_that_fails(self) -> None:
        """A shim that cannot say it leaves what was told; one that raises something unforeseen is logged as well."""
        self.own.changed(True, "fine")
        self.answer(kind="k3s")
        for fault in (ShimUnavailable("away"), ValueError("a bug")):
            self.clock.advance(30)
            self.shim.asked[-1].errback(fault)
        self.assertEqual((len(self.told), self.own.failures, len(self.flushLoggedErrors(ValueError))), (1, 2, 1))

    def test_never_asked_without_interval(self) -> None:
        """With an interval of 0 the shim is asked when it becomes ready only."""
        own = OwnStatus(self.shim, self.clock, 0.0, self.told.append)
        own.start()
        own.changed(True, "fine")
        self.answer(kind="k3s")
        self.assertEqual((self.clock.getDelayedCalls(), len(self.told)), ([], 1))

    def test_without_a_shim(self) -> None:
        """A controller without a shim says so, and has nothing to describe."""
        own = OwnStatus(None, self.clock, 30.0, self.told.append)
        own.start()
        self.assertEqual((self.told, self.successResultOf(own.describe())), ([NO_SHIM], {}))
        self.assertTrue(own.state.ready)

    def test_a_stop_ends_the_question(self) -> None:
        """When it stops nothing is told any more, and no question is left."""
        self.own.changed(True, "fine")
        self.own.stop()
        self.own.changed(False, "gone")
        self.assertEqual(self.told, [])

    def test_an_unavailable_shim_describes_nothing(self) -> None:
        """Whoever asks while the shim cannot say it gets an empty description."""
        self.own.changed(True, "fine")
        self.shim.describe = lambda: fail(ShimUnavailable("away"))
        self.assertEqual(self.successResultOf(self.own.describe()), {})


class ToldTests(ControllerTestCase):
    """The same in a controller."""

    def test_the_parent_hears_of_a_change(self) -> None:
        """What changed about the own cluster is one announcement of one cluster; its object says the same."""
        parent = self.parent()
        self.shim.description = {"kind": "memory", "version": "1", "nodes": 5, "capacity": {"cpu": "4"}}
        self.clock.advance(30)
        self.clock.advance(1)
        told = announced(parent.take())
        self.assertEqual(
            [[(each.name, each.status and each.status.nodes) for each in one.present] for one in told], [[("north", 5)]]
        )
        status = self.object("north")["status"]
        self.assertEqual((status["kind"], status["nodes"], status["capacity"]), ("memory", 5, {"cpu": "4"}))

    def test_ages_are_told_and_measured_here(self) -> None:
        """A status that was 40 s old when it came is 100 s old when it is passed on a minute later."""
        link = self.child("a")
        whole = [entry("a", "north", listen="a:8287"), entry("a1", "a", status=ClusterStatus("k3s", ready=True), age=40.0)]
        link.receive(announcement("a", whole[1:], whole=whole, complete=False))
        self.clock.advance(60)
        parent = self.parent()
        parent.receive(b"")
        self.controller.announcer.complete()
        ages = {each.name: each.age for one in announced(parent.take()) for each in one.present}
        self.assertAlmostEqual(ages["a1"], 100.0)
        self.assertEqual(self.object("a1")["status"]["asOf"], "2023-11-14T22:12:41Z")


class SkewTests(TreeTestCase):
    """The same in a tree."""

    def test_a_change_reaches_the_root(self) -> None:
        """Nodes and readiness of a leaf are known at the root, as of when it said so by the root's clock (F38)."""
        self.tree.add("root")
        self.tree.add("mid", ["root"], skew=3600.0)
        self.tree.add("leaf", ["mid"], skew=-3600.0)
        self.tree.settle(100)
        shim = self.tree.node("leaf").shim
        assert shim.host is not None
        shim.host.shim_state(False, "no API")
        self.tree.settle(5)
        status = self.tree.node("root").cluster("leaf")["status"]
        ready = next(each for each in status["conditions"] if each["type"] == "Ready")
        self.assertEqual((ready["status"], ready["reason"], ready["message"]), ("False", "ShimNotReady", "no API"))
        expected = self.tree.node("root").cluster("root")["status"]["timestamp"] + 105 - 5
        found = ready["lastTransitionTime"]
        self.assertEqual(found, status["asOf"])
        self.assertIn(found, [rfc3339(expected + shift) for shift in (-1, 0, 1)])
        shim.host.shim_state(True, "back")
        shim.description = {"kind": "memory", "nodes": 7}
        self.tree.settle(32)
        status = self.tree.node("root").cluster("leaf")["status"]
        self.assertEqual((status["nodes"], status["conditions"][0]["status"]), (7, "True"))
