"""More tasks than a link takes: they go back to their owner and come again, and nobody loses a link for it."""

from __future__ import annotations

from attrs import evolve

from ote_twisted.tunnel.settings import KIB, MIB
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import edge_report
from tests.controller.building import TASK, ControllerTestCase, request, request_v1, undeliverables
from tests.controller.trees import TreeTestCase

FULL = 50_000
BODY = "x" * 20_000
TASKS = 150


class FullLinkTests(ControllerTestCase):
    """One controller with a child that reads slowly."""

    def setUp(self) -> None:
        """A child with more in its queue than there is room for."""
        super().setUp()
        self.controller.downward._full = FULL
        self.slow = self.child("slow", "below")
        self.slow.send(edge_report("north", b"x" * 100_000))
        self.assertTrue(self.slow.congested)
        self.slow.take()

    def test_tasks_go_back(self) -> None:
        """Tasks for clusters behind a full link are returned to the owner above, with the reason; others are sent."""
        parent, other = self.parent(), self.child("other")
        parent.receive(request("slow"), request("below", "other", uid="u2.1"))
        returned = undeliverables(parent.take())
        self.assertEqual([targets for targets, _ in returned], [("slow",), ("below",)])
        self.assertIn("bytes wait for slow already", returned[0][1])
        self.assertEqual((len(self.slow.take()), len(other.take())), (0, 1))

    def test_own_tasks_too(self) -> None:
        """A task that is owned here goes back to its owner here."""
        self.controller.dispatch(TASK, "t", ["slow", "below"], 60)
        self.assertEqual([(uid, names) for uid, names, _ in self.owner.undeliverable], [("7d44.1", ["below", "slow"])])

    def test_cancellations_are_never_returned(self) -> None:
        """A cancellation is small and nobody would repeat it: it is queued behind what it cancels."""
        self.controller.cancel("7d44.1", ["slow"])
        self.assertEqual([message.Head.Command for message in self.slow.take()], [pb.Cancel])

    def test_originals_cannot_be_told(self) -> None:
        """A task of an original is queued as long as the link lives, because its owner would not hear of it."""
        parent = self.parent(v2=False)
        self.slow.take()
        parent.receive(request_v1("^slow$"))
        self.assertEqual((len(self.slow.take()), parent.take()), (1, []))

    def test_congested_is_not_full(self) -> None:
        """Below the bound everything is sent as before."""
        self.controller.downward._full = 1_000_000
        self.parent().receive(request("slow"))
        self.assertEqual(len(self.slow.take()), 1)


class RepeatedTargetTests(ControllerTestCase):
    """Exactness."""

    def test_a_target_named_twice_is_one_target(self) -> None:
        """A request that names a cluster twice is not taken for one for the whole subtree of two."""
        parent, a = self.parent(), self.child("a", "a1")
        parent.receive(request("a", "a"))
        head = a.take()[0].Head
        self.assertEqual((list(head.Targets), head.WholeSubtree), (["a"], False))


class BurstTests(TreeTestCase):
    """Whole trees."""

    def burst(self, owner: str, *cut: str) -> None:
        """Three times as much for the leaf as is full, more than a link may queue, while a link does not move; then it does."""
        node, parent = self.tree.node(owner), self.tree.node(cut[0])
        context = parent.cloud.factory.context
        self.patch(context, "settings", evolve(context.settings, high_water=64 * KIB, low_water=32 * KIB, hard_bound=2 * MIB))
        self.patch(parent.controller.downward, "_full", MIB)
        self.tree.network.partition(*cut)
        for number in range(TASKS):
            node.submit(f"t{number}", "leaf", "PUT", f"/{number}", BODY)
        self.tree.network.advance(6)
        self.tree.network.heal()
        self.until(lambda: all(node.status(f"t{number}").get("done") == "1/1" for number in range(TASKS)), 60)
        performed = [task.uri for task in self.tree.node("leaf").shim.performed]
        self.assertEqual((len(performed), len(set(performed))), (TASKS, TASKS))

    def counted(self, name: str) -> tuple[int, int]:
        """Links that a node lost as those of slow readers, and targets that it gave back."""
        node = self.tree.node(name)
        return node.cloud.counters.slow_readers, node.controller.downward.undeliverable

    def test_a_burst_deep_in_the_tree(self) -> None:
        """A burst of tasks for a site behind a slow link is given back there, comes again, and is performed once each."""
        self.chain("root", "mid", "leaf")
        self.burst("root", "mid", "leaf")
        slow, returned = self.counted("mid")
        self.assertEqual((slow, returned > 0, self.tree.node("mid").controller.upward.spoofed), (0, True, 0))

    def test_a_burst_at_its_owner(self) -> None:
        """The same where the owner itself has the slow link."""
        self.chain("root", "leaf")
        self.burst("root", "root", "leaf")
        slow, returned = self.counted("root")
        self.assertEqual((slow, returned > 0), (0, True))
