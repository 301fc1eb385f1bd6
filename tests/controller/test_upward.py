"""Messages of children on their way up: what they may say, where it goes, and what waits while there is no parent."""

from __future__ import annotations

from ote_twisted.controller.uplink import Uplink
from ote_twisted.tasks.model import Answer
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import with_hop_limit
from ote_twisted.wire.messages import control_response, edge_report
from ote_twisted.wire.notices import Undeliverable, encode_undeliverable
from tests.controller.building import ControllerTestCase, answer_to, commands, request, undeliverables


class AnswerTests(ControllerTestCase):
    """Answers to tasks."""

    def test_answers_pass_untouched(self) -> None:
        """An answer to somebody further up goes to the parent, its body and unknown fields as they were."""
        parent, a = self.parent(), self.child("a", "a1")
        raw = answer_to(request("a1"), "a1") + b"\x1a\x03new"
        a.receive(raw)
        self.assertTrue(parent.sent[-1].startswith(raw))
        sent = parent.take()[0]
        self.assertEqual((sent.Head.ClusterName, sent.Head.ParentClusterName, sent.Head.HopLimit), ("a1", "root", 63))

    def test_own_tasks_are_answered_here(self) -> None:
        """An answer to a task that is owned here goes to its owner and no further (F54)."""
        parent, a = self.parent(), self.child("a", "a1")
        a.receive(answer_to(request("a1", parent="north"), "a1", 404))
        self.assertEqual((self.owner.answers, parent.take()), ([("7d44.1", "t1", "a1", 404)], []))

    def test_nobody_answers_for_another_cluster(self) -> None:
        """An answer or report that names a cluster which is not below its sender is refused and counted (F15)."""
        parent, a = self.parent(), self.child("a", "a1")
        self.child("b", "b1")
        names, owners = ("b1", "b", "north", ""), ("root", "north")
        spoofed = [answer_to(request("b1", parent=owner), name) for owner in owners for name in names]
        a.receive(*spoofed, edge_report("b1", b"[]"))
        self.assertEqual((self.owner.answers, parent.take()), ([], []))
        self.assertEqual(self.controller.upward.spoofed, len(spoofed) + 1)

    def test_undecodable_answers_cost_themselves(self) -> None:
        """An answer whose body is garbage is counted; the next one is taken (F64, T13)."""
        a = self.child("a")
        garbage = pb.ClusterMessage.FromString(answer_to(request("a", parent="north"), "a"))
        garbage.Body = b"\xff\xff\xff"
        a.receive(garbage, answer_to(request("a", parent="north"), "a"))
        self.assertEqual((self.controller.owned.malformed, len(self.owner.answers)), (1, 1))

    def test_undecodable_messages_cost_themselves(self) -> None:
        """Garbage and messages without a head are counted; those before and after them are taken (F61, F63, T13)."""
        a = self.child("a")
        good = answer_to(request("a", parent="north"), "a")
        a.receive(good, b"\xff", pb.ClusterMessage(Body=b"x"), b"", good)
        self.assertEqual((self.controller.upward.malformed, len(self.owner.answers)), (3, 2))

    def test_order_of_one_child_is_kept(self) -> None:
        """What one child sends is passed on in the order in which it came (F25, T20)."""
        parent, a = self.parent(), self.child("a")
        a.receive(*(answer_to(request("a", uid=f"u{number}.1"), "a") for number in range(100)))
        self.assertEqual([message.Head.Uid for message in parent.take()], [f"u{number}.1" for number in range(100)])

    def test_hop_limit_ends_a_circle(self) -> None:
        """An answer with one hop left goes no further and is counted."""
        parent, a = self.parent(), self.child("a")
        a.receive(with_hop_limit(answer_to(request("a"), "a"), 1))
        self.assertEqual((parent.take(), self.controller.upward.exhausted), ([], 1))

    def test_answers_of_originals_know_no_hops(self) -> None:
        """An answer without a hop limit, as originals send it, is passed on as it is."""
        parent, a = self.parent(), self.child("a", v2=False)
        head = pb.MessageHead(MessageID="t1", ParentClusterName="root")
        raw = control_response(head, "a", Answer(200), 1)
        a.receive(raw)
        self.assertEqual(parent.sent[-1], raw)

    def test_a_link_that_was_replaced_is_not_heard(self) -> None:
        """What still comes over a link that a newer one has replaced is ignored (F30)."""
        parent, old = self.parent(), self.child("a")
        self.child("a")
        parent.take()
        old.receive(answer_to(request("a"), "a"))
        self.assertEqual(parent.take(), [])


class OtherMessageTests(ControllerTestCase):
    """Reports, what could not be delivered, and the unknown."""

    def test_reports_name_the_parent_of_their_cluster(self) -> None:
        """A report goes up with the name of the first parent that saw it."""
        parent, a = self.parent(), self.child("a", "a1")
        a.receive(edge_report("a", b"[]"))
        self.controller.shim_report(b"[1]")
        told = [(message.Head.ClusterName, message.Head.ParentClusterName, message.Body) for message in parent.take()]
        self.assertEqual(told, [("a", "north", b"[]"), ("north", "", b"[1]")])

    def test_a_stamped_report_stays_as_it_is(self) -> None:
        """A report that has passed its first parent keeps that name."""
        parent, a = self.parent(), self.child("a", "a1")
        a.receive(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.EdgeReport, ClusterName="a1", ParentClusterName="a")))
        self.assertEqual(parent.take()[0].Head.ParentClusterName, "a")

    def test_unknown_commands_go_up(self) -> None:
        """A command of the future is carried to the parent with its first parent's name; about others it is refused (F15)."""
        parent, a = self.parent(), self.child("a")
        self.child("b")
        a.receive(
            pb.ClusterMessage(Head=pb.MessageHead(Command=99, ClusterName="a"), Body=b"new"),  # type: ignore[arg-type]
            pb.ClusterMessage(Head=pb.MessageHead(Command=99, ClusterName="b")),  # type: ignore[arg-type]
        )
        sent = parent.take()
        self.assertEqual([(one.Head.Command, one.Head.ParentClusterName, one.Body) for one in sent], [(99, "north", b"new")])
        self.assertEqual(self.controller.from_child.spoofed, 1)

    def test_failures_of_others_are_not_ours_to_tell(self) -> None:
        """A child can report as not delivered only what is below it; the rest is left out and counted (F15)."""
        parent, a = self.parent(), self.child("a", "a1")
        self.child("b")
        head = pb.MessageHead(Command=pb.Undeliverable, Uid="7d44.1", ParentClusterName="root")
        a.receive(pb.ClusterMessage(Head=head, Body=encode_undeliverable(Undeliverable(("a1", "b", "gone"), "no way", "a"))))
        self.assertEqual(undeliverables(parent.take()), [(("a1", "gone"), "no way")])
        self.assertEqual(self.controller.from_child.spoofed, 1)

    def test_a_malformed_failure_costs_itself(self) -> None:
        """An Undeliverable out of grammar is counted and changes nothing."""
        parent, a = self.parent(), self.child("a")
        a.receive(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.Undeliverable), Body=b"\xff"))
        self.assertEqual((self.controller.from_child.malformed, parent.take()), (1, []))

    def test_originals_are_not_told_of_failures(self) -> None:
        """A parent that is an original gets no command of ote.v2."""
        parent, a = self.parent(v2=False), self.child("a", "a1")
        head = pb.MessageHead(Command=pb.Undeliverable, Uid="7d44.1", ParentClusterName="root")
        a.receive(pb.ClusterMessage(Head=head, Body=encode_undeliverable(Undeliverable(("a1",), "no way", "a"))))
        self.assertEqual(parent.take(), [])


class RootTests(ControllerTestCase):
    """There is nobody above."""

    is_root = True
    name = "root"

    def test_what_nobody_asked_for_is_counted(self) -> None:
        """At a root, answers for another owner and unknown messages end, counted (F60)."""
        a = self.child("a")
        a.receive(answer_to(request("a", parent="other"), "a"), pb.ClusterMessage(Head=pb.MessageHead(Command=99)))  # type: ignore[arg-type]
        self.assertEqual((self.controller.unowned, self.owner.answers), (2, []))

    def test_reports_end_here(self) -> None:
        """At a root, reports of children and of its own shim are counted."""
        a = self.child("a")
        a.receive(edge_report("a", b"[]"))
        self.controller.shim_report(b"[]")
        self.assertEqual(self.controller.reports, 2)


class UplinkTests(ControllerTestCase):
    """While there is no parent."""

    outbox = 1000

    def test_answers_wait_for_a_parent(self) -> None:
        """What is answered while there is no parent is sent, in order, when there is one, after the announcement (F22)."""
        a = self.child("a")
        a.receive(*(answer_to(request("a", uid=f"u{number}.1"), "a") for number in range(3)))
        link = MemoryLink("", self.controller, is_parent=True).open()
        sent = link.take()
        self.assertEqual(commands(sent), [pb.Announce, pb.ControlResp, pb.ControlResp, pb.ControlResp])
        self.assertEqual([message.Head.Uid for message in sent[1:]], ["u0.1", "u1.1", "u2.1"])

    def test_what_waits_is_bounded(self) -> None:
        """Above the bound the oldest goes first, and is counted (F24)."""
        a = self.child("a")
        size = len(answer_to(request("a"), "a"))
        a.receive(*(answer_to(request("a", uid=f"u{number:02d}.1"), "a") for number in range(50)))
        self.assertLessEqual(self.controller.uplink.waiting_bytes, 1000)
        self.assertGreater(self.controller.uplink.dropped, 50 - 1000 // size)
        link = MemoryLink("", self.controller, is_parent=True).open()
        self.assertEqual(link.take()[-1].Head.Uid, "u49.1")

    def test_one_that_is_over_the_bound_alone_goes(self) -> None:
        """A single message over the bound is dropped and leaves the count of bytes at nothing."""
        uplink = Uplink(10)
        uplink.send(b"x" * 11)
        self.assertEqual((len(uplink), uplink.waiting_bytes, uplink.dropped), (0, 0, 1))


class BackPressureTests(ControllerTestCase):
    """A parent that takes less than is sent."""

    def congested(self) -> MemoryLink:
        """A parent link over its high-water mark."""
        parent = self.parent()
        parent.congested = True
        return parent

    def test_only_children_that_send_are_paused(self) -> None:
        """While the uplink is congested a child that sends is paused; one that is silent is not (F23)."""
        self.congested()
        a, b = self.child("a"), self.child("b")
        for link in (a, b):
            link.resume_reading()
        a.receive(answer_to(request("a"), "a"))
        self.assertEqual((a.reading, b.reading), (False, True))

    def test_paused_children_go_on_when_it_drains(self) -> None:
        """When the uplink has drained, or is gone, every paused child is read again."""
        parent = self.congested()
        a, b = self.child("a"), self.child("b")
        a.receive(answer_to(request("a"), "a"))
        parent.congested = False
        self.controller.link_drained(parent)
        self.assertTrue(a.reading)
        parent.congested = True
        b.receive(answer_to(request("b"), "b"))
        self.assertFalse(b.reading)
        parent.end("gone")
        self.assertTrue(b.reading)
