"""What a controller is towards its parents, and what it passes on of what they tell."""

from __future__ import annotations

from zope.interface import implementer

from ote_twisted.interfaces import ILink, IParentObserver
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import Ancestry, Neighbour, Neighbourhood, encode_ancestry, encode_neighbourhood
from ote_twisted.wire.routes import ClusterRouter, encode_router
from tests.controller.building import ControllerTestCase


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
        self.assertEqual(self.controller.neighbours.ancestry, Ancestry(("north", "mid2", "root"), True))
        self.assertEqual([link for link, _ in self.observer.told], [new])

    def test_the_end_of_the_older_link_is_no_loss(self) -> None:
        """When an older link ends the uplink stays, nobody hears of a loss, and everything is announced on the new one."""
        old, new = self.parent(), self.parent()
        old.end("another parent carries")
        self.assertIs(self.controller.uplink.link, new)
        self.assertEqual([each.told.reason for each in self.events.happenings()], ["ParentJoined"])
        self.assertEqual([decode(raw).Head.Command for raw in new.sent], [pb.Announce])
