"""Causes of absences on their way up, hop by hop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.topology.causes import MAX_REASON, Cause, Told, absences_of, causes_of
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire.announce import Absence, Announcement, decode_announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry

NAMES = st.from_regex("[a-z][a-z0-9]{0,5}", fullmatch=True)
CAUSES = st.builds(Cause, NAMES, st.text(max_size=20), st.floats(0, 1000))


def entry(name: str, parent: str = "") -> ClusterEntry:
    """A cluster that performs."""
    return ClusterEntry(name, parent=parent, performs=True)


class WireTests(SynchronousTestCase):
    """From one hop to the next."""

    @given(st.dictionaries(NAMES, CAUSES, max_size=6), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5))
    def test_ages_survive_any_number_of_hops(self, causes: dict[str, Cause], clocks: list[float]) -> None:
        """However the clocks of the hops are set, hop and reason arrive as told and the age is what it was."""
        now = 1000.0
        expected = {name: (cause.hop, cause.reason, now - cause.at) for name, cause in causes.items()}
        for clock in clocks:
            sent = Announcement(absences=absences_of(causes, now))
            causes = causes_of(decode_announcement(encode_announcement(sent)).absences, clock)
            now = clock
        found = {name: (cause.hop, cause.reason, now - cause.at) for name, cause in causes.items()}
        self.assertEqual(found.keys(), expected.keys())
        for name, (hop, reason, age) in found.items():
            self.assertEqual((hop, reason), expected[name][:2])
            self.assertAlmostEqual(age, expected[name][2], places=None, delta=0.002 * len(clocks))

    def test_one_cause_is_told_once(self) -> None:
        """What is gone for one cause is one absence, however much it is."""
        cause = Cause("bj", "cut", 5.0)
        absences = absences_of({"a": cause, "b": cause, "c": Cause("sh", "cut", 5.0)}, 7.5)
        self.assertEqual([(each.names, each.hop, each.age) for each in absences], [(("a", "b"), "bj", 2.5), (("c",), "sh", 2.5)])

    def test_hostile_texts_are_bounded(self) -> None:
        """A reason without end is cut, and a hop that is no name is none."""
        cause = causes_of([Absence(("a",), "No Name\n", "x" * 10_000, 1.0)], 3.0)["a"]
        self.assertEqual(cause, Cause("", "x" * MAX_REASON, 2.0))


class TableTests(SynchronousTestCase):
    """What the routing table makes of them."""

    def setUp(self) -> None:
        """A root with a child ``a`` and ``x`` below it."""
        self.table = RoutingTable(entry("root"))
        self.table.open_child(entry("a"), announces=True)
        self.table.announce("a", [entry("a"), entry("x", "a")], (), complete=True)
        self.cause = Cause("x", "cut", 4.0)

    def test_a_lost_child_takes_its_subtree_for_one_cause(self) -> None:
        """Whatever was behind a lost link is gone for the cause of that link."""
        self.assertEqual(self.table.close_child("a", self.cause).gone, {"a": self.cause, "x": self.cause})

    def test_a_cause_is_passed_on_unchanged(self) -> None:
        """What a child says is gone, in part or leaving it out of everything, is gone for the cause that it tells."""
        difference = self.table.announce("a", [], [], causes={"x": self.cause})
        self.assertEqual((difference.gone, "x" in self.table.via), ({"x": self.cause}, False))
        self.table.announce("a", [entry("x", "a")], ())
        difference = self.table.announce("a", [entry("a")], (), complete=True, causes={"x": self.cause})
        self.assertEqual(difference.gone, {"x": self.cause})

    def test_what_had_no_route_is_told_beside_the_routes(self) -> None:
        """A cause of what is not reached through anybody changes no route; of what is reached otherwise it is nothing."""
        self.table.open_child(entry("b"))
        self.table.announce("b", [entry("y", "b")], ())
        difference = self.table.announce("a", [], [], causes={"y": self.cause, "z": self.cause, "root": self.cause})
        self.assertEqual((difference.gone, difference.told), ({}, {"z": Told("a", self.cause)}))

    def test_the_last_word_counts(self) -> None:
        """Of differences that follow each other a later cause replaces the earlier one, and a return ends it."""
        first = self.table.close_child("a", self.cause)
        later = Difference()
        later.told["x"] = Told("b", Cause("y", "other", 5.0))
        first.follow(later)
        self.assertEqual((first.gone["x"], first.told), (Cause("y", "other", 5.0), {}))
        again = Difference()
        again.appears(entry("x", "b"))
        first.follow(again)
        self.assertEqual((set(first.gone), list(first.present), list(first.returned)), ({"a"}, ["x"], ["x"]))
        first.follow(later)
        self.assertEqual((first.told, list(first.present)), ({}, ["x"]))
