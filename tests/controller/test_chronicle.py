"""What a controller records of its part of the tree."""

from __future__ import annotations

from ote_twisted.controller import chronicle
from ote_twisted.events.model import Told
from ote_twisted.wire.entry import ClusterEntry
from ote_twisted.wire.join import JoinRequest
from tests.controller.building import ControllerTestCase, announcement, entry
from tests.controller.trees import TreeTestCase


class LinkTests(ControllerTestCase):
    """Links that come and go at one controller."""

    def told(self) -> list[Told]:
        """What was recorded."""
        return [each.told for each in self.events.happenings()]

    def test_child(self) -> None:
        """A child's coming and going are recorded, with the number and the names of the clusters behind it."""
        link = self.child("c1", "c2", "c3")
        link.end("no sign of life")
        self.assertEqual(
            self.told(),
            [
                Told("ChildJoined", "It joined with ote.v2.", "c1"),
                Told("ChildLost", "The link to it was lost: no sign of life.", "c1", True),
                Told("SubtreeUnreachable", "There is no way to 2 clusters (c2, c3) behind it.", "c1", True),
            ],
        )

    def test_leaf(self) -> None:
        """Of a child with nothing behind it no subtree is recorded, neither when it goes nor when it comes back."""
        self.child("c1").end("reset")
        self.child("c1")
        self.assertEqual(self.events.reasons(), ["ChildLost", "ChildJoined"])

    def test_comes_back(self) -> None:
        """When the last of those who were lost with a child can be reached, whichever way, that is recorded, once."""
        self.child("c1", "c2", "c3").end("reset")
        self.child("c1", "c2", "c4")
        self.assertNotIn("SubtreeReachable", self.events.reasons())
        self.child("c5", "c3")
        self.child("c6").receive(announcement("c6", [entry("c6", "north"), entry("c7", "c6")]))
        returns = [each for each in self.told() if each.reason == "SubtreeReachable"]
        self.assertEqual(
            returns, [Told("SubtreeReachable", "There is a way again to all that were lost with it: 2 clusters.", "c1")]
        )

    def test_lost_again(self) -> None:
        """A child that is lost again before all are back is missed with all of them."""
        self.child("c1", "c2", "c3").end("reset")
        self.child("c1", "c2").end("reset")
        self.child("c1", "c2", "c3")
        returns = [each.message for each in self.told() if each.reason == "SubtreeReachable"]
        self.assertEqual(returns, ["There is a way again to all that were lost with it: 2 clusters."])

    def test_too_many_missed(self) -> None:
        """What is remembered of the lost is bounded; what is beyond returns untold."""
        self.patch(chronicle, "MISSED", 2)
        self.child("c1", "c2", "c3", "c4").end("reset")
        self.child("c1", "c2", "c3", "c4")
        self.assertNotIn("SubtreeReachable", self.events.reasons())

    def test_many_behind(self) -> None:
        """Of many clusters the number is told and some names."""
        self.child("c1", *(f"d{number:02}" for number in range(12))).end("reset")
        names = ", ".join(f"d{number:02}" for number in range(10))
        self.assertEqual(self.told()[-1].message, f"There is no way to 12 clusters ({names}, …) behind it.")

    def test_parent(self) -> None:
        """Finding and losing the parent are recorded about this controller."""
        self.parent().end("reset")
        self.assertEqual(
            self.told(),
            [
                Told("ParentJoined", "Joined the parent at parent:30000 with ote.v2.", "north"),
                Told("ParentLost", "The link to the parent at parent:30000 was lost: reset.", "north", True),
            ],
        )

    def test_refused(self) -> None:
        """A refused handshake is recorded about the one who asked, again and again in one event; a nameless one about us."""
        for name in ("north", "north", "Not A Name"):
            self.controller.admit(JoinRequest(name, name, ":8287", "10.0.0.1:1"))
        told = [(each.told.reason, each.told.about, each.count) for each in self.events.happenings()]
        self.assertEqual(told, [("ChildRefused", "north", 2), ("ChildRefused", "north", 1)])
        self.assertTrue(self.told()[0].warning)

    def test_accepted(self) -> None:
        """A handshake that is accepted is no event; the link is one."""
        self.controller.admit(JoinRequest("c1", "c1", ":8287", "10.0.0.1:1"))
        self.assertEqual(self.told(), [])

    def test_moved(self) -> None:
        """A cluster that is below another one than before is recorded once, what moves along below it is not."""
        first = self.child("c1", "c2")
        first.receive(announcement("c1", [entry("c3", "c2")], complete=False))
        second = self.child("c4")
        first.receive(announcement("c1", [], absent=["c2", "c3"], complete=False))
        second.receive(announcement("c4", [entry("c2", "c4"), entry("c3", "c2")], complete=False))
        moves = [each for each in self.told() if each.reason == "ClusterMoved"]
        self.assertEqual(moves, [Told("ClusterMoved", "It is below c4 now and was below c1 before.", "c2")])

    def test_relabelled(self) -> None:
        """A cluster whose labels change has not moved."""
        link = self.child("c1", "c2")
        link.receive(announcement("c1", [ClusterEntry("c2", "c1", labels={"a": "b"})], complete=False))
        self.assertEqual(self.events.reasons(), ["ChildJoined"])


class TreeEventsTests(TreeTestCase):
    """The events of a tree in which a region dies."""

    def test_region(self) -> None:
        """The root tells of the region and of the number behind it, the sites of their parent, and all of it again at the end."""
        self.chain("root", "north", "north-1")
        self.tree.node("north").crash()
        self.tree.settle(30.0)
        root, site = self.tree.node("root").events, self.tree.node("north-1").events
        self.assertEqual(root.reasons(), ["ChildJoined", "ChildLost", "SubtreeUnreachable"])
        self.assertEqual(site.reasons(), ["ParentJoined", "ParentLost"])
        self.tree.node("north").start()
        self.tree.settle(60.0)
        self.assertIn("ChildJoined", root.reasons("north")[-2:])
        self.assertEqual(site.reasons()[-1], "ParentJoined")
