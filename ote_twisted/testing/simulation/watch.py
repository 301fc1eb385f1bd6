"""Invariants: looked at after each step where something changed, every few seconds, and once everything is well again."""

from __future__ import annotations

from attrs import define, field, frozen

from ote_twisted.tasks.model import LedgerEntry, Task
from ote_twisted.testing.simulation.clock import HeapClock
from ote_twisted.testing.simulation.faults import Injector
from ote_twisted.testing.simulation.ground import REPEATABLE, Effect, Ground
from ote_twisted.testing.simulation.links import SimulatedLink
from ote_twisted.testing.simulation.network import SimulatedNetwork
from ote_twisted.testing.simulation.node import Node

LOOP_BOUND = 60.0
"""Seconds that a circle of parents may last: it takes as long until the path downwards has found it in spite of delays."""

ORPHAN_BOUND = 150.0
"""Seconds that a controller may be without a way to the root while one of its configured parents would take it."""

QUEUES_EVERY = 12
"""Looks at everybody between two looks at everybody's queues."""

KEPT = 50
"""Violations that are told in full."""


@frozen
class Violation:
    """An invariant that does not hold.

    :ivar step: calls that the clock had made by then; ``at`` is the clock's reading.
    """

    step: int
    at: float
    invariant: str
    text: str


@define
class Findings:
    """What was seen.

    :ivar violations: the first of them; ``broken`` counts all by invariant.
    :ivar rehomes: seconds from the break of a link until its controller had a way to the root again, of those that had no
        fault themselves; ``detected`` those of them that were spent on finding out.
    :ivar moves: changes of a parent.
    :ivar loops: circles of parents that were seen, and went.
    :ivar orphans: controllers without a way to the root while one would have taken them, longest so far by name.
    :ivar doubled: effects beyond the first of tasks that must have one.
    :ivar excused: the same, where the disk was lost in between.
    :ivar repeated: effects beyond the first of tasks that may be performed again.
    """

    violations: list[Violation] = field(factory=list)
    broken: dict[str, int] = field(factory=dict)
    rehomes: list[float] = field(factory=list)
    moves: int = 0
    loops: int = 0
    effects: int = 0
    doubled: int = 0
    excused: int = 0
    repeated: int = 0
    orphaned: set[str] = field(factory=set)


class Watch:
    """Looks on.

    :ivar findings: what it saw.
    :ivar built: the tree was complete once; until then nobody is an orphan.
    """

    def __init__(
        self, nodes: dict[str, Node], twins: dict[str, Node], network: SimulatedNetwork, clock: HeapClock, injector: Injector
    ) -> None:
        """:param twins: duplicates of nodes by machine; they must do no harm, and nothing is promised to them."""
        self.findings = Findings()
        self.built = False
        self._nodes = nodes
        self._twins = twins
        self._network = network
        self._clock = clock
        self._injector = injector
        self._touched: dict[str, None] = {}
        self._parents: dict[str, str] = {}
        self._children: dict[str, dict[str, None]] = {}
        self._loops: dict[str, float] = {}
        self._out: dict[str, float] = {}
        self._way_since: dict[str, float] = {}
        self._rooted_since: dict[str, float] = {}
        self._ticks = 0

    # ---- what happens

    def violated(self, invariant: str, text: str) -> None:
        """An invariant does not hold now."""
        findings = self.findings
        findings.broken[invariant] = findings.broken.get(invariant, 0) + 1
        if len(findings.violations) < KEPT:
            findings.violations.append(Violation(self._clock.steps, self._clock.rightNow, invariant, text))

    def changed(self, link: SimulatedLink) -> None:
        """A link works, or does not work any more."""
        self._touched[(link if link.is_parent else link.far).machine.name] = None

    def touched(self, host: str) -> None:
        """Links of a controller changed."""
        self._touched[host] = None

    def lost(self, link: SimulatedLink) -> None:
        """A link is gone at one end. One that another has replaced already is no loss."""
        node = self._nodes.get(link.machine.name)
        if node is not None and node.uplink is link:
            self._out.setdefault(link.machine.name, self._clock.rightNow if link.broken is None else link.broken)

    def happened(self, ground: Ground, task: Task, effects: tuple[Effect, ...]) -> None:
        """A task took effect."""
        findings = self.findings
        findings.effects += 1
        if len(effects) == 1:
            return
        (_, former), (_, life) = effects[-2], effects[-1]
        node = self._nodes[ground.name]
        if node.ground is not ground:
            return
        if task.method in REPEATABLE and former != life:
            findings.repeated += 1
        elif former <= node.wiped < life:
            findings.excused += 1
        else:
            findings.doubled += 1
            how = "in one life" if former == life else f"in lives {former} and {life}"
            self.violated("once", f"{task.method} {task.uid} took effect {len(effects)} times at {ground.name}, {how}")

    def again(self, ground: Ground, task: Task) -> None:
        """A task is performed although the disk has its answer."""
        self.violated("once", f"{task.method} {task.uid} is performed at {ground.name} though its answer is kept")

    def answered_twice(self, entry: LedgerEntry) -> None:
        """An owner took a second answer."""
        self.violated("answers", f"the owner of {entry.uid} took a second answer of {entry.cluster}")

    # ---- after each step

    def look(self) -> None:
        """See what the last step changed."""
        while self._touched:
            touched, self._touched = self._touched, {}
            for host in touched:
                self._moved(host)

    def _moved(self, host: str) -> None:
        node = self._nodes.get(host) or self._twins.get(host)
        if node is None:
            return
        link = node.uplink
        parent = "" if link is None else link.far.machine.name
        moved = parent != self._parents.get(host, "")
        if moved:
            self._attach(host, parent)
        self._follow(host)
        self._home(host)
        if not node.running:
            self._out.pop(host, None)
        if not moved:
            return
        self.findings.moves += 1
        if parent and self._circular(host):
            self.findings.loops += 1
            self._loops.setdefault(host, self._clock.rightNow)

    def _home(self, host: str) -> None:
        """If it was out and is not any more, that is a re-home."""
        if host in self._out and self.rooted(host):
            since = self._out.pop(host)
            if self.built and not self._had_trouble(host, since) and not self._had_trouble("root", since):
                self.findings.rehomes.append(self._clock.rightNow - since)

    def _had_trouble(self, host: str, since: float) -> bool:
        return self._injector.troubled.get(host, -1.0) >= since - 20.0

    def _circular(self, host: str) -> bool:
        seen, at = {host}, self._parents.get(host, "")
        while at and at not in seen:
            seen.add(at)
            at = self._parents.get(at, "")
        return at == host

    # ---- ways to the root

    def rooted(self, host: str) -> bool:
        """There is a way from it to the root, link by link, and each of them works."""
        return host in self._rooted_since

    @property
    def count_rooted(self) -> int:
        """How many have a way to the root."""
        return sum(host in self._rooted_since for host in self._nodes) if self._twins else len(self._rooted_since)

    def _follow(self, host: str) -> None:
        """See whether a controller has a way to the root now, and if that changed, who is below it."""
        known = host in self._rooted_since
        if self._has_root(host) == known:
            return
        if known:
            del self._rooted_since[host]
        else:
            self._rooted_since[host] = self._clock.rightNow
            self._way_since.pop(host, None)
        for child in list(self._children.get(host, ())):
            self._follow(child)

    def _has_root(self, host: str) -> bool:
        node = self._nodes.get(host) or self._twins.get(host)
        if node is None or not node.running:
            return False
        link = node.uplink
        if link is None:
            return not node.place.parents
        return link.answers and link.far.machine.name in self._rooted_since

    def _attach(self, host: str, parent: str) -> None:
        """It has another parent; as long as that is not looked at, it has no way."""
        self._children.get(self._parents.get(host, ""), {}).pop(host, None)
        self._parents[host] = ""
        if self._rooted_since.pop(host, None) is not None:
            for child in list(self._children.get(host, ())):
                self._follow(child)
        self._parents[host] = parent
        if parent:
            self._children.setdefault(parent, {})[host] = None

    # ---- every few seconds

    def tick(self) -> None:
        """What takes a look at everybody."""
        for host in list(self._out):
            self._home(host)
        for host, since in list(self._loops.items()):
            if not self._circular(host):
                del self._loops[host]
            elif self._clock.rightNow - since > LOOP_BOUND:
                self._loops[host] = self._clock.rightNow
                self.violated("loop", f"{host} has been above itself for {LOOP_BOUND:g} s")
        if self.built:
            self._look_for_orphans()
        self._ticks += 1
        if self._ticks % QUEUES_EVERY == 0:
            self._look_at_queues()

    def _look_for_orphans(self) -> None:
        now = self._clock.rightNow
        for host in sorted(self._nodes.keys() - self._rooted_since.keys()):
            if not self._nodes[host].running or not self._has_way(self._nodes[host]):
                self._way_since.pop(host, None)
                continue
            since = self._way_since.setdefault(host, now)
            if now - since > ORPHAN_BOUND and host not in self.findings.orphaned:
                self.findings.orphaned.add(host)
                self.violated("orphan", f"{host} has had no way to the root for {now - since:.0f} s, though there is one")

    def _look_at_queues(self) -> None:
        for node in self._nodes.values():
            if not node.running:
                continue
            controller = node.controller
            waiting, bound = controller.uplink.waiting_bytes, controller.settings.outbox
            if waiting > bound:
                self.violated("queues", f"{waiting} bytes wait at {node.name} for a parent, more than {bound}")
            if controller.performer.waiting > controller.settings.performing.waiting:
                self.violated("queues", f"{controller.performer.waiting} tasks wait at {node.name}")

    def peace(self, host: str) -> float:
        """For how long nothing has been wrong with a controller and its way to the root, seconds."""
        since, at = self._rooted_since.get(host), host
        while since is not None:
            since = max(since, self._injector.troubled.get(at, 0.0))
            link = self._nodes[at].uplink
            if link is None:
                break
            since, at = max(since, link.opened), link.far.machine.name
            if at not in self._nodes:
                return 0.0
        return 0.0 if since is None else max(0.0, self._clock.rightNow - since)

    def _has_way(self, node: Node) -> bool:
        """A configured parent that has a way to the root could be reached, and neither of the two is in trouble."""
        forever = float("inf")
        if self._injector.troubled.get(node.host) == forever:
            return False
        return any(
            self.rooted(parent)
            and self._injector.troubled.get(parent) != forever
            and not self._network.blocked(node.host, parent)
            and not self._network.blocked(parent, node.host)
            for parent in node.place.parents
        )
