"""Requests on their way down: who gets them, in which form, and who is told when somebody does not."""

from __future__ import annotations

from ote_twisted.controller.outgoing import OutgoingRequest
from ote_twisted.controller.wholes import WholeRequests
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.entry import ClusterEntry
from ote_twisted.wire.notices import Undeliverable, encode_undeliverable
from tests.controller.building import (
    TASK,
    ControllerTestCase,
    announced,
    announcement,
    commands,
    entry,
    request,
    request_v1,
    undeliverables,
)


def refused_whole(uid: str = "7d44.1", parent: str = "root", command: int = pb.Undeliverable) -> pb.ClusterMessage:
    """What a child says to a request for its whole subtree when that has changed."""
    head = pb.MessageHead(Command=command, Uid=uid, ParentClusterName=parent)  # type: ignore[arg-type]
    return pb.ClusterMessage(Head=head, Body=encode_undeliverable(Undeliverable((), "it has changed", "a")))


class ForwardTests(ControllerTestCase):
    """Between ote.v2 peers."""

    def test_one_target_passes_untouched(self) -> None:
        """A request for one cluster goes to the one child it is behind, its body and unknown fields as they were."""
        parent, a, b = self.parent(), self.child("a", "a1"), self.child("b")
        raw = request("a1").SerializeToString() + b"\x1a\x03new"
        parent.receive(raw)
        self.assertTrue(a.sent[-1].startswith(raw))
        self.assertEqual((list(a.take()[0].Head.Targets), b.take()), (["a1"], []))

    def test_each_next_hop_gets_its_own_targets(self) -> None:
        """Targets below different children become one message each, with only the names behind that child (T7, T9)."""
        parent, a, b = self.parent(), self.child("a", "a1", "a2"), self.child("b", "b1")
        parent.receive(request("a1", "b1", "b"))
        self.assertEqual(list(a.take()[0].Head.Targets), ["a1"])
        self.assertEqual(sorted(b.take()[0].Head.Targets or ["whole"]), ["whole"])

    def test_own_name_is_performed_here_and_not_passed_on(self) -> None:
        """A request that names the receiver is performed, and only by it (T26)."""
        parent, a = self.parent(), self.child("a")
        parent.receive(request("north"))
        self.assertEqual((len(self.shim.performed), a.take()), (1, []))
        answer = parent.take()[0]
        self.assertEqual((answer.Head.Command, answer.Head.ClusterName, answer.Head.Uid), (pb.ControlResp, "north", "7d44.1"))

    def test_others_are_not_performed_here(self) -> None:
        """A request for somebody else is not performed by the hops that it passes (T26)."""
        parent = self.parent()
        self.child("a")
        parent.receive(request("a"))
        self.assertEqual((self.shim.performed, parent.take()), ([], []))

    def test_what_has_no_way_is_told(self) -> None:
        """Targets without a way are told to the owner, one by one with the reason; the others get the request (F7)."""
        parent, a = self.parent(), self.child("a")
        parent.receive(request("a", "gone", "lost"))
        self.assertEqual(len(a.take()), 1)
        self.assertEqual(undeliverables(parent.take()), [(("gone", "lost"), "north has no way to it")])
        self.assertEqual(self.controller.downward.undeliverable, 2)

    def test_own_tasks_that_have_no_way_are_told_to_the_owner(self) -> None:
        """What a hop could not deliver of a task that is owned here is told to its owner, not to the parent (F7, F54)."""
        parent, a = self.parent(), self.child("a", "a1")
        head = pb.MessageHead(Command=pb.Undeliverable, Uid="7d44.1", ParentClusterName="north")
        a.receive(pb.ClusterMessage(Head=head, Body=encode_undeliverable(Undeliverable(("a1",), "no way", "a"))))
        self.assertEqual(self.owner.undeliverable, [("7d44.1", ["a1"], "no way")])
        self.assertEqual(parent.take(), [])

    def test_undecodable_messages_cost_themselves(self) -> None:
        """Garbage and messages without a head are counted; those before and after them are taken (F61, F63, T13)."""
        parent, a = self.parent(), self.child("a")
        parent.receive(b"\xff\xff", pb.ClusterMessage(Body=b"x"), b"", request("a"))
        self.assertEqual((self.controller.downward.malformed, len(a.take())), (3, 1))

    def test_unknown_commands_are_passed_on_by_their_targets(self) -> None:
        """A command of the future goes where it is addressed to; where it would have to be performed it is counted."""
        parent, a, b = self.parent(), self.child("a", "a1"), self.child("b")
        parent.receive(request("a1", Command=77), request("a1", "b", "north", Command=78), request(Command=79))
        self.assertEqual((commands(a.take()), commands(b.take())), ([77, 78], [78]))
        self.assertEqual((self.shim.performed, self.controller.from_parent.unknown, parent.take()), ([], 2, []))


class HopLimitTests(ControllerTestCase):
    """A message that goes in circles ends."""

    def test_each_hop_counts_down(self) -> None:
        """A forwarded request has one hop less, whether it goes to one target or to many."""
        parent, a = self.parent(), self.child("a", "a1", "a2", "a3")
        parent.receive(request("a1", HopLimit=9), request("a1", "a2", HopLimit=9))
        self.assertEqual([message.Head.HopLimit for message in a.take()], [8, 8])

    def test_the_last_hop_does_not_pass_it_on(self) -> None:
        """A request with one hop left goes no further, and its owner is told which targets it did not reach."""
        parent, a = self.parent(), self.child("a", "a1")
        parent.receive(request("a1", HopLimit=1))
        self.assertEqual((a.take(), undeliverables(parent.take())), ([], [(("a1",), "the hop limit ran out")]))
        self.assertEqual(self.controller.downward.exhausted, 1)

    def test_the_last_hop_performs_its_own(self) -> None:
        """With one hop left the receiver itself still performs the request; only the others are told as not reached."""
        parent = self.parent()
        self.child("a")
        parent.receive(request("north", "a", HopLimit=1))
        self.assertEqual(len(self.shim.performed), 1)
        self.assertEqual(undeliverables(parent.take()), [(("a",), "the hop limit ran out")])


class WholeSubtreeTests(ControllerTestCase):
    """Requests for everything below a child say so instead of naming it."""

    def test_everything_below_is_one_short_message(self) -> None:
        """A request for a child's whole subtree names nobody, whatever its size."""
        parent, a = self.parent(), self.child("a", *(f"a{number}" for number in range(1000)))
        parent.receive(request(*self.online()))
        sent = a.take()[0]
        self.assertEqual((sent.Head.WholeSubtree, list(sent.Head.Targets)), (True, []))
        self.assertLess(sent.ByteSize(), 200)

    def test_receiver_performs_and_passes_on(self) -> None:
        """The receiver of such a request performs it and hands it to all of its children in the same way."""
        parent, a, b = self.parent(), self.child("a", "a1"), self.child("b")
        parent.receive(request(WholeSubtree=True, SubtreeDigest=self.controller.table.digest))
        self.assertEqual(len(self.shim.performed), 1)
        self.assertEqual((a.take()[0].Head.WholeSubtree, list(b.take()[0].Head.Targets)), (True, ["b"]))

    def test_another_subtree_than_meant_is_refused(self) -> None:
        """A receiver whose subtree is not the one that was meant does not guess: nobody gets it, the sender is told."""
        parent, a = self.parent(), self.child("a", "a1")
        parent.receive(request(WholeSubtree=True, SubtreeDigest=1))
        self.assertEqual((self.shim.performed, a.take()), ([], []))
        self.assertEqual(undeliverables(parent.take()), [((), "the subtree of north has changed")])

    def test_refused_ones_are_sent_again_by_names(self) -> None:
        """When a child refuses, exactly the clusters that were meant are named; a newcomer is not among them (F3)."""
        parent, a = self.parent(), self.child("a", "a1")
        parent.receive(request("a", "a1"))
        self.child_grows(a)
        a.take()
        a.receive(refused_whole())
        again = a.take()[0]
        self.assertEqual((again.Head.WholeSubtree, sorted(again.Head.Targets)), (False, ["a", "a1"]))
        self.assertEqual(undeliverables(parent.take()), [])

    def child_grows(self, a: MemoryLink) -> None:
        """One more cluster joins below a."""
        entries = [entry("a", "north", listen="a:8287"), entry("a1", "a"), entry("a2", "a")]
        a.receive(announcement("a", entries))

    def test_a_second_refusal_is_told(self) -> None:
        """A child that refuses what was never sent to it as a whole bounces what is behind it, and nothing else."""
        parent, a = self.parent(), self.child("a", "a1")
        self.child("b")
        a.receive(refused_whole())
        self.assertEqual([sorted(names) for names, _ in undeliverables(parent.take())], [["a", "a1"]])

    def test_requests_without_identity_go_by_names(self) -> None:
        """A request of an original has no uid, so that a refusal could not be told from another's: it is sent by names."""
        parent, a = self.parent(v2=False), self.child("a", "a1")
        parent.receive(request_v1("^a$,^a1$"))
        self.assertEqual(sorted(a.take()[0].Head.Targets), ["a", "a1"])

    def test_cancellations_go_by_names(self) -> None:
        """A cancellation is never refused: it names its targets, and leaves the task's own second attempt alone."""
        self.parent()
        a = self.child("a", "a1")
        self.controller.cancel("7d44.1", ["a", "a1"])
        self.assertEqual(sorted(a.take()[0].Head.Targets), ["a", "a1"])

    def test_disputed_names_are_not_swept_along(self) -> None:
        """A cluster whose name is routed elsewhere does not get a request for the whole subtree through the other child (F2)."""
        parent, a, b = self.parent(), self.child("a", "x"), self.child("b", "x", "b1")
        parent.receive(request(WholeSubtree=True, SubtreeDigest=self.controller.table.digest))
        self.assertTrue(a.take()[0].Head.WholeSubtree)
        self.assertEqual(sorted(b.take()[0].Head.Targets), ["b", "b1"])

    def test_clusters_that_cannot_perform_are_not_swept_along(self) -> None:
        """A subtree in which somebody has no shim is named cluster by cluster."""
        parent, a = self.parent(), self.child("a")
        a.receive(announcement("a", [entry("a", "north", listen="a:8287"), ClusterEntry("a1", "a"), entry("a2", "a")]))
        parent.receive(request("a", "a2"))
        self.assertEqual(sorted(a.take()[0].Head.Targets), ["a", "a2"])


class RememberedTests(ControllerTestCase):
    """What can be sent again by names."""

    def test_memory_is_bounded(self) -> None:
        """Large requests push older ones out, so that repeats cost a bounded number of bytes."""
        wholes = WholeRequests(limit=10, limit_bytes=10_000)
        for number in range(10):
            wholes.remember("a", self.sized(f"u{number}.1", 3000), ["a", "a1"])
        self.assertEqual([wholes.take("a", f"u{number}.1") is not None for number in range(10)], [False] * 7 + [True] * 3)
        self.assertEqual(wholes.bytes, 0)

    def test_numbers_are_bounded(self) -> None:
        """Many small requests push older ones out as well."""
        wholes = WholeRequests(limit=2, limit_bytes=10_000)
        for number in range(4):
            wholes.remember("a", self.sized(f"u{number}.1", 10), ["a", "a1"])
        self.assertEqual(len(wholes), 2)

    def sized(self, uid: str, size: int) -> OutgoingRequest:
        """A request of about that many bytes."""
        message = request(uid=uid)
        message.Body = b"x" * size
        return OutgoingRequest(message)


class V1ChildTests(ControllerTestCase):
    """Originals below us."""

    def test_names_are_anchored(self) -> None:
        """Towards an original each name is a quoted, anchored expression, and nothing of ote.v2 steers it (F2, F3)."""
        parent, a, b = self.parent(), self.child("a.b", "a1", v2=False), self.child("b")
        parent.receive(request("a.b", "a1", "b"), request("a1", uid="7d45.1"))
        both, one = a.take()
        self.assertEqual(sorted(both.Head.ClusterSelector.split(",")), [r"^a1$", r"^a\.b$"])
        self.assertEqual(one.Head.ClusterSelector, "^a1$")
        self.assertEqual((both.Head.Uid, both.Head.MessageID, list(both.Head.Targets)), ("7d44.1", "t1", []))
        self.assertEqual(len(b.take()), 1)

    def test_commands_of_v2_are_kept_from_originals(self) -> None:
        """A cancellation is not sent to an original, which would take it for a fault, however many it is for."""
        parent = self.parent()
        a = self.child("a", "a1", v2=False)
        self.controller.cancel("7d44.1", ["a", "a1"])
        self.controller.cancel("7d44.1", ["a"])
        parent.receive(request("a", Command=pb.Cancel), request("a1", "a", Command=pb.Cancel))
        self.assertEqual(a.take(), [])


class V1ParentTests(ControllerTestCase):
    """Originals above us."""

    def test_bare_names_are_exact(self) -> None:
        """Names that an original parent forwards are those clusters, not whatever contains them (F2, F3)."""
        parent, a, b = self.parent(v2=False), self.child("c1"), self.child("c10")
        parent.receive(request_v1("c1"), request_v1("c1,nobody"))
        self.assertEqual((len(a.take()), b.take()), (2, []))

    def test_expressions_are_searched_for(self) -> None:
        """An expression of an original is looked for in every name, our own included, as the original does."""
        parent, a, b = self.parent(v2=False), self.child("c1"), self.child("c10")
        parent.receive(request_v1("c[0-9]+"), request_v1("^no.*h$"))
        self.assertEqual((len(a.take()), len(b.take()), len(self.shim.performed)), (1, 1, 1))

    def test_empty_selector_is_everybody(self) -> None:
        """The empty selector of an original is every cluster here and below."""
        parent, a, b = self.parent(v2=False), self.child("c1"), self.child("c10")
        parent.receive(request_v1(""))
        self.assertEqual((len(a.take()), len(b.take()), len(self.shim.performed)), (1, 1, 1))

    def test_our_children_get_targets(self) -> None:
        """A child that speaks ote.v2 gets the resolved name and a hop limit."""
        parent, a = self.parent(v2=False), self.child("a", "a1")
        parent.receive(request_v1("^a1$"))
        head = a.take()[0].Head
        self.assertEqual((list(head.Targets), head.HopLimit, head.ParentClusterName), (["a1"], 63, "root"))

    def test_route_commands_are_not_forwarded(self) -> None:
        """A neighbour route has an empty selector and is for the receiver alone: it is neither performed nor passed on (T27)."""
        parent, a = self.parent(v2=False), self.child("a", v2=False)
        parent.receive(request_v1("", command=pb.NeighborRoute))
        self.assertEqual((self.shim.performed, a.take()), ([], []))

    def test_multi_requests_are_not_answered(self) -> None:
        """An original expects no answer to a ControlMultiReq, and gets none (T27)."""
        parent = self.parent(v2=False)
        message = request_v1("north", command=pb.ControlMultiReq)
        message.Body = pb.ControlMultiTask(Destination="api", Method="PUT", URI="/a", Body=[b"1", b"2"]).SerializeToString()
        parent.receive(message)
        self.assertEqual(([task.body for task in self.shim.performed], parent.take()), ([b"1", b"2"], []))


class CarrierTests(ControllerTestCase):
    """Tasks that are owned here."""

    def test_deadline_and_owner_travel(self) -> None:
        """A dispatched task names its owner, its object and the time left."""
        a = self.child("a")
        self.assertEqual(self.controller.dispatch(TASK, "upgrade", ["a"], 12.5), [])
        head = a.take()[0].Head
        self.assertEqual((head.MessageID, head.ParentClusterName, head.DeadlineMilliseconds), ("upgrade", "north", 12_500))

    def test_own_cluster_answers_its_own_task(self) -> None:
        """A task owned here for this very cluster is performed and told to the owner, without a word to the parent (F54, F57)."""
        parent = self.parent()
        self.controller.dispatch(TASK, "upgrade", ["north"], 60)
        self.assertEqual((self.owner.answers, parent.take()), ([("7d44.1", "upgrade", "north", 201)], []))

    def test_announcements_are_none_of_it(self) -> None:
        """Requests cause no announcement."""
        parent = self.parent()
        self.child("a")
        self.clock.advance(1)
        parent.take()
        parent.receive(request("a"))
        self.clock.advance(1)
        self.assertEqual(announced(parent.take()), [])
