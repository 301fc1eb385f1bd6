"""Random small trees with random failures: after healing everything is where it belongs."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.testing.tree import MemoryNode, MemoryTree
from tests.controller.trees import STAYING

PARENTS = {
    "root": ((),),
    "a": (("root",),),
    "b": (("root",), ("root", "a"), ("a", "root")),
    "c": (("a",), ("b", "a"), ("a", "b")),
    "d": (("b",), ("c", "b"), ("c",)),
}
"""For each cluster the lists of parents that it may be configured with; none of them makes a circle."""

NAMES = tuple(PARENTS)


class RandomTrees(RuleBasedStateMachine):
    """Starts, stops, crashes, partitions and tasks in any order; then everything is healed and looked at.

    :cvar moving: how controllers look for parents.
    :cvar fickle: selectors that may choose others, or nobody, later: where a cluster is, and whether an original is on the
        way, which passes no labels on, depends on the parents that are alive.
    """

    moving = STAYING
    fickle = frozenset({"under(a)"})

    def __init__(self) -> None:
        super().__init__()
        self.tree = MemoryTree(self.moving)
        self.tasks: dict[str, str] = {}
        self.lives: dict[str, int] = {}

    @initialize(choices=st.tuples(*(st.sampled_from(options) for options in PARENTS.values())), v1=st.sets(st.sampled_from("cd")))
    def build(self, choices: tuple[tuple[str, ...], ...], v1: set[str]) -> None:
        """Some tree, some of whose links speak the original's wire."""
        for name, parents in zip(NAMES, choices, strict=True):
            self.tree.add(name, parents, {"name": name}, v2=name not in v1)
            self.lives[name] = 1

    def node(self, name: str) -> MemoryNode:
        """One of them."""
        return self.tree.node(name)

    @rule(name=st.sampled_from(NAMES), crash=st.booleans())
    def end(self, name: str, crash: bool) -> None:
        """A controller stops or dies."""
        if self.node(name).running:
            self.node(name).crash() if crash else self.node(name).stop()
            self.tree.network.flush()

    @rule(name=st.sampled_from(NAMES))
    def begin(self, name: str) -> None:
        """A controller starts again from its disk."""
        if not self.node(name).running:
            self.node(name).start()
            self.lives[name] += 1

    @rule(pair=st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), tell=st.booleans())
    def cut(self, pair: tuple[str, str], tell: bool) -> None:
        """Two machines cannot reach each other; the connection hangs, or is reset."""
        if pair[0] != pair[1]:
            self.tree.network.partition(*pair)
            if tell:
                self.tree.network.reset(*pair)

    @rule()
    def heal(self) -> None:
        """Everybody reaches everybody."""
        self.tree.network.heal()

    @rule(seconds=st.sampled_from([0.25, 1.0, 7.0, 25.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.tree.settle(seconds)

    @precondition(lambda self: self.tree.node("root").running and len(self.tasks) < 4)
    @rule(selector=st.sampled_from(["*", "a,c", "[name=d]", "under(a)", "b,root"]))
    def submit(self, selector: str) -> None:
        """A task at the root."""
        name = f"t{len(self.tasks)}"
        self.tasks[name] = selector
        self.node("root").submit(name, selector, "PUT", f"/{name}", "x")

    def teardown(self) -> None:
        """Heal everything, wait, and look."""
        if not self.tree.nodes:
            return
        self.heal()
        for name in NAMES:
            self.begin(name)
        for _ in range(24):
            self.tree.settle(15)
            if self.quiet() and self.stays():
                break
        try:
            self.look()
        finally:
            self.tree.stop()
        assert self.tree.network.clock.getDelayedCalls() == []

    def quiet(self) -> bool:
        """Everything is known at the root, every task is complete, and nobody has links to two parents."""
        everybody = set(self.node("root").controller.table.via) == set(NAMES) - {"root"}
        links = [child for name in NAMES for child, link in self.node(name).controller.links.items() if not link.standby]
        return everybody and len(links) == len(NAMES) - 1 and all(self.complete(name) for name in self.tasks)

    def stays(self) -> bool:
        """It is quiet a while later as well, and everybody below the same parent: the look does not fall into a move."""
        before = [self.parent_of(name) for name in NAMES]
        self.tree.settle(4)
        return self.quiet() and before == [self.parent_of(name) for name in NAMES]

    def complete(self, task: str) -> bool:
        """A task is done with, or chooses nobody: labels do not pass an original's wire."""
        if not self.node("root").controller.select(self.tasks[task]):
            return True
        conditions = self.node("root").status(task).get("conditions", [])
        return any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)

    def look(self) -> None:
        """Every cluster is online at each of its ancestors, below the right parent; every task reached who it should."""
        parents = {name: self.parent_of(name) for name in NAMES}
        for name in NAMES[1:]:
            self.look_up(name, parents)
        self.look_at_digests()
        for task, selector in self.tasks.items():
            assert self.complete(task), (task, selector, self.node("root").status(task))
            self.look_at_task(task, selector)

    def parent_of(self, name: str) -> str:
        """Whom a cluster is below by the links that carry: the newest is the one, an older one may still linger."""
        links = {each: self.node(each).controller.links.get(name) for each in NAMES}
        carrying = {each: link.epoch for each, link in links.items() if link is not None and not link.standby}
        return max(carrying, key=lambda each: carrying[each], default="")

    def look_up(self, name: str, parents: dict[str, str]) -> None:
        """One cluster, at each of its ancestors."""
        above = parents[name]
        assert above, f"{name} has no parent"
        while above:
            status = self.node(above).cluster(name)["status"]
            assert (status["status"], status["parentName"]) == ("online", parents[name]), (above, name, status)
            above = parents[above]

    def look_at_digests(self) -> None:
        """Both ends of each ote.v2 link hold the same view, and nothing is being asked for."""
        for name in NAMES:
            for child, link in self.node(name).controller.links.items():
                if link.v2 and self.parent_of(child) == name:
                    assert self.node(name).controller.table.children[child].said == self.node(child).controller.table.digest
        waiting = [node.controller.announcer for node in self.tree.nodes.values()]
        sent = [announcer.sent for announcer in waiting]
        mismatches = [node.controller.claims.mismatches for node in self.tree.nodes.values()]
        self.tree.settle(1)
        v2 = [all(link.v2 for link in [node.controller.uplink.link] if link is not None) for node in self.tree.nodes.values()]
        assert [announcer.sent for announcer, same in zip(waiting, v2, strict=True) if same] == [
            count for count, same in zip(sent, v2, strict=True) if same
        ]
        assert [node.controller.claims.mismatches for node in self.tree.nodes.values()] == mismatches

    def look_at_task(self, task: str, selector: str) -> None:
        """Each target performed it, at most once in each of its lives; nobody else did."""
        chosen = set(self.node("root").controller.select(selector))
        for name in NAMES:
            performed = self.node(name).performed.count(f"/{task}")
            if name in chosen:
                assert 1 <= performed <= self.lives[name], (task, name, performed, self.lives[name])
            elif selector not in self.fickle:
                assert performed == 0, (task, selector, name)


RandomTrees.TestCase.settings = settings(max_examples=40, stateful_step_count=14, deadline=None)


class WanderingTrees(RandomTrees):
    """The same with controllers that find other parents by themselves, and go back."""

    moving = FailoverSettings()
    fickle = frozenset({"under(a)", "[name=d]"})

    def quiet(self) -> bool:
        """See above; everybody is below the parent that it prefers.

        Who speaks the original's wire cannot tell its parent's parent that it is the one which is below its parent.
        """
        preferred = [name for name in NAMES[1:] if self.node(name).v2]
        home = all(self.parent_of(name) == self.node(name).parents[0] for name in preferred)
        return home and super().quiet()

    def look(self) -> None:
        """See above."""
        assert self.quiet(), {name: self.parent_of(name) for name in NAMES}
        super().look()


WanderingTrees.TestCase.settings = settings(max_examples=25, stateful_step_count=14, deadline=None)


class RandomTreeTests(SynchronousTestCase):
    """The property, run by trial."""

    def test_everything_heals(self) -> None:
        """After any sequence of starts, stops, crashes, partitions and tasks a healed tree is whole and every task is done."""
        RandomTrees.TestCase("runTest").runTest()

    def test_everything_heals_where_controllers_wander(self) -> None:
        """The same where each finds another parent when its own is gone; in the end everybody is below the one it prefers."""
        WanderingTrees.TestCase("runTest").runTest()
