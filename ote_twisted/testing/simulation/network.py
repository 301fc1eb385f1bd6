"""Machines, the ways between them, and what can be wrong with both; dialling and accepting as the tunnels do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any
from zlib import crc32

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall

from ote_twisted.testing.simulation.clock import HeapClock
from ote_twisted.testing.simulation.door import Door
from ote_twisted.testing.simulation.links import SimulatedLink
from ote_twisted.tunnel.settings import EdgeSettings

NEAR, FAR = 0.002, 0.06
"""Bounds of a link's latency, seconds."""


@define(eq=False)
class Machine:
    """A host with one process on it.

    :ivar door: where children join, while a controller listens there.
    :ivar powered: it answers packets, if only to say that nobody listens.
    :ivar rate: bytes per second that it takes on each link; 0 is without bound.
    :ivar extra: seconds by which all its packets are late.
    :ivar jitter: seconds by which some of them are, each batch by another time.
    :ivar links: ends here.
    :ivar failed: is told that its process raised what it did not catch.
    """

    name: str
    door: Door | None = None
    powered: bool = True
    rate: float = 0.0
    extra: float = 0.0
    jitter: float = 0.0
    links: dict[SimulatedLink, None] = field(factory=dict)
    failed: Callable[[], None] | None = None


@frozen(eq=False)
class Cut:
    """Packets between some machines and others do not arrive.

    :ivar inside: names of the machines.
    :ivar others: of the others; empty for all that are not inside.
    :ivar outwards: packets from inside are lost; ``inwards`` those to it.
    """

    inside: frozenset[str]
    others: frozenset[str] = frozenset()
    outwards: bool = True
    inwards: bool = True

    def blocks(self, source: str, target: str) -> bool:
        """Packets from one machine to another are lost."""
        if self.outwards and source in self.inside and self._outside(target):
            return True
        return self.inwards and target in self.inside and self._outside(source)

    def _outside(self, name: str) -> bool:
        return name in self.others if self.others else name not in self.inside


@define
class NetworkCounts:
    """What the network has counted.

    :ivar up: messages to parents; ``down`` to children; with their bytes.
    :ivar at_root: messages to the root, ``at_root_bytes`` their bytes.
    :ivar dropped: messages given to links that were gone or closing.
    :ivar slow_readers: links closed because too much was queued.
    :ivar most_queued: the longest queue of a link, bytes.
    """

    up: int = 0
    down: int = 0
    up_bytes: int = 0
    down_bytes: int = 0
    at_root: int = 0
    at_root_bytes: int = 0
    dropped: int = 0
    slow_readers: int = 0
    most_queued: int = 0
    dials: int = 0
    refused: int = 0
    links: int = 0


class SimulatedNetwork:
    """All machines, and the packets between them.

    :ivar trace: a number that two runs have in common if everything happened to them in the same order.
    :ivar lost: is told each end of a link that is gone, and why.
    :ivar changed: is told an end of each link that works, or does not work any more.
    """

    def __init__(self, clock: HeapClock, seed: int, root: str = "", settings: EdgeSettings | None = None) -> None:
        self.clock = clock
        self.seed = seed
        self.chance = Random(f"network {seed}")
        self.settings = settings or EdgeSettings()
        self.machines: dict[str, Machine] = {}
        self.cuts: dict[Cut, None] = {}
        self.counts = NetworkCounts()
        self.trace = 0
        self.lost: Callable[[SimulatedLink, str], None] = lambda link, reason: None
        self.changed: Callable[[SimulatedLink], None] = lambda link: None
        self._root = root

    def machine(self, name: str) -> Machine:
        """The machine of that name, made when it is asked for first."""
        found = self.machines.get(name)
        if found is None:
            found = self.machines[name] = Machine(name)
        return found

    def note(self, text: str) -> None:
        """Something happened that two runs of one seed have in common."""
        self.trace = crc32(f"{self.clock.rightNow:.9f} {text}".encode(), self.trace)

    # ---- faults

    def cut(self, cut: Cut) -> None:
        """Begin to lose packets; nobody is told."""
        self.cuts[cut] = None
        self._judge(cut.inside)

    def heal(self, cut: Cut) -> None:
        """Lose them no more."""
        self.cuts.pop(cut, None)
        self._judge(cut.inside)

    def blocked(self, source: str, target: str) -> bool:
        """Packets from one machine do not arrive at the other."""
        return source != target and any(cut.blocks(source, target) for cut in self.cuts)

    def reset(self, machine: Machine, power: bool = False) -> None:
        """The process is gone, and its links with it; with the ``power`` goes the machine, which then resets nothing."""
        machine.door = None
        machine.powered = not power
        for link in list(machine.links):
            far = link.far
            far.mark_broken()
            link.vanish()
            if power:
                link.drop_flight()
                far.deafen()
            else:
                if self.chance.random() < 0.5:
                    link.drop_flight()
                link.finish("the connection was reset")

    def power_on(self, machine: Machine, ghosts: Iterable[SimulatedLink]) -> None:
        """The machine is back; whoever still believes in a link to it is told so at its next ping."""
        machine.powered = True
        for link in ghosts:
            if not link.ended:
                self.later(link, self.chance.uniform(0, self.settings.limits.ping_interval), self._ghost, link)

    def hurry(self, machine: Machine) -> None:
        """The machine is not slow any more."""
        machine.rate = 0.0
        for link in list(machine.links):
            link.far.hurry()

    # ---- for links

    def delay(self, link: SimulatedLink) -> float:
        """Seconds that a packet takes now."""
        here, there = link.machine, link.far.machine
        jitter = max(here.jitter, there.jitter)
        return link.latency + here.extra + there.extra + (self.chance.random() * jitter if jitter else 0.0)

    def later(self, link: SimulatedLink, delay: float, what: Callable[..., None], *arguments: Any) -> IDelayedCall:
        """Do something with a link later."""
        return self.clock.callLater(max(0.0, delay), what, *arguments)

    def tell(self, machine: Machine, what: Callable[..., None], *arguments: Any) -> None:
        """Call the process on a machine; what it does not catch is its fault, and no end of the network."""
        try:
            what(*arguments)
        except Exception:
            if machine.failed is None:
                raise
            machine.failed()

    def arrived(self, link: SimulatedLink, batch: list[bytes], size: int) -> None:
        """A batch arrived at the other end of a link."""
        counts, number, far = self.counts, len(batch), link.far
        if link.is_parent:
            counts.up += number
            counts.up_bytes += size
            if far.machine.name == self._root:
                counts.at_root += number
                counts.at_root_bytes += size
        else:
            counts.down += number
            counts.down_bytes += size
        self.note(f"{link.machine.name}>{far.machine.name} {number} {size}")

    # ---- inside

    def _ghost(self, link: SimulatedLink) -> None:
        if not self.blocked(link.machine.name, link.far.machine.name) and not link.ended:
            link.lose("the connection was reset")

    def _judge(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            machine = self.machines.get(name)
            for link in list(machine.links) if machine is not None else ():
                for end in (link, link.far):
                    end.set_cut(self.blocked(end.machine.name, end.far.machine.name))
