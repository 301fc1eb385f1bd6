"""Telling clusters that their answers and reports have arrived."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.confirming import Confirmations
from ote_twisted.tasks.model import Answer
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import edge_report
from ote_twisted.wire.notices import decode_received, encode_received
from tests.controller.building import ControllerTestCase, answer_to, commands, request


class GatheringTests(SynchronousTestCase):
    """Few messages for many answers."""

    def setUp(self) -> None:
        """Build it."""
        self.clock = Clock()
        self.told: list[tuple[list[str], list[str]]] = []
        self.confirmations = Confirmations("root", self.send, self.clock)

    def send(self, message: pb.ClusterMessage, targets: Iterable[str]) -> None:
        """Keep."""
        self.told.append((list(decode_received(message.Body)), list(targets)))

    def test_one_task_many_clusters(self) -> None:
        """A thousand answers to one task cost one message to a thousand targets."""
        for number in range(1000):
            self.confirmations.received("u.1", [f"c{number}"])
        self.clock.advance(1)
        self.assertEqual(self.told, [(["u.1"], [f"c{number}" for number in range(1000)])])

    def test_many_tasks_of_one_cluster(self) -> None:
        """Many answers of one cluster are confirmed together, and one that comes twice once; the own cluster is owed nothing."""
        for number in (1, 2, 2, 3):
            self.confirmations.received(f"u.{number}", ["c1", "root"])
        self.clock.advance(1)
        self.assertEqual(self.told, [(["u.1", "u.2", "u.3"], ["c1"])])

    def test_clusters_with_the_same_share(self) -> None:
        """Clusters are told together exactly when they are told the same."""
        self.confirmations.received("u.1", ["c1", "c2", "c3"])
        self.confirmations.received("u.2", ["c2", "c3"])
        self.clock.advance(1)
        self.assertEqual(self.told, [(["u.1"], ["c1"]), (["u.1", "u.2"], ["c2", "c3"])])

    def test_large_messages_are_divided(self) -> None:
        """No message names more than a thousand."""
        for number in range(1500):
            self.confirmations.received(f"u.{number}", ["c1"])
        self.clock.advance(1)
        self.assertEqual([len(uids) for uids, _ in self.told], [1000, 500])

    def test_stopping(self) -> None:
        """After the stop nobody is told and nothing is scheduled."""
        self.confirmations.received("u.1", ["c1"])
        self.confirmations.stop()
        self.confirmations.received("u.2", ["c1"])
        self.assertEqual((self.told, self.clock.getDelayedCalls()), ([], []))

    def test_reports_that_come_again(self) -> None:
        """A report that comes again is known, and confirmed again; one of an original has no name and is always new."""
        self.assertTrue(self.confirmations.reported("c1", "report:1"))
        self.clock.advance(1)
        self.assertFalse(self.confirmations.reported("c1", "report:1"))
        self.assertTrue(self.confirmations.reported("c2", "report:1"))
        self.assertTrue(self.confirmations.reported("c1", "") and self.confirmations.reported("c1", ""))
        self.clock.advance(1)
        self.assertEqual((len(self.told), self.confirmations.repeats), (2, 1))


class RootTests(ControllerTestCase):
    """At a root."""

    name = "root"
    is_root = True

    def test_reports_are_confirmed_and_counted_once(self) -> None:
        """A report that comes twice is counted once and confirmed to the cluster that it came from, through its child."""
        a = self.child("a", "a1")
        raw = edge_report("a1", b"[]") + pb.ClusterMessage(Head=pb.MessageHead(Uid="report:1")).SerializeToString()
        for _ in range(2):
            a.receive(raw)
            self.clock.advance(1)
        told = [message for message in a.take() if message.Head.Command == pb.Received]
        self.assertEqual([(list(each.Head.Targets), decode_received(each.Body)) for each in told], [(["a1"], ("report:1",))] * 2)
        self.assertEqual(self.controller.reports, 1)

    def test_originals_are_spared(self) -> None:
        """A child that is an original is told nothing that it does not know."""
        a = self.child("a", v2=False)
        self.controller.received("u.1", ["a"])
        self.clock.advance(1)
        self.assertNotIn(pb.Received, commands(a.take()))


class MiddleTests(ControllerTestCase):
    """Between the owner and the cluster."""

    def confirmation(self, target: str, uid: str = "7d44.1") -> pb.ClusterMessage:
        """What an owner sends."""
        head = pb.MessageHead(Command=pb.Received, Targets=[target], HopLimit=9, ParentClusterName="root")
        return pb.ClusterMessage(Head=head, Body=encode_received([uid]))

    def test_it_is_passed_on(self) -> None:
        """A confirmation for a cluster below goes on; for one without a way it is dropped, and nobody is bothered with that."""
        parent, a = self.parent(), self.child("a", "a1")
        parent.receive(self.confirmation("a1"), self.confirmation("stranger"))
        self.assertEqual((commands(a.take()), parent.take()), ([pb.Received], []))

    def test_the_own_cluster(self) -> None:
        """A confirmation for us ends what we owe; nonsense changes nothing and is counted."""
        parent = self.parent()
        parent.receive(request("north"))
        self.assertIn("7d44.1", self.controller.outbox)
        broken = self.confirmation("north")
        broken.Body = b"\xff"
        parent.receive(broken, self.confirmation("north", "another"))
        self.assertEqual((self.controller.delivery.malformed, len(self.controller.outbox)), (1, 1))
        parent.receive(self.confirmation("north"))
        self.assertEqual(len(self.controller.outbox), 0)

    def test_what_goes_through_costs_nothing(self) -> None:
        """Answers of others are passed on without being noted here."""
        self.parent()
        a = self.child("a")
        a.receive(answer_to(request("a"), "a"))
        self.assertEqual(list(self.successResultOf(self.journal.load()).outbox), [])

    def test_tasks_owned_here_are_confirmed_down(self) -> None:
        """An owner in the middle confirms what it has, and its own cluster owes it nothing."""
        a = self.child("a")
        a.receive(answer_to(request("a", parent="north"), "a"))
        self.controller.received("7d44.1", ["a", "north"])
        self.clock.advance(1)
        self.assertEqual(commands(a.take()), [pb.Received])
        self.controller.delivery.answers.performed(request("north", parent="north").Head, Answer(200), None)
        self.assertEqual((len(self.controller.outbox), self.owner.answers[-1][2]), (0, "north"))
