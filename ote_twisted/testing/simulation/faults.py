"""Faults: planned from the seed, begun and ended on the simulated machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from attrs import evolve, frozen

from ote_twisted.testing.simulation.clock import HeapClock
from ote_twisted.testing.simulation.network import Cut, SimulatedNetwork
from ote_twisted.testing.simulation.node import Node
from ote_twisted.testing.simulation.scenario import Place, Scenario

DOWN = frozenset({"kill", "wipe", "power"})
"""Kinds by which a controller is gone for a while."""

LONGEST = {"kill": 120.0, "wipe": 120.0, "power": 180.0, "duplicate": 120.0}
ROOT = 0.01
"""Share of the faults that happen to the root."""

LASTING = 180.0
"""Longest time of a fault whose kind does not say otherwise, seconds."""


@frozen
class Fault:
    """One fault.

    :ivar at: seconds after the tree was built.
    :ivar hosts: machines that it happens to; more than one for a region that is cut off with its sites.
    :ivar amount: seconds of a delay, bytes per second of a slow machine; below zero a one-way loss is inwards.
    """

    at: float
    kind: str
    hosts: tuple[str, ...]
    seconds: float
    amount: float = 0.0

    def __str__(self) -> str:
        more = f" and {len(self.hosts) - 1} below" if len(self.hosts) > 1 else ""
        return f"{self.kind} {self.hosts[0]}{more} for {self.seconds:.1f} s"


def plan(scenario: Scenario, tree: Sequence[Place]) -> list[Fault]:
    """Every fault of a scenario, in order of time."""
    chance = Random(f"faults {scenario.seed}")
    kinds = [kind for kind in scenario.faults if kind != "skew"]
    planned: list[Fault] = []
    at, end = 0.0, scenario.minutes * 60
    while kinds and (at := at + chance.expovariate(scenario.faults_per_minute / 60)) < end:
        planned.append(_fault(chance, chance.choice(kinds), at, tree))
    return planned


def _fault(chance: Random, kind: str, at: float, tree: Sequence[Place]) -> Fault:
    place = _victim(chance, kind, tree)
    seconds = chance.uniform(1, LONGEST.get(kind, LASTING))
    fault = Fault(at, kind, (place.name,), seconds)
    if kind == "partition" and chance.random() < 0.5:
        below = tuple(each.name for each in tree if each.labels.get("region") == place.name and each is not place)
        return evolve(fault, hosts=(place.name, *below))
    if kind in ("delay", "reorder"):
        return evolve(fault, amount=chance.uniform(0.05, 2.0))
    if kind == "slow":
        return evolve(fault, amount=chance.uniform(2_000, 50_000))
    return evolve(fault, amount=chance.choice((-1.0, 1.0))) if kind == "oneway" else fault


def _victim(chance: Random, kind: str, tree: Sequence[Place]) -> Place:
    """Mostly the middle of the tree, where a fault matters; the disk of a controller that has children is not lost."""
    parents = {place.parents[0] for place in tree if place.parents}
    leaves = [place for place in tree if place.name not in parents]
    middle = [place for place in tree if place.parents and place.name in parents]
    if kind in ("wipe", "duplicate"):
        return chance.choice(leaves)
    draw = chance.random()
    if draw < ROOT:
        return tree[0]
    return chance.choice(middle if middle and draw < 0.6 else leaves)


class Injector:
    """Makes planned faults happen, and ends them.

    :ivar counts: kind -> faults that happened; those whose machine was gone already do not.
    :ivar active: faults under way.
    :ivar troubled: machine -> when the last fault that it had ended; infinite while it has one.
    """

    def __init__(
        self,
        network: SimulatedNetwork,
        clock: HeapClock,
        nodes: dict[str, Node],
        twin: Callable[[str], Node],
        told: Callable[[str], None],
    ) -> None:
        """
        :param twin: makes a second controller with the name of another.
        :param told: takes a line for each beginning and end.
        """
        self.counts: dict[str, int] = {}
        self.active: dict[Fault, Callable[[], None]] = {}
        self.troubled: dict[str, float] = {}
        self._network = network
        self._clock = clock
        self._nodes = nodes
        self._twin = twin
        self._told = told

    def schedule(self, faults: Sequence[Fault]) -> None:
        """Let them happen when they are due, counted from now."""
        for fault in faults:
            self._clock.callLater(fault.at, self.begin, fault)

    def begin(self, fault: Fault) -> None:
        """It happens, if it can."""
        begin: Callable[[Fault], Callable[[], None] | None] = getattr(self, f"_{fault.kind}")
        ending = begin(fault)
        if ending is None:
            return
        self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1
        self.active[fault] = ending
        self.troubled.update(dict.fromkeys(fault.hosts, float("inf")))
        self._say(f"begins: {fault}")
        self._clock.callLater(fault.seconds, self.end, fault)

    def end(self, fault: Fault) -> None:
        """It is over, if it is not yet."""
        ending = self.active.pop(fault, None)
        if ending is None:
            return
        self._say(f"ends: {fault}")
        ending()
        still = {host for other in self.active for host in other.hosts}
        self.troubled.update({host: self._clock.rightNow for host in fault.hosts if host not in still})

    def end_all(self) -> None:
        """Everything is well from now on."""
        for fault in list(self.active):
            self.end(fault)

    def _say(self, text: str) -> None:
        self._network.note(text)
        self._told(text)

    # ---- kinds: each begins a fault and gives what ends it, or nothing if it cannot happen now

    def _down(self, fault: Fault, power: bool = False, wipe: bool = False) -> Callable[[], None] | None:
        node = self._nodes[fault.hosts[0]]
        if not node.running:
            return None
        node.crash(power)
        if wipe:
            node.wipe()
        return node.start

    def _kill(self, fault: Fault) -> Callable[[], None] | None:
        return self._down(fault)

    def _wipe(self, fault: Fault) -> Callable[[], None] | None:
        return self._down(fault, wipe=True)

    def _power(self, fault: Fault) -> Callable[[], None] | None:
        return self._down(fault, power=True)

    def _partition(self, fault: Fault) -> Callable[[], None]:
        return self._cut(Cut(frozenset(fault.hosts)))

    def _oneway(self, fault: Fault) -> Callable[[], None]:
        return self._cut(Cut(frozenset(fault.hosts), outwards=fault.amount > 0, inwards=fault.amount < 0))

    def _cut(self, cut: Cut) -> Callable[[], None]:
        self._network.cut(cut)
        return lambda: self._network.heal(cut)

    def _delay(self, fault: Fault) -> Callable[[], None]:
        machine = self._network.machine(fault.hosts[0])
        machine.extra += fault.amount

        def end() -> None:
            machine.extra = max(0.0, machine.extra - fault.amount)

        return end

    def _reorder(self, fault: Fault) -> Callable[[], None]:
        machine = self._network.machine(fault.hosts[0])
        machine.jitter += fault.amount

        def end() -> None:
            machine.jitter = max(0.0, machine.jitter - fault.amount)

        return end

    def _slow(self, fault: Fault) -> Callable[[], None] | None:
        machine = self._network.machine(fault.hosts[0])
        if machine.rate:
            return None
        machine.rate = fault.amount
        return lambda: self._network.hurry(machine)

    def _duplicate(self, fault: Fault) -> Callable[[], None] | None:
        twin = self._twin(fault.hosts[0])
        if twin.running:
            return None
        twin.start()
        return twin.crash
