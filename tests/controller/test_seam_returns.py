"""Clusters that leave and are back in the same moment: whoever waits for their answers, however far above, has to know."""

from __future__ import annotations

from ote_twisted.tasks.model import Answer
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement
from ote_twisted.wire.codec import decode
from ote_twisted.wire.messages import control_response, edge_report
from tests.controller.building import ControllerTestCase, announced, announcement, commands, entry, request
from tests.controller.trees import TreeTestCase


def told(parent: MemoryLink) -> list[Announcement]:
    """Every announcement that went up the link since it was opened, but for the first."""
    return announced(map(decode, parent.sent))[1:]


class AnnouncingReturnTests(ControllerTestCase):
    """What the parent is told."""

    def test_a_link_that_is_replaced_is_told(self) -> None:
        """A child whose link is replaced within a turn is announced as gone, then as present, with all below it."""
        parent = self.parent()
        self.child("a", "a1").end("replaced by a newer session")
        self.child("a", "a1")
        appeared, left, back = told(parent)
        self.assertEqual([sorted(each.absent) for each in (appeared, left, back)], [[], ["a", "a1"], []])
        self.assertEqual(sorted(each.name for each in back.present), ["a", "a1"])

    def test_only_the_last_word_is_compared(self) -> None:
        """Of the two announcements only the second carries a digest, so that no parent asks for everything."""
        parent = self.parent()
        self.child("a").end("replaced")
        self.child("a")
        self.assertEqual([each.count for each in told(parent)], [2, 0, 2])

    def test_a_way_that_changed_is_told(self) -> None:
        """A cluster that another child takes over when its old way ends was away for a moment, and is told so."""
        parent, a, b = self.parent(), self.child("a"), self.child("b")
        a.receive(announcement("a", [entry("a", "north", listen="a:8287"), entry("x", "a")]))
        b.receive(announcement("b", [entry("b", "north", listen="b:8287"), entry("x", "b")]))
        self.clock.advance(1)
        before = len(told(parent))
        a.receive(announcement("a", [entry("a", "north", listen="a:8287")]))
        self.clock.advance(1)
        left, back = told(parent)[before:]
        self.assertEqual((left.absent, [(each.name, each.parent) for each in back.present]), (("x",), [("x", "b")]))

    def test_whoever_comes_for_the_first_time_is_told_once(self) -> None:
        """A cluster that joins costs one announcement, however often it changes within the turn."""
        parent = self.parent()
        self.child("a", "a1")
        self.assertEqual(len(told(parent)), 1)


class OrderTests(ControllerTestCase):
    """A parent believes only what comes from clusters that it knows."""

    def test_routes_are_told_before_what_came_over_them(self) -> None:
        """An answer that a child brings along with its announcement follows that announcement to the parent."""
        parent, a = self.parent(), self.child("a")
        answer = control_response(request("a1").Head, "a1", Answer(200), 1)
        a.receive(announcement("a", [entry("a", "north", listen="a:8287"), entry("a1", "a")]), answer)
        self.assertEqual(commands(parent.take()), [pb.Announce, pb.ControlResp])
        self.clock.advance(1)
        self.assertEqual(parent.take(), [])

    def test_many_answers_cost_one_announcement(self) -> None:
        """Only the first answer after a change waits for nothing; the others find the parent informed."""
        parent, a = self.parent(), self.child("a")
        reports = [edge_report("a1", b"{}")] * 10
        a.receive(announcement("a", [entry("a", "north", listen="a:8287"), entry("a1", "a")]), *reports)
        self.assertEqual(commands(parent.take()), [pb.Announce] + [pb.EdgeReport] * 10)


class ReturningTreeTests(TreeTestCase):
    """The same in whole trees."""

    def setUp(self) -> None:
        """A chain whose leaf dials again without a pause."""
        super().setUp()
        self.chain("root", "mid", "low")
        self.leaf = self.tree.add("leaf", ["low"], start=False)
        self.patch(self.leaf, "_chance", lambda: 0.0)
        self.leaf.start()
        self.tree.settle()

    def test_a_task_that_was_lost_with_a_link_is_sent_again(self) -> None:
        """A task that went down with a link deep in the tree is sent again although the new link came at once (F16, F22)."""
        network = self.tree.network
        network.partition("low", "leaf")
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle(0.5)
        network.reset("low", "leaf")
        network.heal()
        self.until(lambda: self.condition("root", "t")[0] == "True", 5)
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1})

    def test_reports_of_a_time_without_uplink_arrive(self) -> None:
        """What a leaf produced while it had no uplink arrives at the root, three tiers up, when it has one again (F22)."""
        network = self.tree.network
        network.partition("low", "leaf")
        network.reset("low", "leaf")
        for _ in range(5):
            self.leaf.controller.shim_report(b"{}")
        self.tree.settle(3)
        network.heal()
        self.until(lambda: "leaf" in self.online())
        self.assertEqual(self.tree.node("root").controller.reports, 5)
