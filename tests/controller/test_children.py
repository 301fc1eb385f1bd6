"""Children that come, stand by, carry and go, and what they are told of each other."""

from __future__ import annotations

from ote_twisted.controller.admission import Insistence
from ote_twisted.controller.neighbours import GATHER
from ote_twisted.controller.pace import PaceLimits
from ote_twisted.controller.sample import SIZE
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.join import V2, Accept, Admission, JoinRequest, Refuse
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import (
    Ancestry,
    Neighbour,
    Neighbourhood,
    decode_ancestry,
    decode_neighbourhood,
    encode_ancestry,
    encode_neighbourhood,
)
from tests.controller.building import ControllerTestCase, announcement, answer_to, commands, entry, request


def joins(name: str, v2: bool = True, **identity: object) -> JoinRequest:
    """A handshake of a child of ours, or of an original."""
    told = {"instance": "f" * 32, "epoch": 1, **identity} if v2 else {}
    return JoinRequest(name, name, f"{name}:8287", "10.0.0.1:1", (V2,) if v2 else (), **told)  # type: ignore[arg-type]


def status(admission: Admission) -> int:
    """As the answer in HTTP."""
    return admission.status if isinstance(admission, Refuse) else 101


def rooted(*path: str) -> bytes:
    """A parent tells the way to the root."""
    return message(pb.Ancestry, encode_ancestry(Ancestry(path, True)))


class AdmissionTests(ControllerTestCase):
    """Who is let in by a controller that is no root."""

    admission = PaceLimits(rate=2, burst=4)

    def test_orphans_adopt_nobody(self) -> None:
        """Without a way to the root only children that are configured to be below us are taken; with one everybody is (F44)."""
        self.assertEqual([status(self.controller.admit(joins("a", home=home))) for home in (False, True)], [503, 101])
        parent = self.parent()
        self.assertEqual(status(self.controller.admit(joins("b"))), 503)
        parent.receive(rooted("mid", "root"))
        self.assertEqual(status(self.controller.admit(joins("b"))), 101)
        parent.end("gone")
        self.assertEqual(status(self.controller.admit(joins("c"))), 503)
        self.assertEqual(self.controller.children.unrooted, 3)
        self.assertEqual(self.events.reasons(), ["ParentJoined", "ParentLost"])

    def test_an_original_parent_counts_as_a_way_to_the_root(self) -> None:
        """An original never says where the root is, so below one everybody is taken."""
        self.parent(v2=False)
        self.assertEqual(status(self.controller.admit(joins("a"))), 101)
        self.assertEqual(self.controller.neighbours.ancestry, Ancestry(("north",), True, ("north:8287",)))

    def test_originals_that_were_ours_are_taken_back(self) -> None:
        """An original cannot say that it belongs here, so without a way to the root only those that are known are taken."""
        self.child("old", v2=False).end("gone")
        self.assertEqual([status(self.controller.admit(joins(name, v2=False))) for name in ("old", "new")], [101, 503])

    def test_an_original_with_nobody_else_is_taken(self) -> None:
        """An original that nobody knows, and that still comes after half a minute, belongs here: it starts offline with us."""
        answers = []
        for seconds in (0, 10, 10, 9, 2, 1):
            self.clock.advance(seconds)
            answers.append(status(self.controller.admit(joins("new", v2=False))))
        self.assertEqual(answers, [503, 503, 503, 503, 101, 101])
        self.assertEqual(status(self.controller.admit(joins("new"))), 503)

    def test_an_original_that_had_gone_elsewhere(self) -> None:
        """One that has not come for long comes for the first time again; of very many the longest ago are forgotten."""
        insistence = Insistence()
        self.assertEqual([insistence.asks("a", now) for now in (0.0, 700.0, 729.0, 730.0)], [False, False, False, True])
        for number in range(1000):
            insistence.asks(f"b{number}", 730.0)
        self.assertFalse(insistence.asks("a", 731.0))

    def test_many_at_once_are_taken_one_after_the_other(self) -> None:
        """Beyond the burst each is told its own turn, and taken when it comes; nobody else can take it (P1)."""
        self.parent().receive(rooted("root"))
        answers = [self.controller.admit(joins(f"c{number}")) for number in range(8)]
        self.assertEqual([status(each) for each in answers], [101] * 4 + [503] * 4)
        waits = [each.retry_after for each in answers if isinstance(each, Refuse)]
        self.assertEqual(waits, [0.5, 1.0, 1.5, 2.0])
        self.clock.advance(1.0)
        again = [status(self.controller.admit(joins(f"c{number}"))) for number in (8, 7, 6, 5, 4)]
        self.assertEqual(again, [503, 503, 503, 101, 101])
        self.assertEqual(self.controller.children.paced, 7)

    def test_a_refusal_for_good_costs_no_turn(self) -> None:
        """Names that may not join at all are refused however many others wait, and use up nothing."""
        self.parent().receive(rooted("root"))
        for _ in range(20):
            self.assertEqual(status(self.controller.admit(joins("root"))), 403)
        self.assertIsInstance(self.controller.admit(joins("a")), Accept)


class StandbyTests(ControllerTestCase):
    """A child's link that stands by."""

    def standby(self, name: str = "x") -> MemoryLink:
        """One of them."""
        link = MemoryLink(name, self.controller, listen=f"{name}:8287", instance="i", epoch=2, standby=True)
        return link.open()

    def test_it_hears_where_it_would_be(self) -> None:
        """It is told the way to the root, and when that changes; it changes nothing else, and nobody hears of it."""
        self.child("a")
        self.clock.advance(GATHER)
        before = self.controller.table.digest
        link = self.standby()
        self.assertEqual(commands(link.take()), [pb.Ancestry, pb.Neighbourhood])
        link.receive(answer_to(request("x"), "x"))
        self.assertEqual((self.controller.table.digest, self.online(), self.controller.upward.spoofed), (before, ["a"], 1))
        self.parent().receive(rooted("root"))
        self.assertEqual([decode_ancestry(each.Body).path for each in link.take()], [("north", "root")])
        link.end("no use")
        self.assertEqual(self.events.reasons("x"), [])
        self.assertEqual(self.controller.links.keys(), {"a"})

    def test_it_carries_once_it_announces(self) -> None:
        """With its first announcement it is a child like others, in place of any other way to it."""
        self.child("a")
        before = self.controller.links["a"]
        assert isinstance(before, MemoryLink)
        before.receive(announcement("a", [entry("x", "a", instance="i", epoch=2)], (), (), complete=False, digest=0))
        link = self.standby()
        self.assertEqual(self.controller.table.via["x"], "a")
        link.receive(announcement("x", [entry("x", "north", instance="i", epoch=7)]))
        self.assertEqual((self.controller.table.via["x"], link.standby, link.epoch), ("x", False, 7))
        self.assertEqual(self.events.reasons("x"), ["ChildJoined", "ClusterMoved"])
        self.assertEqual(self.object("x")["status"]["parentName"], "north")
        link.end("gone")
        self.assertEqual(self.controller.table.via["x"], "a")


class NeighbourhoodTests(ControllerTestCase):
    """Whom children are told of, to turn to when we are gone (F39)."""

    is_root = True

    def told(self, link: MemoryLink) -> list[Neighbourhood]:
        """What a child was told since the last call."""
        return [decode_neighbourhood(each.Body) for each in link.take() if each.Head.Command == pb.Neighbourhood]

    def join(self, *names: str, listen: bool = True) -> list[MemoryLink]:
        """Children join in one moment."""
        return [MemoryLink(name, self.controller, listen=f"{name}:1" if listen else "").open() for name in names]

    def test_a_crowd_is_told_in_one_message_each(self) -> None:
        """However many join, each hears of one bounded sample once; who joins later hears of it at once and changes nothing."""
        names = [f"c{number}" for number in range(200)]
        links = self.join(*names)
        self.clock.advance(GATHER)
        told = [self.told(link) for link in links]
        self.assertEqual({tuple(each) for each in told}, {tuple(told[0])})
        self.assertEqual(told[0], [Neighbourhood(tuple(Neighbour(name, f"{name}:1") for name in names[:SIZE]))])
        (late,) = self.join("late")
        self.assertEqual(self.told(late), told[0])
        self.clock.advance(10 * GATHER)
        self.assertEqual([link.take() for link in (late, links[3])], [[], []])

    def test_only_one_of_the_sample_makes_a_difference(self) -> None:
        """When one of the sample goes another takes its place and all are told, once for many; others may go unheard."""
        links = self.join(*(f"c{number}" for number in range(40)))
        self.clock.advance(GATHER)
        for link in links:
            link.take()
        links[30].end("gone")
        self.clock.advance(2 * GATHER)
        self.assertEqual(links[0].take(), [])
        links[3].end("gone")
        links[4].end("gone")
        self.clock.advance(GATHER)
        (told,) = self.told(links[0])
        names = {each.name for each in told.siblings}
        self.assertEqual((len(names), {"c3", "c4"} & names), (SIZE, set()))

    def test_those_who_cannot_be_reached_are_no_help(self) -> None:
        """Children without a tunnel, and links that only stand by, are in no sample."""
        self.join("leaf", listen=False)
        standby = MemoryLink("x", self.controller, listen="x:1", standby=True).open()
        (a,) = self.join("a")
        self.clock.advance(GATHER)
        self.assertEqual(self.told(a), [Neighbourhood((Neighbour("a", "a:1"),))])
        self.assertEqual(self.told(standby), [Neighbourhood((Neighbour("a", "a:1"),))])


class ParentSiblingTests(NeighbourhoodTests):
    """The same below a parent, which tells of others beside us."""

    is_root = False

    def test_our_siblings_are_our_childrens_uncles(self) -> None:
        """Children hear of those beside us that can be reached, also when our parent is gone, until another parent tells."""
        (a,), parent = self.join("a"), self.parent()
        beside = [Neighbour("north", "n:1"), Neighbour("east", "e:1"), Neighbour("mute", ""), Neighbour("west", "w:1")]
        parent.receive(message(pb.Neighbourhood, encode_neighbourhood(Neighbourhood(tuple(beside)))))
        self.clock.advance(GATHER)
        self.assertEqual([each.parent_siblings for each in self.told(a)], [(beside[1], beside[3])])
        parent.end("gone")
        self.clock.advance(GATHER)
        self.assertEqual(self.told(a), [])
        self.parent()
        self.clock.advance(GATHER)
        self.assertEqual([each.parent_siblings for each in self.told(a)], [()])
