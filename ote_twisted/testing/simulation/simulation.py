"""One run of a scenario: the tree is built, faults and tasks happen, everything heals, and what was seen is told."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import frozen
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.interfaces import IClusterShim
from ote_twisted.testing.simulation.clock import HeapClock, LifeClock
from ote_twisted.testing.simulation.faults import Injector, plan
from ote_twisted.testing.simulation.ground import Ground, GroundShim
from ote_twisted.testing.simulation.links import SimulatedLink
from ote_twisted.testing.simulation.network import SimulatedNetwork
from ote_twisted.testing.simulation.node import EventCounter, Node, Surroundings
from ote_twisted.testing.simulation.report import Report, Sample
from ote_twisted.testing.simulation.rest import OPEN, AtRest, WrittenTask
from ote_twisted.testing.simulation.scenario import Place, Scenario, places
from ote_twisted.testing.simulation.watch import Watch
from ote_twisted.testing.simulation.workload import PlannedTask, plan_tasks

BUILD_LIMIT = 900.0
"""Seconds in which the tree has to be complete."""

REST_LIMIT = 900.0
"""Seconds in which everything has to be well again after the last fault."""

TICK = 5.0
"""Seconds between two looks at everybody."""

PEACE = 120.0
"""Seconds of peace in which a task has to be answered."""

SPIN = 1_000_000
"""Steps without any time between them that nothing needs."""

SKEW = 3600.0


@frozen
class Progress:
    """How far a run is.

    :ivar now: clock reading; ``end`` the expected last one.
    """

    phase: str
    now: float
    end: float
    rooted: int
    violations: int


@implementer(ILogObserver)
class Simulation:
    """See above.

    :ivar nodes: by machine, the root first; without duplicates.
    """

    def __init__(
        self,
        scenario: Scenario,
        make_shim: Callable[[Ground, LifeClock, HeapClock, Random], IClusterShim] = GroundShim,
        told: Callable[[str], object] = lambda line: None,
    ) -> None:
        """
        :param make_shim: makes the shim of a controller's life; tests of the invariants put a faulty one here.
        :param told: takes a line for whatever happens.
        """
        self.scenario = scenario
        self.clock = HeapClock()
        self.network = SimulatedNetwork(self.clock, scenario.seed, "root")
        self.nodes: dict[str, Node] = {}
        self.events = EventCounter()
        self.tasks: list[WrittenTask] = []
        self.samples: list[Sample] = []
        self._told = told
        self._tree = places(scenario)
        self._injector = Injector(self.network, self.clock, self.nodes, self._twin, self._say)
        self._twins: dict[str, Node] = {}
        self.watch = Watch(self.nodes, self._twins, self.network, self.clock, self._injector)
        self.network.lost, self.network.changed = self._lost, self.watch.changed
        self._around = Surroundings(
            self.network,
            self.clock,
            Random(f"grounds {scenario.seed}"),
            self.events,
            self.watch.happened,
            self.watch.again,
            self.watch.answered_twice,
            self._failed,
            self.watch.touched,
            make_shim,
        )
        self._rest = AtRest(self.nodes, self._twins)
        self._until: int | None = None
        self._progress: Callable[[Progress], None] = lambda progress: None
        self._moment = 0.0, 0
        self._phase, self._end, self._healed = "building", 0.0, 0.0

    def run(self, progress: Callable[[Progress], None] = lambda progress: None, until: int | None = None) -> Report:
        """Do all of it.

        :param until: stop after so many steps.
        """
        self._progress, self._until = progress, until
        globalLogPublisher.addObserver(self)
        try:
            self._build()
            self._trouble()
            self._heal()
        except _Enough:
            pass
        finally:
            globalLogPublisher.removeObserver(self)
        return self._report()

    # ---- phases

    def _build(self) -> None:
        chance = Random(f"start {self.scenario.seed}")
        for place in self._tree:
            skew = chance.uniform(-SKEW, SKEW) if "skew" in self.scenario.faults else 0.0
            node = self.nodes[place.name] = Node(place, self._around, place.name, skew)
            self.clock.callLater(place.tier * 2.0 + chance.random() * len(self._tree) / 500, node.start)
        self._end = self.scenario.minutes * 60
        self._pass_until(self._complete, BUILD_LIMIT)
        if not self._complete():
            self.watch.violated("built", f"the tree was not complete within {BUILD_LIMIT:g} s")
        self.watch.built = True
        self._say(f"the tree of {len(self.nodes)} is complete")

    def _trouble(self) -> None:
        self._phase = "faults"
        start, lasting = self.clock.rightNow, self.scenario.minutes * 60
        self._end = start + lasting
        self._injector.schedule(plan(self.scenario, self._tree))
        for task in plan_tasks(self.scenario, self._tree, REST_LIMIT + 60):
            self.clock.callLater(task.at, self._write, task)
        self._pass(start + lasting)

    def _heal(self) -> None:
        self._phase = "healing"
        self._injector.end_all()
        begun = self.clock.rightNow
        self._end = begun + REST_LIMIT
        self._pass_until(lambda: not self._rest.unrest(self.tasks), REST_LIMIT)
        self._healed = self.clock.rightNow - begun
        for invariant, text in self._rest.unrest(self.tasks):
            self.watch.violated(invariant, text)

    def _complete(self) -> bool:
        root = self.nodes["root"]
        return root.running and len(root.controller.table) == len(self.nodes) and self.watch.count_rooted == len(self.nodes)

    # ---- time

    def _pass_until(self, done: Callable[[], bool], limit: float) -> None:
        end = self.clock.rightNow + limit
        while self.clock.rightNow < end and not done():
            self._pass(min(end, self.clock.rightNow + TICK))

    def _pass(self, end: float) -> None:
        clock, watch = self.clock, self.watch
        while clock.rightNow < end:
            tick = min(end, (clock.rightNow // TICK + 1) * TICK)
            while clock.step(tick):
                watch.look()
                self._check_progress()
                if self._until is not None and clock.steps >= self._until:
                    raise _Enough
            watch.look()
            watch.tick()
            self._sample()

    def _check_progress(self) -> None:
        """Time has to pass: what happens over and over at one moment would stop a real controller, too."""
        if self.clock.rightNow != self._moment[0]:
            self._moment = self.clock.rightNow, self.clock.steps
        elif self.clock.steps - self._moment[1] > SPIN:
            self.watch.violated("progress", f"{SPIN} steps were made and no time passed")
            raise _Enough

    def _sample(self) -> None:
        rooted, counts = self.watch.count_rooted, self.network.counts
        running = sum(node.running for node in self.nodes.values())
        self.samples.append(
            Sample(self.clock.rightNow, running, rooted, counts.up + counts.down, counts.at_root, len(self._injector.active))
        )
        broken = sum(self.watch.findings.broken.values())
        self._progress(Progress(self._phase, self.clock.rightNow, self._end, rooted, broken))

    # ---- what happens

    def _write(self, task: PlannedTask) -> None:
        """Create it; while its owner is down there is no API that would take it."""
        node = self.nodes[task.owner]
        if not node.running:
            self.clock.callLater(TICK, self._write, task)
            return
        uid = node.submit(task.name, task.selector, task.method, f"/{task.name}", task.seconds)
        self._say(f"{task.method} {uid} for {task.selector} at {task.owner}, deadline in {task.seconds} s")
        due = self.clock.rightNow + task.seconds
        written = WrittenTask(task, uid, due, due >= self._end)
        self.tasks.append(written)
        if not written.lasting:
            self.clock.callLater(task.seconds - 1.0, self._due, written)

    def _due(self, task: WrittenTask) -> None:
        """The deadline comes: who has not answered in spite of peace?"""
        owner = self.nodes[task.planned.owner]
        if not owner.running or self.watch.peace(owner.host) < PEACE:
            return
        found: list[str] = []
        books = owner.disk.ledger.page(task.uid, 1_000_000, states=OPEN)
        books.addCallback(lambda entries: found.extend(entry.cluster for entry in entries))
        peace = {name: self.watch.peace(name) for name in found if owner.controller.online(name)}
        task.peaceful.update({name: seconds for name, seconds in peace.items() if seconds >= PEACE})

    def _lost(self, link: SimulatedLink, reason: str) -> None:
        if not link.is_parent and link.machine.door is not None:
            link.machine.door.left(link)
        self.watch.lost(link)
        self._say(f"{link}: {reason}")

    def _twin(self, name: str) -> Node:
        """A second controller with a name of the tree, below another parent."""
        place, host = self.nodes[name].place, f"twin-of-{name}"
        if host not in self._twins:
            others = sorted({each.parents[0] for each in self._tree if each.parents} - {place.parents[0]}) or [place.parents[0]]
            parents = (Random(f"{host} {self.scenario.seed}").choice(others),)
            self._twins[host] = Node(Place(name, parents, place.tier, place.labels, place.tags), self._around, host)
        return self._twins[host]

    def _failed(self, name: str) -> None:
        failure = Failure()
        self.watch.violated("exception", f"{name}: {_kind(failure)}: {failure.value}, {_where(failure)}")

    def __call__(self, event: LogEvent) -> None:
        """See :class:`ILogObserver`: what is logged as a failure is one."""
        failure = event.get("log_failure")
        if failure is not None:
            self.watch.violated("exception", f"logged: {_kind(failure)}: {failure.value}, {_where(failure)}")

    def _say(self, text: str) -> None:
        self._told(f"{self.clock.rightNow:10.3f} {self.clock.steps:9} {text}")

    def _report(self) -> Report:
        return Report.of(
            self.scenario, self.clock, self.network, self.watch.findings, self._rest.sums(self.tasks), self._injector.counts,
            self.events.reasons, self.samples, self._healed, self._orphans(),
        )  # fmt: skip

    def _orphans(self) -> int:
        return len(self.nodes) - self.watch.count_rooted


class _Enough(Exception):
    """The step that was asked for is reached."""


def _kind(failure: Failure) -> str:
    return type(failure.value).__name__


def _where(failure: Failure) -> str:
    frame = failure.frames[-1] if failure.frames else None
    return f"in {frame[0]}, {frame[1].rpartition('/')[2]}:{frame[2]}" if frame else "nowhere"
