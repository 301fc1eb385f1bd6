"""One simulated controller: the production parts on a simulated machine, through any number of lives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.objects import NAMESPACE
from ote_twisted.controller.service import ClusterController
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.failover.service import Failover
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.interfaces import IClusterShim, IEventRecorder, ILink
from ote_twisted.storage.model import JSON, Key
from ote_twisted.tasks.declared import API_VERSION, RESOURCE
from ote_twisted.tasks.model import LedgerEntry, Task
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.testing.simulation.clock import HeapClock, LifeClock
from ote_twisted.testing.simulation.dialling import SimulatedDialler
from ote_twisted.testing.simulation.door import Door
from ote_twisted.testing.simulation.ground import Disk, Ground, GroundShim, Happened
from ote_twisted.testing.simulation.links import SimulatedLink
from ote_twisted.testing.simulation.network import Machine, SimulatedNetwork
from ote_twisted.testing.simulation.scenario import Place
from ote_twisted.tunnel.address import DEFAULT_PORT, ParentAddress
from ote_twisted.wire.entry import ClusterEntry

WALL = 1_800_000_000.0
"""Unix seconds at which every simulation begins."""


@implementer(IEventRecorder)
@define
class EventCounter:
    """Counts the events of all controllers by reason.

    :ivar reasons: reason -> how many.
    """

    reasons: dict[str, int] = field(factory=dict)

    def record(self, reason: str, message: str, about: str = "", warning: bool = False) -> None:
        """See :meth:`IEventRecorder.record`."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


@frozen
class Surroundings:
    """What all controllers of a simulation share.

    :ivar happened: is told each effect of a task, ``again`` each task that is performed although its answer is kept, and
        ``answered_twice`` each answer to a target that has one.
    :ivar failed: is told, inside the handler, that a controller raised what it did not catch: its name.
    :ivar touched: is told the machine of a controller whose links changed.
    :ivar make_shim: makes a life's shim; tests put a faulty one here.
    """

    network: SimulatedNetwork
    clock: HeapClock
    chance: Random
    events: EventCounter
    happened: Happened
    again: Callable[[Ground, Task], None]
    answered_twice: Callable[[LedgerEntry], None]
    failed: Callable[[str], None]
    touched: Callable[[str], None]
    make_shim: Callable[[Ground, LifeClock, HeapClock, Random], IClusterShim] = GroundShim


class WatchedController(ClusterController):
    """Tells when its links change.

    :ivar touched: is told.
    """

    touched: Callable[[], None]

    def link_opened(self, link: ILink) -> None:
        """See :meth:`ILinkSink.link_opened`."""
        super().link_opened(link)
        self.touched()

    def link_lost(self, link: ILink, reason: str) -> None:
        """See :meth:`ILinkSink.link_lost`."""
        super().link_lost(link, reason)
        self.touched()


@define(eq=False)
class Node:
    """One controller.

    :ivar host: name of its machine; that of the cluster, but for a duplicate.
    :ivar skew: seconds by which its wall clock is ahead.
    :ivar lives: how often it was started.
    :ivar wiped: the last life whose disk was lost; 0 for none.
    """

    place: Place
    around: Surroundings
    host: str
    skew: float = 0.0
    lives: int = 0
    wiped: int = 0
    running: bool = False
    disk: Disk = field(init=False)
    ground: Ground = field(init=False)
    machine: Machine = field(init=False)
    controller: WatchedController = field(init=False)
    owner: TaskOwner = field(init=False)
    _life: LifeClock = field(init=False)
    _dialler: SimulatedDialler = field(init=False)
    failover: Failover = field(init=False)
    _ghosts: list[SimulatedLink] = field(factory=list)
    _uids: int = 0

    def __attrs_post_init__(self) -> None:
        around = self.around
        self.disk = Disk(around.clock, around.answered_twice)
        self.ground = Ground(self.name, around.happened, lambda uid: self.disk.journal.answer(uid), around.again)
        self.machine = around.network.machine(self.host)
        self.machine.failed = self._failed

    @property
    def name(self) -> str:
        """Of the cluster."""
        return self.place.name

    @property
    def uplink(self) -> SimulatedLink | None:
        """The link to the parent that carries."""
        link = self.controller.uplink.link if self.running else None
        return link if isinstance(link, SimulatedLink) else None

    def now(self) -> float:
        """This machine's wall clock, unix seconds."""
        return WALL + self.around.clock.rightNow + self.skew

    def new_uid(self) -> str:
        """A uid that no other object has."""
        self._uids += 1
        return f"{self.host}-{self._uids:06d}"

    # ---- lives

    def start(self) -> None:
        """Begin a life, from what the disk holds."""
        around = self.around
        self.lives += 1
        life = self._life = LifeClock(around.clock, self._failed, self.lives)
        shim = around.make_shim(self.ground, life, around.clock, around.chance)
        self._compose(life, shim)
        Deferred.fromCoroutine(self._begin(life)).addErrback(self._not_begun)
        ghosts, self._ghosts = self._ghosts, []
        around.network.power_on(self.machine, ghosts)

    def crash(self, power: bool = False) -> None:
        """End a life as kill -9 does, or with its machine."""
        ghosts = [link.far for link in self.machine.links] if power else []
        self._ghosts = sorted(ghosts, key=lambda link: link.machine.name)
        self.running = self._life.alive = False
        self.around.network.reset(self.machine, power)
        self._dialler.vanish()
        self.disk.release()
        self.around.touched(self.host)

    def wipe(self) -> None:
        """The disk is lost."""
        self.disk = Disk(self.around.clock, self.around.answered_twice)
        self.wiped = self.lives

    def submit(self, task: str, selector: str, method: str, url: str, seconds: int) -> str:
        """Create a task here, as the API does; gives its uid."""
        uid = self.new_uid()
        metadata = {"name": task, "namespace": NAMESPACE, "uid": uid, "generation": 1, "creationTimestamp": rfc3339(self.now())}
        spec = {"clusterSelector": selector, "destination": "api", "method": method, "url": url, "deadlineSeconds": seconds}
        value: JSON = {"apiVersion": API_VERSION, "kind": "ClusterController", "metadata": metadata, "spec": spec}
        self.disk.store.create(Key(RESOURCE, NAMESPACE, task), value).addErrback(self._not_begun)
        return f"{uid}.1"

    # ---- inside

    def _compose(self, life: LifeClock, shim: IClusterShim) -> None:
        own = ClusterEntry(self.name, listen=self._listen, labels=self.place.labels, tags=self.place.tags, performs=True)
        settings = ControllerSettings(is_root=not self.place.parents)
        disk, chronicle = self.disk, Chronicle(self.around.events)
        self.controller = WatchedController(
            own, shim, disk.store, life, self.now, self.new_uid, settings, chronicle, disk.kept, disk.journal
        )
        self.owner = TaskOwner(self.name, disk.store, disk.ledger, self.controller, life, self.now)
        self.controller.serve(self.owner)
        self.controller.touched = partial(self.around.touched, self.host)
        self._dialler = SimulatedDialler(self.around.network, self.machine, self.name, self._listen)
        addresses = [ParentAddress(parent, DEFAULT_PORT) for parent in self.place.parents]
        self.failover = Failover(
            self.name, self._listen, addresses, FailoverSettings(), self.controller, self.controller.membership, self._dialler,
            self.disk.kept, self.around.events, life, self._chance(),
        )  # fmt: skip
        self.controller.from_parent.observer = self.failover

    async def _begin(self, life: LifeClock) -> None:
        await self.controller.prepare()
        await self.failover.prepare()
        if not life.alive:
            return
        self.running = True
        self.controller.startService()
        self.owner.startService()
        self.machine.door = Door(self.around.network, self.machine, self.controller)
        self.failover.startService()

    @property
    def _listen(self) -> str:
        return f"{self.host}:{DEFAULT_PORT}"

    def _chance(self) -> Callable[[], float]:
        return Random(f"{self.around.network.seed} {self.host} {self.lives}").random

    def _failed(self) -> None:
        self.around.failed(self.name)

    def _not_begun(self, failure: Any) -> None:
        try:
            failure.raiseException()
        except Exception:
            self._failed()
