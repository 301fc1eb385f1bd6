"""What children say of their subtrees, what the parent is told of ours, and who may join."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.admission import STANDBY, UNROOTED, Standing, admit
from ote_twisted.controller.announcing import COALESCE, REPEAT_V1
from ote_twisted.controller.claims import REQUEST_INTERVAL
from ote_twisted.controller.described import cluster_status
from ote_twisted.controller.entries import MAX_TEXT, PAGE, PAGE_BYTES, check_entry, fitting, pages, weight
from ote_twisted.controller.neighbours import GATHER
from ote_twisted.errors import InvalidName
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, subtree_digest
from ote_twisted.wire.join import V2, Accept, JoinRequest, Refuse
from ote_twisted.wire.limits import ANNOUNCEMENT_LIMIT, ENTRY_LIMIT
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import Ancestry, Refusal, decode_ancestry, encode_ancestry, encode_refusal
from ote_twisted.wire.routes import ClusterRegistry, decode_registry, decode_router, decode_subtree, encode_registry
from tests.controller.building import (
    ControllerTestCase,
    announced,
    announcement,
    answer_to,
    commands,
    entry,
    refusals,
    request,
    subtree,
)


def registry(name: str, parent: str, command: int = pb.ClusterRegist, **fields: str) -> bytes:
    """What an original relays of a cluster below it."""
    return message(command, encode_registry(ClusterRegistry(name, name, fields.get("listen", ":1"), 1, parent)), parent=parent)


def ancestry(*path: str, rooted: bool = True) -> bytes:
    """What a parent says of its way to the root."""
    return message(pb.Ancestry, encode_ancestry(Ancestry(path, rooted)))


def joined(case: ControllerTestCase, name: str) -> MemoryLink:
    """A child that has announced itself, in this turn."""
    link = MemoryLink(name, case.controller).open()
    link.receive(announcement(name, [entry(name, case.name)]))
    return link


class AnnouncedTests(ControllerTestCase):
    """Announcements of ote.v2 children."""

    def test_names_are_routed_through_their_child(self) -> None:
        """Everything that a child announces is reached through it (T17)."""
        self.child("a", "a1", "a2")
        self.assertEqual(self.controller.table.via, {"a": "a", "a1": "a", "a2": "a"})

    def test_agreement_is_silent(self) -> None:
        """While both ends hold the same view nothing is asked for."""
        a = self.child("a", "a1")
        a.receive(
            announcement("a", [entry("a2", "a1")], ["a1"], [entry("a", "north", listen="a:8287"), entry("a2", "a1")], False)
        )
        self.assertEqual((a.take(), self.online(), self.controller.claims.mismatches), ([], ["a", "a2"], 0))

    def test_disagreement_is_repaired(self) -> None:
        """After an announcement whose digest differs from what we hold a complete one is asked for, and repairs it (F26)."""
        a = self.child("a", "a1")
        truth = [entry("a", "north", listen="a:8287"), entry("a2", "a"), entry("a3", "a")]
        a.receive(announcement("a", [entry("a3", "a")], ["a1"], truth, complete=False))
        self.assertEqual(commands(a.take()), [pb.AnnounceRequest])
        a.receive(announcement("a", truth))
        self.assertEqual((self.online(), a.take()), (["a", "a2", "a3"], []))

    def test_a_child_that_never_agrees_is_asked_seldom(self) -> None:
        """A child whose digests never fit is asked for everything at most once in a while, however often it announces."""
        a = self.child("a")
        self.clock.advance(GATHER)
        a.take()
        for _ in range(50):
            a.receive(announcement("a", [entry("a", "north")], digest=7))
        self.assertEqual(commands(a.take()), [pb.AnnounceRequest])
        self.clock.advance(REQUEST_INTERVAL)
        a.receive(announcement("a", [entry("a", "north")], digest=7))
        self.assertEqual(commands(a.take()), [pb.AnnounceRequest])

    def test_parts_are_compared_at_the_end(self) -> None:
        """An announcement in several parts is compared after the last one only."""
        a = self.child("a")
        parts = [[entry("a", "north", listen="a:8287"), entry("a1", "a")], [entry("a2", "a"), entry("a3", "a")]]
        digest = subtree_digest([*parts[0], *parts[1]])
        for number, part in enumerate(parts):
            last = number == 1
            body = Announcement(number == 0, tuple(part), (), digest if last else 0, 4 if last else 0)
            a.receive(message(pb.Announce, encode_announcement(body), "a"))
        self.assertEqual((self.online(), a.take()), (["a", "a1", "a2", "a3"], []))

    def test_unusable_entries_cost_themselves(self) -> None:
        """A name, label, tag or text out of grammar leaves out that cluster alone, and is counted (F6)."""
        a = self.child("a")
        bad = [
            entry("A_1", "a"),
            entry("a" * 64, "a"),
            entry("l1", "a", labels={"k": "-"}),
            entry("l2", "a", labels={"": "v"}),
            entry("t1", "a", tags=("a tag",)),
            entry("p1", "a", user_defined_name="x" * (MAX_TEXT + 1)),
            entry("h1", "a", listen="x" * 500),
        ]
        a.receive(announcement("a", [entry("a", "north"), *bad, entry("good", "a")]))
        self.assertEqual((self.online(), self.controller.claims.invalid), (["a", "good"], len(bad)))

    def test_undecodable_announcements_change_nothing(self) -> None:
        """Garbage, too long or contradictory bodies are counted; the routes stay (T13, T17)."""
        a = self.child("a", "a1")
        twice = encode_announcement(Announcement(False, (entry("a2", "a"),), ("a2",), 0, 0))
        for body in (b"\xff", b"x" * (ANNOUNCEMENT_LIMIT + 1), twice):
            a.receive(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.Announce), Body=body))
        self.assertEqual((self.online(), self.controller.claims.invalid), (["a", "a1"], 3))

    def test_a_child_cannot_withdraw_others(self) -> None:
        """Names in Absent that are behind another child stay where they are (F15, F34)."""
        a = self.child("a", "a1")
        self.child("b", "b1")
        a.receive(announcement("a", [], ["b1", "b", "north"], [entry("a", "north"), entry("a1", "a")], complete=False))
        self.assertEqual(self.online(), ["a", "a1", "b", "b1"])

    def test_a_claim_of_anothers_cluster_is_refused_and_told(self) -> None:
        """A child that claims what is behind another is told so; the route stays (F15, F32)."""
        self.child("a", "x")
        b = self.child("b")
        b.receive(
            announcement("b", [entry("x", "b")], whole=[entry("b", "north", listen="b:8287"), entry("x", "b")], complete=False)
        )
        self.assertEqual(refusals(b.take()), [("x", "x is already reached through a")])
        self.assertEqual(self.controller.table.via["x"], "a")

    def test_a_moved_cluster_is_taken_when_its_old_way_ends(self) -> None:
        """A refused claim gets the route as soon as the first holder loses it, and the child is told that too (F33)."""
        a, b = self.child("a", "x"), self.child("b")
        b.receive(
            announcement("b", [entry("x", "b")], whole=[entry("b", "north", listen="b:8287"), entry("x", "b")], complete=False)
        )
        b.take()
        a.end("gone")
        self.clock.advance(1)
        self.assertEqual((self.controller.table.via["x"], refusals(b.take())), ("b", [("x", "")]))
        self.assertEqual([self.object("x")["status"][key] for key in ("status", "parentName")], ["online", "b"])

    def test_nothing_is_kept_of_children_that_left(self) -> None:
        """Names and reports of children that came and went cost no memory."""
        for number in range(100):
            link = self.child(f"c{number}", "below", v2=False)
            link.receive(announcement(f"c{number}", [], digest=7))
            link.end("gone")
        claims = self.controller.claims
        self.assertEqual((claims._asked, claims._subtrees, self.controller.table.children), ({}, {}, {}))


class V1ChildTests(ControllerTestCase):
    """Originals below us."""

    def test_registrations_are_routed(self) -> None:
        """A relayed registration of a cluster further down makes it reachable at once (F16, T15)."""
        a = self.child("a", v2=False)
        a.receive(registry("a1", "a"), registry("a2", "a1"))
        self.assertEqual(self.online(), ["a", "a1", "a2"])
        self.clock.advance(1)
        self.assertEqual(self.object("a2")["status"]["parentName"], "a1")

    def test_reports_are_the_last_word(self) -> None:
        """A subtree report makes exactly its names reachable, whatever was said before (F17)."""
        a = self.child("a", v2=False)
        a.receive(subtree("a", {"a1": "a1", "a2": "a1"}))
        a.receive(subtree("a", {"a1": "a1", "a3": "a1"}))
        self.assertEqual(self.online(), ["a", "a1", "a3"])

    def test_unchanged_reports_cost_nothing(self) -> None:
        """The report that an original repeats each second changes nothing, is not passed on and writes nothing (F8, F9)."""
        parent, a = self.parent(), self.child("a", *(f"a{number}" for number in range(50)), v2=False)
        report = subtree("a", {f"a{number}": f"a{number}" for number in range(50)})
        a.receive(report)
        self.clock.advance(1)
        parent.take()
        writes, version = self.controller.records.writes, self.store.version()
        for _ in range(60):
            a.receive(report)
            self.clock.advance(1)
        self.assertEqual((parent.take(), self.controller.records.writes, self.store.version()), ([], writes, version))

    def test_a_late_unregistration_is_healed_by_the_next_report(self) -> None:
        """An unregistration that comes too late is undone by the next report, even an unchanged one (F17, F34)."""
        a = self.child("a", v2=False)
        a.receive(subtree("a", {"a1": "a1"}))
        a.receive(registry("a1", "a", pb.ClusterUnregist), subtree("a", {"a1": "a1"}))
        self.assertEqual(self.online(), ["a", "a1"])

    def test_a_registration_that_no_report_confirms_goes(self) -> None:
        """A cluster that the next report does not name is not reachable, even if that says what it said before (F17)."""
        a = self.child("a", v2=False)
        a.receive(subtree("a", {}))
        a.receive(registry("a1", "a"), subtree("a", {}))
        self.assertEqual(self.online(), ["a"])

    def test_a_child_cannot_unregister_itself_or_others(self) -> None:
        """An unregistration of the sender, or of what is behind another child, changes nothing (F30, F34, T16)."""
        a = self.child("a", v2=False)
        self.child("b", "b1")
        gone = [registry(name, "a", pb.ClusterUnregist) for name in ("a", "b", "b1", "north", "nobody")]
        a.receive(*gone)
        self.assertEqual(self.online(), ["a", "b", "b1"])

    def test_bodies_out_of_grammar_change_nothing(self) -> None:
        """Registrations and reports with garbage, null or nothing as body are counted; the routes stay (T13, T15, T16, T17)."""
        a = self.child("a", v2=False)
        a.receive(subtree("a", {"a1": "a1"}))
        for command in (pb.ClusterRegist, pb.ClusterUnregist, pb.SubTreeRoute):
            a.receive(message(command, b""), message(command, b"null"), message(command, b"[1"))
        self.assertEqual((self.online(), self.controller.claims.invalid), (["a", "a1"], 9))

    def test_names_out_of_grammar_are_left_out(self) -> None:
        """Names that could not be written as an object leave out themselves alone (F6)."""
        a = self.child("a", v2=False)
        a.receive(subtree("a", {"a1": "a1", "A,B": "a1"}), registry("c1$", "a"))
        self.assertEqual((self.online(), self.controller.claims.invalid), (["a", "a1"], 2))

    def test_texts_of_originals_cannot_cost_others(self) -> None:
        """A registration with an address of many kilobytes is taken without it, so that our parent takes our announcement."""
        parent, a = self.parent(), self.child("a", v2=False)
        a.receive(registry("a1", "a", listen="x" * 60_000))
        self.clock.advance(1)
        self.assertEqual([each.listen for each in announced(parent.take())[0].present], [""])


class AnnouncerTests(ControllerTestCase):
    """What an ote.v2 parent is told."""

    def test_everything_at_the_start(self) -> None:
        """A new parent gets one complete announcement with the digest of everything, ourselves included (F26, T5, T28)."""
        self.child("a", "a1")
        told = announced(MemoryLink("", self.controller, is_parent=True).open().take())
        self.assertEqual(len(told), 1)
        self.assertEqual((told[0].complete, sorted(each.name for each in told[0].present)), (True, ["a", "a1", "north"]))
        self.assertEqual((told[0].digest, told[0].count), (subtree_digest(told[0].present), 3))

    def test_changes_are_gathered(self) -> None:
        """Many changes at once are one announcement of what changed, soon (F10)."""
        parent = self.parent()
        for number in range(100):
            joined(self, f"c{number}")
        self.assertEqual(announced(parent.take()), [])
        self.clock.advance(COALESCE)
        told = announced(parent.take())
        self.assertEqual(([len(each.present) for each in told], told[0].complete), ([100], False))

    def test_come_and_gone_is_gone(self) -> None:
        """Of changes that cancel each other the last word is told."""
        parent = self.parent()
        link = joined(self, "a")
        link.end("gone")
        self.clock.advance(COALESCE)
        self.assertEqual([(each.present, list(each.gone())) for each in announced(parent.take())], [((), ["a"])])

    def test_a_change_costs_its_own_size(self) -> None:
        """One change among thousands of clusters is one message of the size of one cluster (F8, F10)."""
        parent, a = self.parent(), self.child("a", *(f"a{number}" for number in range(3000)))
        known = list(self.controller.table.entries())[1:]
        more = entry("one-more", "a")
        a.receive(announcement("a", [more], whole=[*known, more], complete=False))
        self.clock.advance(COALESCE)
        self.assertEqual((len(parent.take()), len(parent.sent[-1]) < 100, a.take()), (1, True, []))

    def test_a_request_is_answered_with_everything(self) -> None:
        """A parent that asks gets a complete announcement."""
        parent = self.parent()
        self.child("a")
        parent.receive(message(pb.AnnounceRequest))
        self.assertEqual([each.complete for each in announced(parent.take())], [True])

    def test_own_labels_are_told(self) -> None:
        """Labels and tags that a reload changed are announced, and stored on the own object (F45)."""
        parent = self.parent()
        self.controller.relabel({"region": "north"}, ("gpu",))
        self.controller.relabel({"region": "north"}, ("gpu",))
        self.clock.advance(1)
        told = announced(parent.take())
        self.assertEqual(
            [(each.name, each.labels, each.tags) for each in told[0].present], [("north", {"region": "north"}, ("gpu",))]
        )
        self.assertEqual((len(told), self.object("north")["metadata"]["labels"]), (1, {"region": "north"}))

    def test_nothing_is_owed_to_a_lost_parent(self) -> None:
        """Changes while there is no parent are not kept: the next one gets everything."""
        parent = self.parent()
        MemoryLink("a", self.controller).open()
        parent.end("gone")
        self.clock.advance(10)
        self.assertEqual(parent.take(), [])


class V1ParentTests(ControllerTestCase):
    """What a parent that is an original is told."""

    def told(self, link: MemoryLink) -> tuple[list[tuple[str, str]], list[str], list[dict[str, str]]]:
        """Registrations with their parents, unregistrations, reports."""
        sent = link.take()
        bodies = {
            command: [each.Body for each in sent if each.Head.Command == command]
            for command in (pb.ClusterRegist, pb.ClusterUnregist, pb.SubTreeRoute)
        }
        registered = [decode_registry(body) for body in bodies[pb.ClusterRegist]]
        gone = [decode_registry(body).name for body in bodies[pb.ClusterUnregist]]
        return (
            [(one.name, one.parent_name) for one in registered],
            gone,
            [decode_subtree(body) for body in bodies[pb.SubTreeRoute]],
        )

    def test_everything_at_the_start(self) -> None:
        """A new parent gets every descendant registered with its direct parent, and the subtree report (F26, T5, T28)."""
        self.child("a", "a1")
        link = MemoryLink("", self.controller, v2=False, is_parent=True).open()
        self.assertEqual(self.told(link), ([("a", "north"), ("a1", "a")], [], [{"a": "a", "a1": "a"}]))

    def test_changes_are_told_both_ways(self) -> None:
        """A cluster that comes or goes is registered or unregistered, and in the next report."""
        parent = self.parent(v2=False)
        a = joined(self, "a")
        self.clock.advance(COALESCE)
        self.assertEqual(self.told(parent), ([("a", "north")], [], [{"a": "a"}]))
        a.end("gone")
        self.clock.advance(COALESCE)
        self.assertEqual(self.told(parent), ([], ["a"], [{}]))

    def test_reports_are_repeated_seldom(self) -> None:
        """The report is repeated a few times a minute, because an original may drop one, and not each second (F8, F23)."""
        parent = self.parent(v2=False)
        self.clock.pump([1] * 60)
        self.assertEqual(len(parent.take()), 60 // REPEAT_V1)


class NeighbourTests(ControllerTestCase):
    """What children are told of where they are."""

    def test_children_learn_the_way_to_the_root(self) -> None:
        """An ote.v2 child learns our ancestry when it joins, and whenever it changes (F44, F47)."""
        parent = self.parent()
        a = MemoryLink("a", self.controller).open()
        alone = Ancestry(("north",), False, ("north:8287",))
        self.assertEqual(self.ancestries(a), [alone])
        parent.receive(ancestry("mid", "root"), ancestry("mid", "root"))
        self.assertEqual(self.ancestries(a), [Ancestry(("north", "mid", "root"), True, ("north:8287", "", ""))])
        told = Ancestry(("mid", "root"), True, ("mid:1", "root:1"))
        parent.receive(message(pb.Ancestry, encode_ancestry(told)))
        self.assertEqual(self.ancestries(a)[0].listens, ("north:8287", "mid:1", "root:1"))
        parent.end("gone")
        self.assertEqual(self.ancestries(a), [alone])

    def test_a_parent_that_advertises_nothing(self) -> None:
        """Children learn the address at which we have found our parent where it advertises none, or only a port."""
        parent = MemoryLink("", self.controller, is_parent=True, listen="mid.test:9").open()
        a = MemoryLink("a", self.controller).open()
        self.ancestries(a)
        for listens in ((), ("", "root:1"), (":1", "root:1")):
            parent.receive(message(pb.Ancestry, encode_ancestry(Ancestry(("mid", "root"), True, listens))))
            expected = ("north:8287", "mid.test:9", listens[1] if listens else "")
            self.assertEqual(self.controller.neighbours.ancestry.listens, expected)
        self.assertEqual([each.listens[1] for each in self.ancestries(a)], ["mid.test:9", "mid.test:9"])

    def ancestries(self, link: MemoryLink) -> list[Ancestry]:
        """What a child was told since the last call."""
        return [decode_ancestry(each.Body) for each in link.take() if each.Head.Command == pb.Ancestry]

    def test_originals_learn_their_neighbours_once(self) -> None:
        """However many children join at once, an original is told of all of them in one NeighborRoute (F10, T12)."""
        links = [MemoryLink(f"c{number}", self.controller, v2=False, listen=f"h{number}:1").open() for number in range(200)]
        self.clock.advance(1)
        told = links[0].take()
        self.assertEqual(commands(told), [pb.NeighborRoute])
        self.assertEqual(len(decode_router(told[0].Body).children), 200)
        self.assertEqual(sum(len(link.sent) for link in links), 200)

    def test_neighbours_without_an_address_are_no_candidates(self) -> None:
        """A child that cannot be dialled is not offered to originals as another parent."""
        a = self.child("a", v2=False)
        MemoryLink("leaf", self.controller).open()
        self.clock.advance(1)
        self.assertEqual(dict(decode_router(a.take()[-1].Body).children), {"a": "a:8287"})

    def test_a_parents_neighbours_are_passed_on(self) -> None:
        """What an original parent says of its children is told to our originals once, and dropped with that parent (F47, T4)."""
        parent, a = self.parent(v2=False), self.child("a", v2=False)
        route = message(pb.NeighborRoute, b'{"Childs":{"north":"n:1","other":"o:1"},"Neighbor":null,"ParentNeighbor":null}')
        for _ in range(3):
            parent.receive(route)
            self.clock.advance(1)
        told = [decode_router(each.Body) for each in a.take()]
        self.assertEqual([one.neighbours for one in told], [{"north": "n:1", "other": "o:1"}])
        parent.end("gone")
        self.child("b", v2=False)
        self.assertIsNone(self.controller.neighbours.parent_children)

    def test_bodies_out_of_grammar_change_nothing(self) -> None:
        """Garbage from a parent is counted, and the way to the root stays as it was."""
        parent = self.parent()
        parent.receive(ancestry("root"), *(message(command, b"\xff") for command in (pb.Ancestry, pb.NeighborRoute, pb.Refusal)))
        self.assertEqual(
            (self.controller.neighbours.ancestry.path, self.controller.from_parent.malformed), (("north", "root"), 3)
        )

    def test_a_parent_below_us_is_left(self) -> None:
        """A parent whose own way to the root leads through us is closed with a reason (F44)."""
        parent = self.parent()
        parent.receive(ancestry("mid", "north", "root"))
        self.assertEqual((parent.move(), parent.ended), (True, "closed with 1008 north is above its own parent"))

    def test_ancestors_cannot_be_below(self) -> None:
        """A name that turns out to be above us loses its route below us, and gets it back with another parent (F44)."""
        parent, a = self.parent(), self.child("a", "x")
        parent.receive(ancestry("x", "root"))
        self.assertEqual((self.online(), [name for name, _ in refusals(a.take())]), (["a"], ["x"]))
        parent.end("gone")
        self.assertEqual(self.online(), ["a", "x"])


class RefusalTests(ControllerTestCase):
    """A tree that does not want us."""

    def refused(self, name: str, reason: str) -> bytes:
        """What a parent says."""
        return message(pb.Refusal, encode_refusal(Refusal(name, reason)))

    def test_we_are_told(self) -> None:
        """A refusal of our own name is kept for people, until it is withdrawn or there is another parent (F32)."""
        parent = self.parent()
        parent.receive(self.refused("north", "taken"))
        self.assertEqual(self.controller.from_parent.refusal, "taken")
        parent.receive(self.refused("north", ""))
        self.assertEqual(self.controller.from_parent.refusal, "")
        parent.receive(self.refused("north", "taken"))
        parent.end("gone")
        self.parent()
        self.assertEqual(self.controller.from_parent.refusal, "")

    def test_descendants_are_told(self) -> None:
        """A refusal of a descendant is passed down to it; one of a stranger, or of an original, ends here (F32)."""
        parent, a, b = self.parent(), self.child("a", "a1"), self.child("b", v2=False)
        parent.receive(self.refused("a1", "taken"), self.refused("b", "taken"), self.refused("stranger", "taken"))
        self.assertEqual((refusals(a.take()), b.take()), ([("a1", "taken")], []))


class LinkTests(ControllerTestCase):
    """Links that come, go and are replaced."""

    def test_a_lost_child_takes_its_subtree_offline(self) -> None:
        """Everything behind a lost child is offline at once, with the reason; the others stay (F35)."""
        a = self.child("a", "a1", "a2")
        self.child("b")
        a.end("connection reset")
        self.clock.advance(1)
        self.assertEqual(self.online(), ["b"])
        self.assertEqual(sorted(self.owner.vanished), ["a", "a1", "a2"])
        status = self.object("a2")["status"]
        self.assertEqual((status["status"], status["reason"]), ("offline", "the link to a was lost: connection reset"))

    def test_reasons_are_not_mixed_up(self) -> None:
        """A cluster that its parent withdraws later is not said to be lost with somebody else's link."""
        a, b = self.child("a"), self.child("b", "b1")
        a.end("connection reset")
        b.receive(announcement("b", [], ["b1"], [entry("b", "north", listen="b:8287")], complete=False))
        self.clock.advance(1)
        self.assertEqual(self.object("b1")["status"]["reason"], "it is no longer announced")

    def test_a_replaced_link_changes_nothing_when_it_goes(self) -> None:
        """The end of a link that a newer one of the same name has replaced leaves child and route in place (F30)."""
        old = self.child("a")
        self.child("a", "a1")
        old.end("replaced")
        self.assertEqual(self.online(), ["a", "a1"])

    def test_a_newcomer_replaces_what_the_old_link_said(self) -> None:
        """After a new link of the same name nothing is behind it until it says so, itself included (F26, F30)."""
        self.child("a", "a1")
        link = MemoryLink("a", self.controller).open()
        self.assertEqual(self.online(), [])
        link.receive(announcement("a", [entry("a", "north")]))
        self.assertEqual(self.online(), ["a"])


class PageTests(SynchronousTestCase):
    """Announcements that every parent takes."""

    def test_heavy_entries_make_more_pages(self) -> None:
        """However heavy the entries of a subtree are, no announcement is longer than a parent takes."""
        labels = {f"{'k' * 60}{number:02d}": "v" * 63 for number in range(64)}
        heavy = [ClusterEntry(f"c{number}", "a", labels=labels) for number in range(5000)]
        parts = [present for present, _ in pages(heavy, [])]
        self.assertEqual([each for part in parts for each in part], heavy)
        longest = max(sum(weight(each) for each in part) for part in parts)
        self.assertLess((longest, PAGE_BYTES * 2), (PAGE_BYTES + 1, ANNOUNCEMENT_LIMIT))

    def test_many_names_make_more_pages(self) -> None:
        """What came and what went is paged by number, together."""
        came = [ClusterEntry(f"c{number}") for number in range(PAGE + 1)]
        gone = [f"g{number}" for number in range(2 * PAGE + 1)]
        self.assertEqual([(len(one), len(other)) for one, other in pages(came, gone)], [(PAGE, PAGE), (1, PAGE), (0, 1)])

    def test_too_heavy_a_cluster_is_refused(self) -> None:
        """A cluster whose labels would make its entry too long for the wire is refused where it enters."""
        labels = {f"{'p' * 200}/{'k' * 60}{number:02d}": "v" * 63 for number in range(64)}
        error = self.assertRaises(InvalidName, check_entry, ClusterEntry("c1", labels=labels))
        self.assertIn("c1 has labels and a status of", str(error))

    @given(
        st.builds(
            ClusterEntry,
            st.from_regex("[a-z0-9]{1,63}", fullmatch=True),
            st.text(max_size=63),
            st.text(max_size=MAX_TEXT),
            st.dictionaries(st.from_regex("[a-z0-9]{1,20}", fullmatch=True), st.from_regex("[a-z0-9]{0,20}", fullmatch=True)),
            st.lists(st.from_regex("[a-z0-9]{1,20}", fullmatch=True)),
            st.booleans(),
            st.text(max_size=MAX_TEXT),
            st.text(max_size=MAX_TEXT),
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_weight_is_an_upper_bound(self, one: ClusterEntry) -> None:
        """The weight of an entry is never less than what it takes on the wire."""
        self.assertGreaterEqual(weight(one), len(encode_announcement(Announcement(True, (one,)))))
        self.assertLess(weight(one), ENTRY_LIMIT)

    def test_the_heaviest_status_fits(self) -> None:
        """A status that is as long as one of ours can be is accounted for, and taken by every hop."""
        amounts = {f"{number:03d}{'r' * 77}": f"{'9' * 16}Ki" for number in range(100)}
        described = {"kind": "k" * 99, "version": "v" * 99, "capacity": amounts, "allocatable": amounts}
        one = ClusterEntry("c1", status=cluster_status({**described, "nodes": 2**40}, True, "\u00fc" * 999), instance="0" * 32)
        self.assertGreaterEqual(weight(one), len(encode_announcement(Announcement(True, (one,)))))
        check_entry(one)
        assert one.status is not None
        self.assertEqual((len(one.status.capacity), fitting(one)), (24, one))

    def test_labels_go_before_amounts(self) -> None:
        """A status that would make an entry with many labels too long is told without amounts."""
        labels = {f"{'p' * 150}/k{number:02d}": "v" * 63 for number in range(64)}
        amounts = {f"{number:03d}{'r' * 77}": "1" for number in range(24)}
        one = ClusterEntry("c1", labels=labels, status=cluster_status({"capacity": amounts}, True, ""))
        self.assertRaises(InvalidName, check_entry, one)
        kept = fitting(one)
        assert kept.status is not None
        check_entry(kept)
        self.assertEqual(kept.status.capacity, {})


class AdmissionTests(SynchronousTestCase):
    """Who may join (T15, T18, T19, T34)."""

    standing = Standing("north", ["root"])
    held = "i"

    def decide(
        self,
        name: str = "c1",
        people: str | None = "C 1",
        listen: str | None = "c1:8287",
        v2: bool = True,
        ours: bool = False,
        **identity: Any,
    ) -> object:
        """The decision of a controller ``north`` below ``root`` that reaches x through a."""
        request = JoinRequest(name, people, listen, "10.0.0.7:40000", (V2,) if v2 else (), **identity)
        return admit(request, self.standing, {"a": "a", "x": "a"}.get(name, ""), entry(name, instance=self.held, epoch=4), ours)

    def refused(self, **request: object) -> tuple[int, str]:
        """Status and reason of a refusal."""
        decision = self.decide(**request)  # type: ignore[arg-type]
        assert isinstance(decision, Refuse)
        return decision.status, decision.reason

    def test_a_stranger_is_welcome(self) -> None:
        """A new name with both headers is accepted, with the better of the wires it offers."""
        self.assertEqual(self.decide(), Accept(V2, "c1:8287"))
        self.assertEqual(self.decide(v2=False), Accept(None, "c1:8287"))

    def test_headers_are_needed(self) -> None:
        """A join without the header listen-addr or name is told which one is missing."""
        self.assertEqual(self.refused(listen=None)[0], 400)
        self.assertIn("listen-addr", self.refused(listen=None)[1])
        for people in (None, ""):
            self.assertEqual(self.refused(people=people), (400, "the header name is missing or empty"))

    def test_names_have_a_grammar(self) -> None:
        """A name that would break selectors or objects is refused with the rule it breaks (F6)."""
        for name in ("", "C1", "a,b", "a b", "a" * 64, "^c1$", "ü", "-a"):
            self.assertEqual(self.refused(name=name)[0], 400, name)

    def test_our_own_name_and_our_ancestors_are_refused(self) -> None:
        """Nobody joins under our own name or under one that is above us (F44)."""
        self.assertEqual(self.refused(name="north"), (403, "north is the name of this controller"))
        self.assertEqual(self.refused(name="root"), (403, "root is above north on the way to the root, so it cannot be below"))

    def test_a_name_that_is_elsewhere_below_us_is_refused_for_now(self) -> None:
        """A name that is reached through another child is refused with who has it and when to ask again (F32)."""
        decision = self.decide(name="x")
        assert isinstance(decision, Refuse)
        self.assertEqual((decision.status, decision.reason), (403, "a cluster x is already reached through a"))
        self.assertIsNotNone(decision.retry_after)

    def test_a_cluster_that_moves_is_let_in(self) -> None:
        """One that is reached elsewhere may join if it is that cluster and this link its newest, or is to stand by."""
        self.assertEqual(self.decide(name="x", instance="i", epoch=5), Accept(V2, "c1:8287"))
        self.assertEqual(self.decide(name="x", instance="i", epoch=4, standby=True), Accept(V2, "c1:8287"))
        for identity in ({"instance": "i", "epoch": 4}, {"instance": "j", "epoch": 5}, {"epoch": 5, "standby": True}):
            self.assertEqual(self.refused(name="x", **identity)[0], 403, identity)

    def test_who_is_behind_an_original_may_stand_by(self) -> None:
        """Of one that is reached through an original nobody can tell which it is, so anyone with an identity may stand by."""
        self.held = ""
        self.assertEqual(self.decide(name="x", instance="i", epoch=4, standby=True), Accept(V2, "c1:8287"))
        for identity in ({"instance": "i", "epoch": 4}, {"standby": True}):
            self.assertEqual(self.refused(name="x", **identity)[0], 403, identity)

    def test_without_a_way_to_the_root_only_our_own_may_join(self) -> None:
        """A controller that is cut off takes back its own children; others are told to ask again, so orphans adopt nobody."""
        self.standing = Standing("north", [], rooted=False)
        decision = self.decide()
        assert isinstance(decision, Refuse)
        self.assertEqual((decision.status, decision.retry_after), (503, UNROOTED))
        self.assertEqual(self.decide(ours=True), Accept(V2, "c1:8287"))
        self.assertEqual(self.refused(name="north", ours=True)[0], 403)

    def test_without_a_way_to_the_root_there_is_nothing_to_stand_by_for(self) -> None:
        """A controller that is cut off lets nobody stand by, not even its own: they have another parent meanwhile."""
        self.assertEqual(self.decide(ours=True, standby=True), Accept(V2, "c1:8287"))
        self.standing = Standing("north", [], rooted=False)
        decision = self.decide(ours=True, standby=True)
        assert isinstance(decision, Refuse)
        self.assertEqual((decision.status, decision.retry_after), (503, STANDBY))

    def test_a_name_that_is_connected_here_is_the_tunnels_affair(self) -> None:
        """A name that is connected to us right now is let through: the tunnel finds out which of the two lives (F21)."""
        self.assertIsInstance(self.decide(name="a"), Accept)

    def test_only_leaves_of_ours_may_be_without_an_address(self) -> None:
        """An ote.v2 child may have no tunnel of its own; an original always has one."""
        self.assertEqual(self.decide(listen=""), Accept(V2))
        self.assertEqual(self.refused(listen="", v2=False)[0], 400)


class ForeignTests(ControllerTestCase):
    """Commands from the wrong side."""

    def test_a_parents_commands_from_a_child_are_only_carried(self) -> None:
        """A child that talks like a parent changes nothing here: its messages are carried up as unknown ones."""
        parent, a = self.parent(), self.child("a")
        b = self.child("b")
        a.receive(ancestry("evil"), message(pb.AnnounceRequest), request("b").SerializeToString())
        self.assertEqual((self.controller.neighbours.ancestry.path, b.take(), self.shim.performed), (("north",), [], []))
        self.assertEqual(commands(parent.take()), [pb.Ancestry, pb.AnnounceRequest, pb.ControlReq])

    def test_a_childs_commands_from_a_parent_change_nothing(self) -> None:
        """A parent that talks like a child changes no route here; each message is counted."""
        parent = self.parent()
        self.child("a")
        parent.receive(announcement("evil", [entry("evil")]), subtree("evil", {"e": "e"}), answer_to(request("a"), "a"))
        self.assertEqual((self.online(), self.controller.from_parent.unknown), (["a"], 3))
