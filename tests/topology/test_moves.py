"""Clusters that move: of two ways to one cluster the newer has the route, and what is below it follows."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire.entry import ClusterEntry, entry_digest, subtree_digest


def entry(name: str, parent: str = "", epoch: int = 1, instance: str | None = None, **fields: object) -> ClusterEntry:
    """A cluster of ours, whose instance is called like it unless another is given."""
    told = name if instance is None else instance
    return ClusterEntry(name, parent=parent, performs=True, instance=told, epoch=epoch if told else 0, **fields)  # type: ignore[arg-type]


class MoveTests(SynchronousTestCase):
    """A table with children ``a`` and ``b``; ``x`` with ``d`` below it is reached through ``a``."""

    def setUp(self) -> None:
        """Build it."""
        self.table = RoutingTable(entry("root"))
        for child in "ab":
            self.table.open_child(entry(child), announces=True)
            self.table.announce(child, [entry(child)], (), complete=True)
        self.table.announce("a", [entry("x", "a"), entry("d", "x")], ())

    def move(self, *names: str, epoch: int = 2) -> Difference:
        """``b`` announces these, in this order."""
        entries = {"x": entry("x", "b", epoch), "d": entry("d", "x")}
        return self.table.announce("b", [entries[name] for name in names], ())

    def test_a_higher_epoch_has_the_route_at_once(self) -> None:
        """A cluster that another child claims with a higher epoch is reached through that one, and nobody is refused (F33)."""
        difference = self.move("x")
        self.assertEqual((self.table.via["x"], list(difference.moved), difference.refused), ("b", ["x"], []))
        self.assertEqual((difference.present["x"].parent, difference.gone, difference.returned), ("b", {}, {}))
        self.assertEqual(self.table.moves, 1)

    def test_what_is_below_follows(self) -> None:
        """Whatever is below a cluster that moved moves with it, in whichever order it is named."""
        for order in ("xd", "dx"):
            self.setUp()
            difference = self.move(*order)
            self.assertEqual((self.table.via["d"], set(difference.moved)), ("b", {"x", "d"}), order)
            self.assertEqual((set(difference.present), difference.gone), ({"x"}, {}))

    def test_a_follower_that_is_told_later_is_told_as_a_gap(self) -> None:
        """One that follows in a later announcement counts as gone and returned, so everybody above hears that it moved."""
        self.move("x")
        self.assertEqual(self.table.via["d"], "a")
        difference = self.move("d")
        self.assertEqual((self.table.via["d"], set(difference.returned)), ("b", {"d"}))

    def test_an_older_epoch_gets_nothing(self) -> None:
        """What a child says late of a cluster that has left it changes nothing, and is not refused either (F34)."""
        self.move("x", "d")
        difference = self.table.announce("a", [entry("x", "a", labels={"k": "late"}), entry("d", "x", labels={"k": "late"})], ())
        self.assertEqual((self.table.via["x"], self.table.via["d"], bool(difference)), ("b", "b", False))
        self.assertEqual(bool(self.table.announce("a", [], ["x", "d"])), False)
        self.assertEqual((self.table.via["x"], self.table.via["d"], len(self.table.disputes)), ("b", "b", 0))

    def test_the_former_way_may_still_speak(self) -> None:
        """What was under way is taken from the child that had the route, until it withdraws the claim; from others nothing is."""
        self.move("x", "d")
        for name in "xd":
            self.assertEqual([self.table.speaks(child, name) for child in "ab"], [True, True], name)
        self.table.open_child(entry("c"), announces=True)
        self.table.announce("c", [entry("c"), entry("x", "c", 9, "another")], ())
        self.assertEqual((self.table.speaks("c", "x"), self.table.speaks("c", "d")), (False, False))
        self.table.announce("a", [], ["x", "d"])
        self.assertEqual([self.table.speaks(child, "x") for child in "ab"], [False, True])

    def test_the_former_way_is_there_when_the_newer_goes(self) -> None:
        """When the newer way ends the older one has the route again, with everything below."""
        self.move("x", "d")
        difference = self.table.close_child("b")
        self.assertEqual((self.table.via, set(difference.gone)), ({"a": "a", "x": "a", "d": "a"}, {"b"}))
        self.assertEqual(set(difference.returned), {"x", "d"})

    def test_what_is_gone_below_a_cluster_that_moved_is_gone(self) -> None:
        """An outdated way to a cluster is none: it is not fallen back to while that above it is reached elsewhere."""
        self.move("x", "d")
        difference = self.table.announce("b", [], ["d"])
        self.assertEqual((set(difference.gone), self.table.via.get("d")), ({"d"}, None))
        self.table.announce("b", [], ["x"])
        self.assertEqual((self.table.via["x"], self.table.via["d"]), ("a", "a"))

    def test_an_outdated_way_is_no_new_one_either(self) -> None:
        """What a child says anew to be below a cluster that has left it gets no route."""
        self.move("x", "d")
        self.assertFalse(self.table.announce("a", [entry("e", "x")], ()))
        self.assertNotIn("e", self.table.via)
        self.assertEqual(set(self.table.announce("b", [entry("e", "x")], ()).present), {"e"})

    def test_one_identity_with_one_epoch_in_two_places_is_refused(self) -> None:
        """A copy of a cluster that has its identity and epoch is another cluster, and is told so."""
        difference = self.table.announce("b", [entry("x", "b")], ())
        self.assertEqual([(each.child, each.name) for each in difference.refused], [("b", "x")])
        self.assertEqual(self.table.via["x"], "a")

    def old(self, child: str, epoch: int = 0) -> ClusterEntry:
        """An original that is said to be below ``child``."""
        return ClusterEntry("old", parent=child, performs=True, epoch=epoch)

    def test_nobody_takes_an_original_away(self) -> None:
        """Without an identity an epoch says nothing, and whoever claims the original's parent as well is not believed."""
        self.table.announce("a", [self.old("x")], ())
        invented = ClusterEntry("x", parent="b", performs=True)
        self.table.announce("b", [invented, self.old("x", 9)], ())
        self.assertEqual(
            (self.table.via["old"], self.table.speaks("a", "old"), self.table.speaks("b", "old")), ("a", True, False)
        )
        self.table.open_child(entry("c"), announces=True)
        self.table.announce("c", [entry("c"), entry("x", "c", 2)], ())
        self.assertEqual((self.table.via["x"], self.table.via["old"]), ("c", "a"))
        self.table.announce("c", [self.old("x")], ())
        self.assertEqual(
            (self.table.via["old"], self.table.speaks("a", "old"), self.table.speaks("b", "old")), ("c", True, False)
        )

    def test_parents_in_a_circle(self) -> None:
        """Originals that a child calls each other's parents are nobody's business but its own."""
        for child in "ab":
            self.table.announce(child, [self.old("more"), ClusterEntry("more", parent="old", performs=True)], ())
        self.assertEqual((self.table.via["old"], self.table.speaks("b", "old")), ("a", False))

    def test_a_higher_epoch_of_another_identity_is_refused(self) -> None:
        """Another cluster of that name gets the route when the first is gone, whatever its epoch is (F32)."""
        difference = self.table.announce("b", [entry("x", "b", 7, "another")], ())
        self.assertEqual([(each.child, each.reason != "") for each in difference.refused], [("b", True)])
        self.assertEqual(self.table.via["x"], "a")
        difference = self.table.announce("a", [], ["x", "d"])
        self.assertEqual((self.table.via["x"], [(each.child, each.reason) for each in difference.refused]), ("b", [("b", "")]))

    def test_a_refusal_names_who_has_the_route_now(self) -> None:
        """Whoever waits for a name is told anew when that is reached on another way, and else only once."""
        self.table.open_child(entry("c"), announces=True)
        self.table.announce("c", [entry("c"), entry("x", "c", 7, "another")], ())
        self.assertEqual([each.reason for each in self.move("x").refused], ["x is already reached through b"])
        self.assertEqual(self.table.announce("c", [entry("x", "c", 8, "another")], ()).refused, [])

    def test_originals_follow(self) -> None:
        """A cluster without identity follows the one above it, and may be spoken for on the former way."""
        self.table.announce("a", [entry("v1", "x", instance="")], ())
        difference = self.table.announce("b", [entry("v1", "x", instance=""), entry("x", "b", 2)], ())
        self.assertEqual((self.table.via["v1"], difference.refused, self.table.speaks("a", "v1")), ("b", [], True))

    def test_a_child_that_moves_below_another_child_takes_its_subtree_along(self) -> None:
        """A child of ours that joins another child of ours is reached through that one, with all that is below it."""
        self.table.announce("b", [entry("b"), entry("c", "b")], ())
        self.table.announce("a", [entry("a", "c", 2), entry("x", "a"), entry("d", "x"), entry("y", "a")], ())
        difference = self.table.announce("b", [entry("a", "c", 3), entry("x", "a"), entry("d", "x")], ())
        self.assertEqual({name: via for name, via in self.table.via.items() if via == "a"}, {"y": "a"})
        self.assertEqual(set(difference.moved), {"a", "x", "d"})
        self.assertEqual(set(self.table.close_child("a").gone), {"y"})

    def test_digests_follow(self) -> None:
        """Whatever moves, the digest is that of the routed entries, and each child's that of what it said."""
        self.move("x", "d")
        self.assertEqual(self.table.digest, subtree_digest(self.table.entries()))
        self.assertEqual(self.table.children["a"].said, subtree_digest([entry("a"), entry("x", "a"), entry("d", "x")]))


NAMES = ["c1", "c2", "c3", "d1", "d2", "d3"]
CHILDREN = ["c1", "c2", "c3"]


class ClaimMachine(RuleBasedStateMachine):
    """The table against rules that are looked up anew in all claims after each step, whatever children say."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RoutingTable(entry("own"))
        self.seen: dict[str, ClusterEntry] = {}
        self.told: dict[tuple[str, str], str] = {}

    def follow(self, difference: Difference) -> None:
        """Apply the difference to what a consumer of differences believes."""
        assert not difference.present.keys() & difference.gone.keys()
        assert not difference.moved.keys() & (difference.gone.keys() | difference.returned.keys())
        for name in difference.gone:
            self.seen.pop(name, None)
        self.seen.update(difference.present)
        for refused in difference.refused:
            self.told[refused.child, refused.name] = refused.reason

    @rule(child=st.sampled_from(CHILDREN), announces=st.booleans())
    def open(self, child: str, announces: bool) -> None:
        """A child joins, perhaps again."""
        self.close(child)
        self.follow(self.table.open_child(entry(child), announces))

    @rule(child=st.sampled_from(CHILDREN))
    def close(self, child: str) -> None:
        """A child leaves."""
        self.follow(self.table.close_child(child))
        self.told = {key: reason for key, reason in self.told.items() if key[0] != child}

    @rule(path=st.sets(st.sampled_from([*NAMES, "up"]), max_size=2))
    def move_ourselves(self, path: set[str]) -> None:
        """Our own way to the root is another."""
        self.follow(self.table.set_ancestors(path))

    @precondition(lambda self: self.table.children)
    @rule(
        data=st.data(),
        present=st.dictionaries(
            st.sampled_from(NAMES),
            st.tuples(st.sampled_from(["", "i", "j"]), st.integers(1, 3), st.sampled_from(["", *NAMES])),
        ),
        absent=st.lists(st.sampled_from(NAMES), unique=True),
        complete=st.booleans(),
    )
    def announce(self, data: st.DataObject, present: dict[str, tuple[str, int, str]], absent: list[str], complete: bool) -> None:
        """A child announces anything."""
        child = data.draw(st.sampled_from(sorted(self.table.children)))
        entries = [entry(name, parent, epoch, instance) for name, (instance, epoch, parent) in present.items() if parent < name]
        named = {each.name for each in entries}
        self.follow(self.table.announce(child, entries, [name for name in absent if name not in named], complete))
        claims = self.table.children[child].claims
        self.told = {key: reason for key, reason in self.told.items() if key[0] != child or key[1] in claims}

    def claims(self, name: str) -> dict[str, ClusterEntry]:
        """What children say of a name, where it may be followed."""
        found = {child: subtree.claims.get(name) for child, subtree in self.table.children.items()}
        return {child: claim.entry for child, claim in found.items() if claim is not None and not claim.refusal}

    def outdated(self, child: str, said: ClusterEntry) -> bool:
        """By that child's own word it is below one that is the same cluster elsewhere, or below one that nobody has."""
        if said.name == child:
            return False
        above = self.table.children[child].claims.get(said.parent)
        if above is None:
            return said.parent != child
        holder = self.table.via.get(said.parent)
        if holder == child or above.refusal:
            return False
        return holder is None or same(above.entry, self.table.children[holder].claims[said.parent].entry)

    def vouched(self, child: str, said: ClusterEntry, held: ClusterEntry, hops: int = 10) -> bool:
        """Both are one cluster, by its identity, or by that of the first above it that has one."""
        if held.instance or not same(said, held):
            return same(said, held)
        above, beside = self.table.children[child].claims.get(held.parent), self.table.entry(held.parent)
        return above is not None and beside is not None and hops > 0 and self.vouched(child, above.entry, beside, hops - 1)

    @invariant()
    def every_name_has_the_route_it_can_have(self) -> None:
        """A name is routed through one who claims it, unless all who do are outdated."""
        for name in NAMES:
            claims, holder = self.claims(name), self.table.via.get(name)
            if holder is None:
                assert all(self.outdated(child, said) for child, said in claims.items()), (name, claims)
            else:
                assert holder in claims, (name, holder, claims)

    @invariant()
    def nobody_has_a_better_claim(self) -> None:
        """Of the same cluster, no claim that is up to date is newer than the one with the route, or waits for an outdated one."""
        for name, holder in self.table.via.items():
            held = self.claims(name)[holder]
            for child, said in self.claims(name).items():
                if child != holder and self.vouched(child, said, held) and not self.outdated(child, said):
                    assert said.epoch <= held.epoch, (name, held, said)
                    assert not self.outdated(holder, held), (name, held, said)

    @invariant()
    def those_who_wait_are_told(self) -> None:
        """Whoever claims a name for another cluster was told who has it; whoever has the route, or had it, nothing."""
        for name in NAMES:
            held = self.table.entry(name)
            for child, said in self.claims(name).items():
                told = self.told.get((child, name), "")
                if held is None or said == held:
                    assert told == "", (name, child, told)
                elif not same(said, held):
                    assert told == f"{name} is already reached through {self.table.via[name]}", (name, child, told)
                known = held is not None and self.table.via[name] != child
                assert self.table.speaks(child, name) == (not known or held is None or self.vouched(child, said, held))

    @invariant()
    def differences_tell_everything(self) -> None:
        """Whoever follows the differences knows the entries, and the digests are theirs."""
        assert self.seen == {each.name: each for each in self.table.entries() if each.name != "own"}
        assert self.table.digest == subtree_digest(self.table.entries())
        for child, subtree in self.table.children.items():
            routed = [name for name, via in self.table.via.items() if via == child]
            assert subtree.routed == len(routed) == subtree.performing
            assert subtree.said == sum(claim.said for claim in subtree.claims.values()) % 2**64
            assert all(claim.digest == entry_digest(claim.entry) for claim in subtree.claims.values())

    @invariant()
    def nothing_is_remembered_of_the_settled(self) -> None:
        """Only names that are in dispute are kept as such."""
        waiting = sum(1 for each in self.table.children.values() for claim in each.claims.values() if not claim.routed)
        refused = sum(1 for each in self.table.children.values() for claim in each.claims.values() if claim.refusal)
        assert len(self.table.disputes) == waiting - refused
        assert set().union(*self.table.disputes.below.values()) <= set(self.table.disputes)


def same(one: ClusterEntry, other: ClusterEntry) -> bool:
    """Two claims speak of one cluster."""
    if one.instance or other.instance:
        return one.instance == other.instance
    return one.parent == other.parent


REGIONS = ["a", "b", "c"]
SITES = ["s1", "s2", "s3", "s4", "o5"]


class TruthMachine(RuleBasedStateMachine):
    """Clusters move between and below three regions; what regions say arrives late, and they notice losses late.

    ``o5`` is an original: it has no identity, and moves only with the cluster above it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table = RoutingTable(entry("own"))
        self.parent = {"s1": "a", "s2": "a", "s3": "b", "s4": "s3", "o5": "s1"}
        self.epoch = dict.fromkeys(SITES, 1)
        self.dead: set[str] = set()
        self.linked: set[str] = set()
        self.believed: dict[str, set[str]] = {region: set() for region in REGIONS}
        self.queues: dict[str, list[tuple[list[ClusterEntry], list[str], bool]]] = {region: [] for region in REGIONS}
        for region in REGIONS:
            self.believed[region] = {name for name in SITES if self.region(name) == region}
            self.link(region)

    def truth(self, name: str) -> ClusterEntry:
        """What is so now."""
        if name in REGIONS:
            return entry(name, "own")
        return entry(name, self.parent[name], self.epoch[name], "" if name == "o5" else None)

    def region(self, name: str) -> str:
        """The region that it is below; empty if that, or the way there, is dead."""
        while name not in REGIONS:
            if name in self.dead:
                return ""
            name = self.parent[name]
        return name

    def below(self, name: str) -> list[str]:
        """A cluster and those below it, the upper ones first."""
        return [name, *(each for child in SITES if self.parent[child] == name for each in self.below(child))]

    def link(self, region: str) -> None:
        """A region joins and is about to announce all that it believes."""
        self.table.open_child(entry(region), announces=True)
        self.linked.add(region)
        known = [self.said(region, name) for name in (region, *(name for name in SITES if name in self.believed[region]))]
        self.queues[region] = [(known, [], True)]

    def said(self, region: str, name: str) -> ClusterEntry:
        """What a region believes of a cluster: of those that left it what it heard last."""
        if name in REGIONS or self.region(name) == region:
            return self.truth(name)
        return self.remembered[region, name]

    @property
    def remembered(self) -> dict[tuple[str, str], ClusterEntry]:
        """What regions heard last of clusters that have left them."""
        return self.__dict__.setdefault("_remembered", {})

    def arrive(self, name: str) -> None:
        """The cluster's region hears of it and all below it."""
        region = self.region(name)
        if region:
            names = [each for each in self.below(name) if self.region(each) == region]
            self.believed[region].update(names)
            self.say(region, [self.truth(each) for each in names], [])

    def say(self, region: str, present: list[ClusterEntry], absent: list[str]) -> None:
        """A region has news."""
        if region in self.linked:
            self.queues[region].append((present, absent, False))

    def remember(self, name: str) -> None:
        """A cluster and those below are about to leave: their region does not know it yet."""
        region = self.region(name)
        for each in self.below(name):
            if region and self.region(each) == region:
                self.remembered[region, each] = self.truth(each)

    @rule(name=st.sampled_from(SITES[:4]), to=st.sampled_from([*REGIONS, *SITES[:4]]))
    def move(self, name: str, to: str) -> None:
        """A cluster joins another parent, with all that is below it."""
        if name in self.dead or to in self.below(name) or not self.region(to):
            return
        self.remember(name)
        self.parent[name] = to
        self.epoch[name] += 1
        self.arrive(name)

    @rule(name=st.sampled_from(SITES))
    def die(self, name: str) -> None:
        """A cluster dies, which nobody sees at first."""
        if name not in self.dead:
            self.remember(name)
            self.dead.add(name)

    @rule(name=st.sampled_from(SITES))
    def live(self, name: str) -> None:
        """A dead one is back where it was; it links anew, and so does what is below it."""
        if name in self.dead and self.region(self.parent[name]):
            self.dead.discard(name)
            self.epoch[name] += 1
            self.arrive(name)

    @rule(region=st.sampled_from(REGIONS))
    def notice(self, region: str) -> None:
        """A region sees who has left it."""
        gone = [name for name in SITES if name in self.believed[region] and self.region(name) != region]
        self.believed[region].difference_update(gone)
        if gone:
            self.say(region, [], gone)

    @rule(region=st.sampled_from(REGIONS))
    def cut(self, region: str) -> None:
        """The link of a region is lost, with what was on its way."""
        if region in self.linked:
            self.linked.discard(region)
            self.queues[region] = []
            self.table.close_child(region)

    @rule(region=st.sampled_from(REGIONS))
    def rejoin(self, region: str) -> None:
        """A region is back."""
        if region not in self.linked:
            self.link(region)

    @rule(region=st.sampled_from(REGIONS))
    def deliver(self, region: str) -> None:
        """The next of what a region said arrives."""
        if self.queues[region]:
            present, absent, complete = self.queues[region].pop(0)
            self.table.announce(region, present, absent, complete)

    @invariant()
    def what_arrived_is_followed(self) -> None:
        """As soon as all that a region said has arrived, everything that is below it is reached through it."""
        for region in self.linked:
            if not self.queues[region]:
                for name in SITES:
                    if self.region(name) == region:
                        assert self.table.via[name] == region, (name, region, self.table.via)

    def teardown(self) -> None:
        """Let everybody notice and everything arrive: then the routes are the truth."""
        for region in REGIONS:
            self.notice(region)
            self.rejoin(region)
            while self.queues[region]:
                self.deliver(region)
        alive = {name: self.region(name) for name in SITES if self.region(name)}
        assert self.table.via == {**alive, **{region: region for region in REGIONS}}
        parents = {name: told.parent for name in alive if (told := self.table.entry(name)) is not None}
        assert parents == {name: self.parent[name] for name in alive}
        assert not self.table.disputes


ClaimMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TruthMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


class MovePropertyTests(SynchronousTestCase):
    """The stateful properties, run by trial."""

    def test_the_best_claim_has_the_route(self) -> None:
        """After any sequence of claims, however absurd, each route belongs to the best claim, and everybody knows."""
        ClaimMachine.TestCase("runTest").runTest()

    def test_routes_follow_the_truth(self) -> None:
        """However late news of moves, losses and returns are, a route is right as soon as the right news is there."""
        TruthMachine.TestCase("runTest").runTest()
