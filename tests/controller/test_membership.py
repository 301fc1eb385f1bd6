"""What a controller is towards its parents, and what it passes on of what they tell."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ote_twisted.controller.service import ClusterController
from ote_twisted.interfaces import ILink, IParentObserver
from ote_twisted.storage.journal_memory import MemoryKeptState
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import Ancestry, Neighbour, Neighbourhood, encode_ancestry, encode_neighbourhood
from ote_twisted.wire.routes import ClusterRouter, encode_router
from tests.controller.building import ControllerTestCase, announced


@implementer(IParentObserver)
class RecordingObserver:
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[ILink, Ancestry | Neighbourhood]] = []

    def path_learnt(self, link: ILink, ancestry: Ancestry) -> None:
        """See IParentObserver."""
        self.told.append((link, ancestry))

    def neighbours_learnt(self, link: ILink, neighbourhood: Neighbourhood) -> None:
        """See IParentObserver."""
        self.told.append((link, neighbourhood))


class SubtreeTests(ControllerTestCase):
    """Who must not become the parent."""

    def test_ourselves_and_all_below(self) -> None:
        """This cluster and all that are reached below it are in its subtree, also at any depth; others are not."""
        self.child("c1", "c2")
        membership = self.controller.membership
        self.assertEqual([membership.in_subtree(name) for name in ("north", "c1", "c2", "other")], [True, True, True, False])


class IdentityTests(ControllerTestCase):
    """Who this controller is, over links and lives."""

    def life(self) -> ClusterController:
        """Another life from the same disk."""
        controller = self.make_controller()
        self.successResultOf(Deferred.fromCoroutine(controller.prepare()))
        return controller

    def test_the_instance_is_kept(self) -> None:
        """The identity is made once for each disk: 32 hexadecimal digits that are told to parents and in the own entry."""
        instance = self.controller.table.own.instance
        self.assertRegex(instance, "^[0-9a-f]{32}$")
        self.assertEqual(self.life().table.own.instance, instance)
        identity = self.controller.membership.next_identity(home=True, standby=False)
        self.assertEqual((identity.instance, identity.home, identity.standby), (instance, True, False))

    def test_each_link_that_carries_has_a_higher_epoch(self) -> None:
        """The epoch that is told in the handshake is the one that is announced once the link carries."""
        epochs = []
        for _ in range(3):
            told = self.controller.membership.next_identity(False, False).epoch
            link = MemoryLink("", self.controller, is_parent=True).open()
            announcement = announced(link.take())[0]
            epochs.append(announcement.present[0].epoch)
            self.assertEqual((announcement.present[0].epoch, announcement.digest), (told, self.controller.table.digest))
        self.assertEqual(epochs, [1, 2, 3])

    def test_an_epoch_is_never_used_twice(self) -> None:
        """However many links there were, and whenever it died, the next life begins above all of them."""
        for number in (0, 1, 31, 32, 63, 64, 65, 200):
            before = self.controller.membership.next_identity(False, False).epoch
            for _ in range(number):
                MemoryLink("", self.controller, is_parent=True).open()
            used = self.controller.table.own.epoch
            self.assertEqual(used, before - 1 + number)
            self.assertGreater(self.life().membership.next_identity(False, False).epoch, used)

    def test_a_store_that_takes_no_writes(self) -> None:
        """A controller whose identity cannot be kept goes on under one, and keeps its epoch as soon as it can."""
        self.kept = MemoryKeptState()
        self.kept.broken = True
        controller = self.life()
        self.assertRegex(controller.table.own.instance, "^[0-9a-f]{32}$")
        for _ in range(100):
            controller.membership.another_link()
        self.kept.broken = False
        controller.membership.another_link()
        kept = self.successResultOf(self.kept.load())
        self.assertGreater(int(kept["epoch"]), 101)


class ObserverTests(ControllerTestCase):
    """What parents tell of the tree reaches whoever chooses the parent."""

    def setUp(self) -> None:
        """A controller with an observer."""
        super().setUp()
        self.observer = RecordingObserver()
        self.controller.from_parent.observer = self.observer

    def test_path_and_neighbours(self) -> None:
        """The way to the root and the neighbours are passed on with the link that they came from."""
        link = self.parent()
        ancestry = Ancestry(("mid", "root"), True, ("mid:1", "root:1"))
        neighbourhood = Neighbourhood((Neighbour("s", "s:1"),), (Neighbour("u", "u:1"),))
        link.receive(message(pb.Ancestry, encode_ancestry(ancestry)))
        link.receive(message(pb.Neighbourhood, encode_neighbourhood(neighbourhood)))
        self.assertEqual(self.observer.told, [(link, ancestry), (link, neighbourhood)])

    def test_an_originals_neighbours(self) -> None:
        """An original's children are our siblings, its neighbours our parent's."""
        link = self.parent()
        router = ClusterRouter({"s": "s:1"}, {"u": "u:1"})
        link.receive(message(pb.NeighborRoute, encode_router(router)))
        self.assertEqual(self.observer.told, [(link, Neighbourhood((Neighbour("s", "s:1"),), (Neighbour("u", "u:1"),)))])

    def test_only_the_link_that_carries_is_believed(self) -> None:
        """What an older link tells of the tree after another began to carry changes nothing."""
        old, new = self.parent(), self.parent()
        new.receive(message(pb.Ancestry, encode_ancestry(Ancestry(("mid2", "root"), True))))
        old.receive(message(pb.Ancestry, encode_ancestry(Ancestry(("mid1",), False))))
        self.assertEqual(self.controller.neighbours.ancestry.path, ("north", "mid2", "root"))
        self.assertEqual([link for link, _ in self.observer.told], [new])

    def test_the_end_of_the_older_link_is_no_loss(self) -> None:
        """When an older link ends the uplink stays, nobody hears of a loss, and everything is announced on the new one."""
        old, new = self.parent(), self.parent()
        old.end("another parent carries")
        self.assertIs(self.controller.uplink.link, new)
        self.assertEqual([each.told.reason for each in self.events.happenings()], ["ParentJoined"])
        self.assertEqual([decode(raw).Head.Command for raw in new.sent], [pb.Announce])
