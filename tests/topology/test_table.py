"""Routes: claims of children, who gets a route, and what each change changes."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable, paths
from ote_twisted.wire.entry import ClusterEntry, entry_digest, subtree_digest


def entry(name: str, parent: str = "", **fields: object) -> ClusterEntry:
    """A cluster that performs."""
    return ClusterEntry(name, parent=parent, performs=True, **fields)  # type: ignore[arg-type]


def table_with(**children: list[str]) -> RoutingTable:
    """A table of ``root`` whose children claim themselves and the named descendants."""
    table = RoutingTable(entry("root"))
    for child, names in children.items():
        table.open_child(entry(child))
        table.announce(child, [entry(child), *(entry(name, child) for name in names)], (), complete=True)
    return table


class RouteTests(SynchronousTestCase):
    """Who is reached through whom (T5)."""

    def test_descendants_are_reached_through_the_child_that_claims_them(self) -> None:
        """Every name of an announcement is routed through the announcing child."""
        table = table_with(a=["a1", "a2"], b=["b1"])
        self.assertEqual(table.via, {"a": "a", "a1": "a", "a2": "a", "b": "b", "b1": "b"})

    def test_names_are_grouped_by_next_hop(self) -> None:
        """Targets are grouped by child, our own name and those without a way apart (T7)."""
        table = table_with(a=["a1"], b=["b1"])
        self.assertEqual(
            paths(table, ["a1", "root", "b1", "a", "gone"]), {"a": ["a1", "a"], "root": ["root"], "b": ["b1"], "": ["gone"]}
        )

    def test_a_lost_child_takes_its_subtree(self) -> None:
        """Closing a child takes every route through it away at once (F35)."""
        table = table_with(a=["a1", "a2"], b=["b1"])
        self.assertEqual(set(table.close_child("a").gone), {"a", "a1", "a2"})
        self.assertEqual(table.via, {"b": "b", "b1": "b"})

    def test_a_second_claim_is_refused_and_told(self) -> None:
        """A name that is reached through one child is refused to another, which is named (T5, F32)."""
        table = table_with(a=["x"], b=[])
        difference = table.announce("b", [entry("x", "b")], ())
        self.assertEqual([(r.child, r.name) for r in difference.refused], [("b", "x")])
        self.assertIn("through a", difference.refused[0].reason)
        self.assertEqual(table.via["x"], "a")

    def test_a_refused_claim_gets_the_route_when_it_is_free(self) -> None:
        """A cluster that moved has its new route as soon as the old one is withdrawn, without being announced again (F33)."""
        table = table_with(a=["x"], b=[])
        table.announce("b", [entry("x", "b")], ())
        difference = table.close_child("a")
        self.assertEqual(table.via["x"], "b")
        self.assertIn("x", difference.present)
        self.assertNotIn("x", difference.gone)
        self.assertIn(("b", "x", ""), [(r.child, r.name, r.reason) for r in difference.refused])

    def test_a_withdrawal_of_a_claim_that_has_no_route_changes_nothing(self) -> None:
        """A child that withdraws what is routed through another takes no route away (F34)."""
        table = table_with(a=["x"], b=[])
        table.announce("b", [entry("x", "b")], ())
        self.assertEqual(table.announce("b", [], ["x"]), Difference())
        self.assertEqual(table.via["x"], "a")

    def test_our_own_name_and_our_ancestors_cannot_be_below_us(self) -> None:
        """Claims of our own name or of a name between us and the root are refused (F44)."""
        table = RoutingTable(entry("north", "root"))
        table.set_ancestors(["root"])
        table.open_child(entry("a"))
        difference = table.announce("a", [entry("north", "a"), entry("root", "a")], ())
        self.assertEqual({r.name for r in difference.refused}, {"north", "root"})
        self.assertEqual(set(table.via), {"a"})

    def test_a_name_that_becomes_an_ancestor_loses_its_route(self) -> None:
        """When the path to the root changes, claims of names on it lose their routes, and get them back afterwards."""
        table = table_with(a=["x"])
        self.assertEqual(set(table.set_ancestors(["x"]).gone), {"x"})
        self.assertEqual(set(table.set_ancestors([]).present), {"x"})

    def test_parents_outside_the_childs_subtree_are_not_believed(self) -> None:
        """An entry whose parent its announcer does not have hangs below the announcer; a child's parent is ourselves."""
        table = RoutingTable(entry("root"))
        table.open_child(entry("a"))
        difference = table.announce("a", [entry("a", "elsewhere"), entry("x", "b")], ())
        self.assertEqual({name: e.parent for name, e in difference.present.items()}, {"a": "root", "x": "a"})

    def test_nothing_changes_nothing(self) -> None:
        """An announcement that repeats what is known makes no difference (F9)."""
        table = table_with(a=["x"])
        self.assertFalse(table.announce("a", [entry("a"), entry("x", "a")], (), complete=True))

    def test_a_changed_entry_is_a_difference(self) -> None:
        """New labels of a known cluster are told."""
        table = table_with(a=["x"])
        difference = table.announce("a", [entry("x", "a", labels={"k": "v"})], ())
        self.assertEqual(list(difference.present), ["x"])

    def test_a_complete_announcement_forgets_what_it_does_not_name(self) -> None:
        """What a complete announcement leaves out is gone (T17)."""
        table = table_with(a=["x", "y"])
        self.assertEqual(set(table.announce("a", [entry("a"), entry("y", "a")], (), complete=True).gone), {"x"})

    def test_whole_subtrees_are_recognised(self) -> None:
        """A selection is a child's whole subtree only if it has every performing name and nothing there is in dispute."""
        table = table_with(a=["x"], b=["y"])
        self.assertTrue(table.whole_subtree("a", ["a", "x"]))
        self.assertFalse(table.whole_subtree("a", ["a"]))
        table.announce("a", [entry("y", "a")], ())
        self.assertFalse(table.whole_subtree("a", ["a", "x"]))

    def test_the_childs_digest_is_that_of_what_it_said(self) -> None:
        """The digest kept for a child is the digest of its own announcements, whatever we made of them."""
        table = RoutingTable(entry("root"))
        table.open_child(entry("a"))
        said = [entry("a", "elsewhere"), entry("root", "a"), entry("x", "a")]
        table.announce("a", said, (), complete=True)
        self.assertEqual(table.children["a"].said, subtree_digest(said))


NAMES = ["c1", "c2", "c3", "c4", "c5", "c6"]
CHILDREN = ["c1", "c2", "c3"]


class TableMachine(RuleBasedStateMachine):
    """The table against a model that recomputes everything from the claims."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RoutingTable(entry("own"))
        self.claims: dict[str, dict[str, ClusterEntry]] = {}
        self.seen: dict[str, ClusterEntry] = {}

    def follow(self, difference: Difference) -> None:
        """Apply the difference to what a consumer of differences believes."""
        for name in difference.gone:
            del self.seen[name]
        self.seen.update(difference.present)

    @rule(child=st.sampled_from(CHILDREN))
    def open(self, child: str) -> None:
        """A child joins, perhaps again."""
        self.follow(self.table.open_child(entry(child)))
        self.claims[child] = {child: entry(child)}

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        """A child leaves."""
        child = data.draw(st.sampled_from(sorted(self.claims)))
        self.follow(self.table.close_child(child))
        del self.claims[child]

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(),
        present=st.lists(st.sampled_from(NAMES), unique=True),
        absent=st.lists(st.sampled_from(NAMES), unique=True),
        complete=st.booleans(),
        label=st.sampled_from(["", "x"]),
    )
    def announce(self, data: st.DataObject, present: list[str], absent: list[str], complete: bool, label: str) -> None:
        """A child announces."""
        child = data.draw(st.sampled_from(sorted(self.claims)))
        labels = {"k": label} if label else {}
        entries = {name: entry(name, labels=labels) for name in present}
        if complete:
            entries[child] = entry(child, labels=labels)
        gone = [name for name in absent if name not in entries and name != child]
        self.follow(self.table.announce(child, list(entries.values()), gone, complete))
        if complete:
            self.claims[child] = {}
        for name in gone:
            self.claims[child].pop(name, None)
        self.claims[child].update(entries)

    @invariant()
    def every_claimed_name_has_one_route(self) -> None:
        """A name is routed if and only if somebody claims it, through one who does."""
        claimed = {name for claims in self.claims.values() for name in claims}
        assert set(self.table.via) == claimed
        assert all(name in self.claims[child] for name, child in self.table.via.items())

    @invariant()
    def differences_tell_everything(self) -> None:
        """Whoever follows the differences knows the entries, and the digest is theirs."""
        assert self.seen == {e.name: e for e in self.table.entries() if e.name != "own"}
        assert self.table.digest == subtree_digest(self.table.entries())

    @invariant()
    def subtrees_count_right(self) -> None:
        """The figures kept for each child are those of its claims."""
        for child, subtree in self.table.children.items():
            routed = [name for name, via in self.table.via.items() if via == child]
            assert subtree.routed == len(routed) == subtree.performing
            assert subtree.said == sum(claim.said for claim in subtree.claims.values()) % 2**64
            assert all(claim.digest == entry_digest(claim.entry) for claim in subtree.claims.values())


TableMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


class TablePropertyTests(SynchronousTestCase):
    """The stateful property, run by trial."""

    def test_the_table_is_what_its_claims_say(self) -> None:
        """After any sequence of joins, losses and announcements the routes are exactly those of the claims."""
        TableMachine.TestCase("runTest").runTest()
