"""Trees in which originals take part, byte by byte."""

from __future__ import annotations

from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import edge_report, message
from ote_twisted.wire.routes import ClusterRegistry, decode_registry, decode_router, decode_subtree, encode_registry
from tests.controller.trees import GoChild, TreeTestCase, go_child, go_parent
from tests.tunnel.builders import frame


def registered(name: str, parent: str, gone: bool = False) -> bytes:
    """What an original relays of a cluster below it."""
    command = pb.ClusterUnregist if gone else pb.ClusterRegist
    return message(command, encode_registry(ClusterRegistry(name, name, f"{name}:8287", 1, parent)), parent=parent)


class BelowTests(TreeTestCase):
    """An original below a controller of ours."""

    def setUp(self) -> None:
        """A root, a middle, and an original with two descendants."""
        super().setUp()
        self.chain("root", "mid")
        self.child = go_child(self.tree, "c1", "mid")
        self.child.report({"d1": "d1", "d2": "d1"})
        self.tree.settle()

    def test_it_and_its_subtree_are_known(self) -> None:
        """An original and what it reports below itself are online at every layer (T17, T34)."""
        self.assertEqual((self.online(), self.online("mid")), (["c1", "d1", "d2", "mid"], ["c1", "d1", "d2"]))
        self.assertEqual([self.parent_of(name) for name in ("c1", "d1", "d2")], ["mid", "c1", "d1"])

    def test_it_is_told_its_neighbours(self) -> None:
        """An original hears of its parent's children, itself included, and again when one comes (T12)."""
        go_child(self.tree, "c2", "mid")
        self.tree.settle()
        routes = [decode_router(each.Body) for each in self.child.take() if each.Head.Command == pb.NeighborRoute]
        self.assertEqual([sorted(route.children) for route in routes], [["c1"], ["c1", "c2"]])

    def test_tasks_reach_it_as_it_understands_them(self) -> None:
        """An original gets a task with anchored names, answers it as it does, and the root completes it (F2, F3, F53)."""
        self.child.take()
        self.tree.node("root").submit("t", "d1,c1", "PUT", "/t", "x")
        self.tree.settle()
        (request,) = self.child.requests()
        self.assertEqual(sorted(request.Head.ClusterSelector.split(",")), ["^c1$", "^d1$"])
        self.assertEqual((request.Head.MessageID, request.Head.ParentClusterName), ("t", "root"))
        for name in ("c1", "d1"):
            self.child.answer(request, name)
        self.tree.settle()
        self.assertEqual(self.tree.node("root").status("t")["done"], "2/2")

    def test_a_registration_is_enough(self) -> None:
        """A cluster that joins deep below an original is reachable with its registration, before any report (F16)."""
        self.child.take()
        self.child.say(registered("d3", "d2"))
        self.tree.network.advance(0.25)
        self.tree.node("root").submit("t", "d3", "PUT", "/t", "x")
        self.tree.settle(1)
        self.assertEqual([each.Head.ClusterSelector for each in self.child.requests()], ["^d3$"])

    def test_a_lost_descendant_is_offline(self) -> None:
        """What an original unregisters, or no longer reports, is offline (T16)."""
        self.child.say(registered("d2", "d1", gone=True))
        self.tree.settle(1)
        self.assertEqual(self.online(), ["c1", "d1", "mid"])
        self.child.report({})
        self.tree.settle(1)
        self.assertEqual(self.online(), ["c1", "mid"])

    def test_it_speaks_for_its_own_alone(self) -> None:
        """An original that registers, answers or reports for others changes nothing for them (F15)."""
        other = go_child(self.tree, "evil", "mid")
        self.tree.node("root").submit("t", "c1,mid", "PUT", "/t", "x")
        self.tree.settle()
        (request,) = self.child.requests()
        other.answer(request, "c1")
        other.answer(request, "mid")
        other.say(edge_report("c1", b"[]"))
        other.say(registered("d1", "evil"))
        other.say(registered("mid", "evil"))
        other.say(registered("root", "evil"))
        other.say(registered("c1", "mid", gone=True))
        other.report({"d2": "d2", "mid": "mid"})
        self.tree.settle()
        self.assertEqual(self.tree.node("root").status("t")["done"], "1/2")
        self.assertEqual(self.online(), ["c1", "d1", "d2", "evil", "mid"])
        self.assertEqual([self.parent_of(name) for name in ("c1", "d1", "d2")], ["mid", "c1", "d1"])
        self.assertEqual(self.tree.node("root").controller.reports, 0)

    def test_hostile_messages_stop_nobody(self) -> None:
        """Messages without a head, garbage, undecodable bodies and unknown commands change nothing (F61, F62, F63, F64, T13)."""
        commands = [*range(12), 99, *range(1000, 1011)]
        for command in commands:
            for body in (b"", b"\xff\xff", b"null", b"[" * 1000, b'{"a":', b"\x0a\xff\xff\xff\xff\x0f"):
                head = pb.MessageHead(Command=command, ClusterName="c1", ParentClusterName="root", MessageID="t")
                if command != pb.SubTreeRoute:
                    self.child.say(pb.ClusterMessage(Head=head, Body=body))
        for raw in (b"", b"\x12\x01x", b"\xff\xff\xff", b"\x0a\x80", b"\x0a\x03\x0a\x01\xff"):
            self.child.say(raw)
        self.tree.settle()
        self.assertFalse(self.child.ended)
        self.assertEqual(self.online(), ["c1", "d1", "d2", "mid"])
        self.child.take()
        self.assertEqual(self.reached("root", "mid,root"), {"mid": 1, "root": 1})

    def test_a_quick_return_takes_the_name(self) -> None:
        """An original that crashed and comes back within a second has its name and routes (F21, F30)."""
        self.tree.network.reset("c1")
        again = go_child(self.tree, "c1", "mid")
        again.report({"d1": "d1"})
        self.tree.settle(1)
        self.assertEqual(self.online(), ["c1", "d1", "mid"])

    def test_an_original_that_answers_no_ping_is_gone(self) -> None:
        """An original that vanished silently is offline in time, and all of its subtree with it (F20, F21, F35)."""
        self.tree.network.partition("c1")
        taken = self.until(lambda: self.online() == ["mid"])
        self.assertLessEqual(taken, 5 * 3 + 5)

    def test_a_name_in_use_is_refused(self) -> None:
        """A second original of the same name gets 403 while the first answers pings (F32)."""
        twin = go_child(self.tree, "c1", "mid", host="twin")
        self.tree.settle(5)
        self.assertTrue(twin.head.startswith(b"HTTP/1.1 403 "))
        self.assertEqual((self.child.ended, self.online()), (False, ["c1", "d1", "d2", "mid"]))

    def test_a_name_out_of_grammar_is_refused(self) -> None:
        """An original whose name would break selectors or objects gets 400 with the rule (F6)."""
        for name in ("c1,c2", "C1", "c(1", "c" * 64):
            twin = go_child(self.tree, name, "mid", host="twin")
            self.tree.settle(1)
            self.assertTrue(twin.head.startswith(b"HTTP/1.1 400 "), name)


class AboveTests(TreeTestCase):
    """An original above a controller of ours."""

    def setUp(self) -> None:
        """An original at ``go``, below it a middle of ours with a leaf and an original of its own."""
        super().setUp()
        self.parents = go_parent(self.tree, "go")
        self.tree.add("mid", ["go"])
        self.tree.add("leaf", ["mid"])
        self.tree.settle()
        self.link = self.parents.links[-1]

    def test_it_is_told_everything(self) -> None:
        """An original hears registrations of all descendants and a report of the subtree, and little more (F8, F26, T28)."""
        told = self.link.take()
        registrations = [decode_registry(each.Body) for each in told if each.Head.Command == pb.ClusterRegist]
        self.assertEqual([(one.name, one.parent_name) for one in registrations], [("leaf", "mid")])
        reports = [decode_subtree(each.Body) for each in told if each.Head.Command == pb.SubTreeRoute]
        self.assertEqual((reports[0], reports[-1]), ({}, {"leaf": "leaf"}))
        self.tree.settle(60)
        self.assertLessEqual(len(self.link.take()), 60 / 15 + 1)

    def test_its_tasks_are_performed_and_answered(self) -> None:
        """Bare names, anchored names and expressions of an original choose as it means them; each target answers (F3, T26)."""
        for number, selector in enumerate(("leaf", "^leaf$", "lea[f]", "leaf,mid", "")):
            self.link.take()
            self.link.task("t", selector, f"/{number}")
            self.tree.settle()
            answers = [each.Head for each in self.link.take() if each.Head.Command == pb.ControlResp]
            expected = ["leaf"] if number < 3 else ["leaf", "mid"]
            self.assertEqual(sorted(self.tree.performers(f"/{number}")), expected)
            self.assertEqual(sorted((head.ClusterName, head.MessageID) for head in answers), [(name, "t") for name in expected])

    def test_a_task_of_ours_stays_ours(self) -> None:
        """A task written in the middle is completed there; the original above hears nothing of it (F54)."""
        self.link.take()
        self.assertEqual(self.reached("mid", "*"), {"mid": 1, "leaf": 1})
        self.assertEqual(self.tree.node("mid").status("task-t")["done"], "2/2")
        self.assertNotIn(pb.ControlResp, [each.Head.Command for each in self.link.take()])

    def test_after_a_reconnect_it_is_told_everything_again(self) -> None:
        """A new link to an original begins with everything below, joined meanwhile or before (F26)."""
        self.tree.network.partition("go")
        self.tree.network.reset("go")
        self.tree.add("late", ["leaf"])
        self.tree.settle(5)
        self.tree.network.heal()
        self.until(lambda: len(self.parents.links) > 1 and bool(self.parents.links[-1].head))
        self.tree.settle(1)
        told = self.parents.links[-1].take()
        names = [decode_registry(each.Body).name for each in told if each.Head.Command == pb.ClusterRegist]
        self.assertEqual(sorted(names), ["late", "leaf"])

    def test_reports_carry_their_names(self) -> None:
        """An edge report from below reaches the original with the names that it expects."""
        self.link.take()
        self.tree.node("leaf").controller.shim_report(b"[]")
        self.tree.settle(1)
        (report,) = [each for each in self.link.take() if each.Head.Command == pb.EdgeReport]
        self.assertEqual((report.Head.ClusterName, report.Head.ParentClusterName), ("leaf", "mid"))

    def test_reports_are_sent_to_it_once(self) -> None:
        """An original confirms nothing, so whoever passed a report on to it does: its cluster does not owe it for a week."""
        self.link.take()
        for name in ("leaf", "mid"):
            self.tree.node(name).controller.shim_report(b"[]")
        self.tree.settle(120)
        commands = [each.Head.Command for each in self.link.take()]
        owed = [len(self.tree.node(name).controller.outbox) for name in ("leaf", "mid")]
        self.assertEqual((commands.count(pb.EdgeReport), owed), (2, [0, 0]))

    def test_reports_are_owed_until_it_has_them(self) -> None:
        """A report that waits for an original is not confirmed, also when the hop that has it dies."""
        self.tree.network.partition("go")
        self.tree.network.reset("go")
        self.tree.node("leaf").controller.shim_report(b"[]")
        self.tree.settle(5)
        self.tree.node("mid").crash()
        self.tree.node("mid").start()
        self.tree.settle(5)
        self.assertEqual(len(self.tree.node("leaf").controller.outbox), 1)
        self.tree.network.heal()
        self.until(lambda: not self.tree.node("leaf").controller.outbox)
        told = [each.Head.Command for each in self.parents.links[-1].take()]
        self.assertIn(pb.EdgeReport, told)

    def test_nothing_of_v2_is_sent_to_it(self) -> None:
        """An original gets no command that it does not know, whatever happens below (F61)."""
        self.link.task("t", "nobody,^ghost$")
        self.tree.node("leaf").crash()
        self.tree.node("leaf").start()
        self.tree.settle()
        self.assertLess(max(each.Head.Command for each in self.link.take()), 1000)

    def test_hostile_messages_stop_nobody(self) -> None:
        """Messages without a head, garbage and undecodable bodies of a parent leave the tree as it was (F61, F63)."""
        for raw in (
            b"",
            b"\x12\x01x",
            b"\xff\xff\xff",
            b"\x0a\x80",
            b"\x0a\x02\x10\x07",
            b"\x0a\x02\x10\x03\x12\x01x",
            b"\x0a\x02\x10\x0a",
        ):
            self.link.say(raw)
        assert self.link.transport is not None
        self.link.transport.write(frame(b"text", 1, True, None))
        self.tree.settle()
        self.assertEqual((self.link.ended, self.online("mid")), (False, ["leaf"]))


class FloodTests(TreeTestCase):
    """Originals that do too much."""

    def test_a_flood_costs_its_sender(self) -> None:
        """Tens of thousands of useless messages of one child are taken, counted, and change nothing for others."""
        self.chain("root", "mid")
        evil = go_child(self.tree, "evil", "mid")
        bad = [message(pb.ControlResp, b"", "nobody"), registered("mid", "evil"), b"\xff"]
        for _ in range(3000):
            for each in bad:
                evil.say(each)
        self.tree.settle(1)
        mid = self.tree.node("mid").controller
        self.assertEqual((mid.upward.spoofed, mid.upward.malformed), (3000, 3000))
        self.assertEqual((self.online(), self.reached("root", "mid")), (["evil", "mid"], {"mid": 1}))

    def test_many_invented_clusters_cost_its_parent_only_memory_for_names(self) -> None:
        """An original that reports thousands of clusters is believed, and loses them all with its link (F35)."""
        self.chain("root", "mid")
        child = go_child(self.tree, "c1", "mid")
        child.report({f"d{number}": "d0" for number in range(2000)})
        self.tree.settle()
        self.assertEqual(len(self.online()), 2002)
        self.tree.network.reset("c1")
        self.tree.settle()
        self.assertEqual(self.online(), ["mid"])

    def test_the_helper_keeps_frames_apart(self) -> None:
        """The original of these tests reads frames of every length, however they are cut."""
        peer = GoChild("x")
        peer.head = b"HTTP/1.1 101 Yes"
        body = message(pb.EdgeReport, b"r" * 70_000, "x")
        stream = frame(body, mask=None) + frame(body[:0] + message(pb.EdgeReport, b"s" * 200, "x"), mask=None)
        for at in range(0, len(stream), 7777):
            peer.dataReceived(stream[at : at + 7777])
        self.assertEqual([len(each.Body) for each in peer.take()], [70_000, 200])
