"""Random trees and circles of controllers under random failures: no loop lasts, and whoever has a way to the root gets there."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.testing.tree import MemoryNode, MemoryTree

NAMES = ("a", "b", "c", "d", "e")

LOOP_SECONDS = 2.0
"""A loop of so few controllers is found within a moment of virtual time: a path needs no time on these links."""

ROUNDS = 24
"""Rounds of 15 s within which everybody who can has found a way: patience, settling, delays of at most 30 s, on each level."""


class Wanderers(RuleBasedStateMachine):
    """Controllers below any parents, themselves and circles included, that are started, killed, cut off and healed."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = MemoryTree()
        self.parents: dict[str, tuple[str, ...]] = {}
        self.looped = 0.0
        self.parted = False

    @initialize(
        choices=st.tuples(
            *(st.lists(st.sampled_from(("root", *NAMES)), min_size=1, max_size=3, unique=True).map(tuple) for _ in NAMES)
        )
    )
    def build(self, choices: tuple[tuple[str, ...], ...]) -> None:
        """Any tree, or none."""
        self.tree.add("root", performs=False)
        for name, parents in zip(NAMES, choices, strict=True):
            self.parents[name] = parents
            self.tree.add(name, parents, performs=False)

    def node(self, name: str) -> MemoryNode:
        """One of them."""
        return self.tree.node(name)

    @rule(name=st.sampled_from(("root", *NAMES)))
    def crash(self, name: str) -> None:
        """A controller dies."""
        if self.node(name).running:
            self.node(name).crash()
            self.tree.network.flush()

    @rule(name=st.sampled_from(("root", *NAMES)))
    def begin(self, name: str) -> None:
        """A controller starts again from its disk."""
        if not self.node(name).running:
            self.node(name).start()

    @rule(pair=st.tuples(st.sampled_from(("root", *NAMES)), st.sampled_from(NAMES)), tell=st.booleans())
    def cut(self, pair: tuple[str, str], tell: bool) -> None:
        """Two machines cannot reach each other; the connection hangs, or is reset."""
        if pair[0] != pair[1]:
            self.parted = True
            self.tree.network.partition(*pair)
            if tell:
                self.tree.network.reset(*pair)

    @rule()
    def heal(self) -> None:
        """Everybody reaches everybody; what a loop needs to be found may have waited until now."""
        self.parted, self.looped = False, 0.0
        self.tree.network.heal()

    @rule(seconds=st.sampled_from([0.25, 1.0, 4.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, in which loops are looked for."""
        for _ in range(round(seconds * 4)):
            self.tree.network.advance(0.25)
            self.looped = self.looped + 0.25 if self.loop() else 0.0
            assert self.looped <= LOOP_SECONDS or self.parted, f"a loop lasts: {self.loop()}"

    def parent_of(self, name: str) -> str:
        """Whom it is below by the link that carries now."""
        epoch = self.node(name).controller.table.own.epoch
        if self.node(name).controller.uplink.link is None:
            return ""
        for each in ("root", *NAMES):
            link = self.node(each).controller.links.get(name) if self.node(each).running else None
            if link is not None and not link.standby and link.epoch == epoch:
                return each
        return ""

    def loop(self) -> list[str]:
        """Controllers that are above themselves."""
        found = []
        for name in NAMES:
            above, seen = name, set[str]()
            while above and above not in seen and self.node(above).running and above != "root":
                seen.add(above)
                above = self.parent_of(above)
            if above == name and seen:
                found.append(name)
        return found

    def levels(self) -> set[str]:
        """Those whose configuration gives them a way to the root."""
        reached, before = {"root"}, set[str]()
        while reached != before:
            before = set(reached)
            reached |= {name for name, parents in self.parents.items() if reached.intersection(parents)}
        return reached

    def rooted(self) -> set[str]:
        """Those who have a way to the root, by what they know and by the links that are there."""
        found = {"root"}
        for name in NAMES:
            above, hops = name, 0
            while above and above != "root" and hops < 10:
                above, hops = self.parent_of(above), hops + 1
            if above == "root" and self.node(name).controller.neighbours.ancestry.rooted:
                found.add(name)
        return found

    def teardown(self) -> None:
        """Heal everything and wait: then everybody who can has a way, for good, and the others know that they have none."""
        if not self.parents:
            return
        try:
            self.heal()
            for name in ("root", *NAMES):
                self.begin(name)
            self.look()
        finally:
            self.tree.stop()
        assert self.tree.network.clock.getDelayedCalls() == []

    def look(self) -> None:
        """Everybody arrives and stays, below its own path; whoever is alone does not think otherwise."""
        expected = self.levels()
        for _ in range(ROUNDS):
            self.wait(20.0)
            if expected <= self.rooted():
                break
        assert expected <= self.rooted(), (expected - self.rooted(), self.parents)
        self.wait(4.0)
        known = self.node("root").controller.table.via
        assert expected - {"root"} <= set(known), (expected, known)
        for name in NAMES:
            way = self.node(name).controller.neighbours.ancestry
            assert len(set(way.path)) == len(way.path), way
            assert way.rooted == (name in self.rooted()), (name, way)


Wanderers.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)


class LoopPropertyTests(SynchronousTestCase):
    """The property, run by trial."""

    def test_no_loop_lasts_and_everybody_arrives(self) -> None:
        """Whatever the parents and the failures were: no loop lasts, orphans adopt nobody, all who can reach the root (F44)."""
        Wanderers.TestCase("runTest").runTest()
