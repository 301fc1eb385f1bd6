"""What a simulated controller stands on: a cluster whose effects are counted, and a disk; both outlive its process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from ote_twisted.interfaces import IClusterShim, IRepeatableShim, IShimHost
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal, MemoryKeptState
from ote_twisted.storage.ledger_memory import MemoryTaskLedger
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, LedgerEntry, Task
from ote_twisted.testing.simulation.clock import HeapClock, LifeClock

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Verbs of which a second time changes nothing."""

SLOWEST = 0.5
"""Seconds that a task takes at most."""

KEPT_VERSIONS = 256

Effect = tuple[float, int]
Happened = Callable[["Ground", Task, tuple[Effect, ...]], None]


class WatchedLedger(MemoryTaskLedger):
    """Tells when a target that has an answer is given another."""

    def __init__(self, twice: Callable[[LedgerEntry], None]) -> None:
        super().__init__()
        self._twice = twice
        self._answered: set[tuple[str, str]] = set()

    def record(self, entries: Sequence[LedgerEntry]) -> Deferred[Sequence[LedgerEntry]]:
        """See :class:`ITaskLedger`."""
        return super().record(entries).addCallback(self._recorded)

    def _recorded(self, written: Sequence[LedgerEntry]) -> Sequence[LedgerEntry]:
        for entry in written:
            if (entry.uid, entry.cluster) in self._answered:
                self._twice(entry)
            self._answered.add((entry.uid, entry.cluster))
        return written


class Disk:
    """Everything that a controller keeps."""

    def __init__(self, clock: HeapClock, twice: Callable[[LedgerEntry], None]) -> None:
        """:param twice: is told an answer to a target that has one."""
        self.store = MemoryObjectStore(clock, Limits(kept_versions=KEPT_VERSIONS))
        self.ledger = WatchedLedger(twice)
        self.journal = MemoryDeliveryJournal()
        self.kept = MemoryKeptState()

    def release(self) -> None:
        """The process that used it is gone."""
        self.store.stop()


@define(eq=False)
class Ground:
    """One cluster. What a task did to it stays, whatever becomes of the controller that asked for it.

    :ivar effects: task generation -> its effects here: when, and in which life of the controller it was begun.
    :ivar happened: is told each effect.
    :ivar kept: what the controller's disk has of the answer to a task generation.
    :ivar again: is told a task that is performed although there is an answer.
    """

    name: str
    happened: Happened
    kept: Callable[[str], Deferred[Answer | None]]
    again: Callable[[Ground, Task], None]
    effects: dict[str, tuple[Effect, ...]] = field(factory=dict)

    def begin(self, task: Task) -> None:
        """The controller has a task performed."""
        self.kept(task.uid).addCallback(lambda answer: None if answer is None else self.again(self, task))

    def act(self, task: Task, at: float, life: int) -> None:
        """The task takes effect."""
        effects = self.effects[task.uid] = (*self.effects.get(task.uid, ()), (at, life))
        self.happened(self, task, effects)


@implementer(IClusterShim, IRepeatableShim)
class GroundShim:
    """Performs tasks on a :class:`Ground` for one life of its controller. Each takes some time, and takes effect at its end
    or at its beginning; whatever was begun takes effect even if the controller is gone by then."""

    def __init__(self, ground: Ground, life: LifeClock, steady: HeapClock, chance: Random) -> None:
        """:param steady: the clock of the cluster."""
        self._ground = ground
        self._life = life
        self._steady = steady
        self._chance = chance

    def start(self, cluster: str, host: IShimHost) -> Deferred[None]:
        """See :meth:`IClusterShim.start`."""
        host.shim_state(True, "a simulated cluster is always there")
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """See :meth:`IClusterShim.stop`."""
        return succeed(None)

    def perform(self, task: Task) -> Deferred[Answer]:
        """See :meth:`IClusterShim.perform`."""
        self._ground.begin(task)
        seconds = self._chance.random() * SLOWEST
        if self._chance.random() < 0.5:
            self._act(task)
        else:
            self._steady.callLater(seconds, self._act, task)
        answered: Deferred[Answer] = Deferred()
        self._life.callLater(seconds, self._answer, answered, task)
        return answered

    def describe(self) -> Deferred[JSON]:
        """See :meth:`IClusterShim.describe`."""
        return succeed({"kind": "simulated", "version": "1", "nodes": 1})

    def repeatable(self, task: Task) -> bool:
        """See :meth:`IRepeatableShim.repeatable`."""
        return task.method in REPEATABLE

    def _act(self, task: Task) -> None:
        self._ground.act(task, self._steady.rightNow, self._life.number)

    def _answer(self, answered: Deferred[Answer], task: Task) -> None:
        if not answered.called:
            answered.callback(Answer(200, f"{self._ground.name} {task.uid}".encode()))
