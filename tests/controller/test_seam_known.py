"""What is known of a cluster is what it announced, also in the moments in which it joins or goes."""

from __future__ import annotations

from attrs import evolve

from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire.entry import ClusterStatus
from tests.controller.building import ControllerTestCase, announced, announcement, answer_to, entry, request
from tests.controller.trees import TreeTestCase

LABELS = {"region": "north"}


class JoiningTests(ControllerTestCase):
    """Between the handshake and the first announcement."""

    def setUp(self) -> None:
        """A child that was there and has gone."""
        super().setUp()
        self.child("a", labels=LABELS).end("gone")
        self.assertEqual(self.controller.select("[region=north]"), ["a"])

    def test_a_link_alone_tells_nothing(self) -> None:
        """A child that joins and goes before it announced anything is what it was: offline, with its labels, and selected."""
        parent = self.parent()
        link = MemoryLink("a", self.controller).open()
        self.assertEqual((self.controller.select("[region=north]"), self.online()), (["a"], []))
        link.end("gone again")
        self.clock.advance(1)
        self.assertEqual(self.controller.select("[region=north]"), ["a"])
        self.assertEqual((self.object("a")["metadata"]["labels"], announced(parent.take())), (LABELS, []))

    def test_a_complete_announcement_leaves_it_out(self) -> None:
        """A parent that comes in between hears of the child when the child has said what it is, not before."""
        link = MemoryLink("a", self.controller, listen="a:8287").open()
        parent = MemoryLink("", self.controller, is_parent=True).open()
        self.assertEqual([each.name for each in announced(parent.take())[0].present], ["north"])
        link.receive(announcement("a", [entry("a", "north", listen="a:8287", labels=LABELS)]))
        self.clock.advance(1)
        told = announced(parent.take())[0]
        self.assertEqual([(each.name, each.labels, each.performs) for each in told.present], [("a", LABELS, True)])

    def test_nobody_answers_before(self) -> None:
        """A child that answers before it announced itself is not believed."""
        link = MemoryLink("a", self.controller).open()
        link.receive(answer_to(request("a", parent="north"), "a"))
        self.assertEqual((self.owner.answers, self.controller.upward.spoofed), ([], 1))


class FlickeringTests(TreeTestCase):
    """The same in a whole tree."""

    def test_a_cluster_that_flickers_stays_a_target(self) -> None:
        """A site whose link comes and goes within a moment is a target of a task that is written then, two tiers above."""
        self.chain("root", "mid")
        self.tree.add("leaf", ["mid"], LABELS)
        self.tree.settle()
        network = self.tree.network
        network.reset("mid", "leaf")
        network.partition("mid", "leaf")
        self.tree.settle(1)
        mid = self.tree.node("mid").controller
        MemoryLink("leaf", mid).open().end("gone")
        self.tree.settle(1)
        self.tree.node("root").submit("t", "[region=north]", "PUT", "/t", "x")
        self.tree.settle(1)
        self.assertEqual(self.tree.node("root").status("t")["clusters"]["leaf"]["state"], "pending")
        network.heal()
        self.until(lambda: self.condition("root", "t")[0] == "True")
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1})


class ConcernedTests(ControllerTestCase):
    """What the owner of tasks is told of clusters."""

    def test_a_new_status_sends_nothing_again(self) -> None:
        """A cluster that only tells another status of itself is no news for tasks; one with other labels or a new link is."""
        a = self.child("a")
        self.owner.appeared.clear()
        first = entry("a", "north", listen="a:8287")
        told = evolve(first, status=ClusterStatus("kind", "1"))
        for changed, expected in ((told, []), (evolve(told, labels={"x": "y"}), ["a"]), (evolve(told, epoch=3), ["a"])):
            a.receive(announcement("a", [changed], complete=False))
            self.clock.advance(1)
            self.assertEqual(self.owner.appeared, expected)
            self.owner.appeared.clear()
