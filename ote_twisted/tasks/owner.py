"""The owner of tasks: every ClusterController object of this controller's store, from its creation to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ote_twisted.interfaces import IObjectStore, ITaskCarrier, ITaskLedger, ITaskOwner
from ote_twisted.storage.model import JSON, EventType, Key, StoredObject, StoreEvent
from ote_twisted.tasks.alarms import Alarms
from ote_twisted.tasks.answers import AnswerBuffer
from ote_twisted.tasks.books import object_uid_of
from ote_twisted.tasks.declared import RESOURCE, DeclaredTask, declared
from ote_twisted.tasks.following import Follower
from ote_twisted.tasks.model import UNKNOWN, Answer, LedgerEntry, TargetState
from ote_twisted.tasks.settings import TaskCounters, TaskSettings
from ote_twisted.tasks.tools import Tools
from ote_twisted.tasks.writer import StatusWriter

if TYPE_CHECKING:
    from ote_twisted.tasks.running import RunningTask


@implementer(ITaskOwner)
class TaskOwner(Service):
    """Watches task objects, keeps their books, has them carried to their targets, and writes their status.

    :ivar counters: what it has counted.
    :ivar ready: the objects that were there at the start are known.
    """

    _log = Logger()

    def __init__(
        self,
        cluster: str,
        store: IObjectStore,
        ledger: ITaskLedger,
        carrier: ITaskCarrier,
        clock: IReactorTime,
        now: Callable[[], float],
        settings: TaskSettings | None = None,
    ) -> None:
        """
        :param cluster: name of this controller, for the log.
        :param now: unix seconds.
        """
        self._cluster = cluster
        self._ledger = ledger
        self._carrier = carrier
        self._clock = clock
        self._now = now
        self._settings = settings or TaskSettings()
        self.counters = TaskCounters()
        self.ready = False
        self._alarms = Alarms(clock, now)
        self._answers = AnswerBuffer(ledger, clock, self._settings, self.counters, self._recorded, self._durable)
        self._tools = Tools(
            ledger,
            carrier,
            self._answers,
            StatusWriter(store, self.counters),
            self._alarms,
            now,
            self._settings,
            self.counters,
            DeferredSemaphore(self._settings.loading),
        )
        self._store = store
        self._follower = Follower(store, RESOURCE, self, clock, self._settings.delay)
        self._by_key: dict[Key, RunningTask] = {}
        self._by_object: dict[str, RunningTask] = {}
        self._by_name: dict[str, list[RunningTask]] = {}
        self._kept: dict[str, list[str]] | None = None
        self._early: list[tuple[str, LedgerEntry]] = []
        self._appeared: set[str] = set()
        self._turn: IDelayedCall | None = None

    # ---- service

    def startService(self) -> None:
        """Read what there is, then follow every change."""
        super().startService()
        self._follower.start()

    def stopService(self) -> Deferred[None]:
        """Take nothing more; fires when answers that were held are written and nothing is under way."""
        super().stopService()
        self.ready = False
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._alarms.stop()
        ends = [self._follower.stop(), self._answers.stop(), *(task.stop() for task in self._by_object.values())]
        return DeferredList(ends).addCallback(lambda _: self._alarms.stop())

    # ---- ITaskOwner

    def answered(self, uid: str, name: str, cluster: str, answer: Answer, timestamp: int) -> None:
        """See :meth:`ITaskOwner.answered`."""
        self.counters.answers_received += 1
        entry = self._entry(uid, cluster, answer, timestamp)
        if self.ready:
            self._deliver_answer(name, entry)
        elif len(self._early) < self._settings.early_answers:
            self._early.append((name, entry))
        else:
            self.counters.answers_shed += 1

    def undelivered(self, uid: str, clusters: Sequence[str], reason: str) -> None:
        """See :meth:`ITaskOwner.undelivered`."""
        task = self._by_object.get(object_uid_of(uid))
        if task is not None:
            task.undelivered(uid, clusters, reason)

    def clusters_changed(self, appeared: Sequence[str], lost: Sequence[str]) -> None:
        """See :meth:`ITaskOwner.clusters_changed`. All changes of a turn are looked at together."""
        self._appeared.update(appeared)
        if self._appeared and self._turn is None and self.running:
            self._turn = self._clock.callLater(0, self._clusters_appeared)

    # ---- for the API and for metrics

    def results(self, namespace: str, name: str, limit: int | None = None, continue_: str | None = None) -> Deferred[JSON]:
        """All results of a task, in pages; see :meth:`TaskResults.page`."""
        from ote_twisted.tasks.results import TaskResults  # a controller without tasks does without

        pages = TaskResults(self._store, self._ledger, self._tools.carrier.online)
        return Deferred.fromCoroutine(pages.page(namespace, name, limit, continue_))

    @property
    def tasks_active(self) -> int:
        """Tasks whose deadline is not over."""
        return sum(not task.closed for task in self._by_key.values())

    @property
    def list_retries(self) -> int:
        """How often the list of tasks had to be asked for again."""
        return self._follower.retries

    def targets(self) -> dict[TargetState, int]:
        """Targets of active tasks by state."""
        total = dict.fromkeys(TargetState, 0)
        for task in self._by_key.values():
            for state, count in task.counts().items():
                total[state] += count
        return total

    # ---- answers

    def _durable(self, entries: Iterable[LedgerEntry]) -> None:
        by_uid: dict[str, list[str]] = {}
        for entry in entries:
            by_uid.setdefault(entry.uid, []).append(entry.cluster)
        for uid, clusters in by_uid.items():
            self._carrier.received(uid, clusters)

    def _entry(self, uid: str, cluster: str, answer: Answer, timestamp: int) -> LedgerEntry:
        why = UNKNOWN if answer.unknown else _why_failed(answer.code)
        state = TargetState.FAILED if why else TargetState.DONE
        return LedgerEntry(uid, cluster, state, answer.code, answer.body, answer.truncated, why, timestamp, self._now())

    def _deliver_answer(self, name: str, entry: LedgerEntry) -> None:
        task = self._by_object.get(object_uid_of(entry.uid)) if entry.uid else self._only_named(name)
        if task is None:
            self.counters.answers_unknown += 1
            self._durable([entry] if entry.uid else ())
        else:
            task.answered(entry if entry.uid else evolve(entry, uid=task.task.uid))

    def _only_named(self, name: str) -> RunningTask | None:
        live = [task for task in self._by_name.get(name, ()) if not task.closed]
        return live[0] if len(live) == 1 else None

    def _recorded(self, entries: Sequence[LedgerEntry]) -> None:
        by_uid: dict[str, list[LedgerEntry]] = {}
        for entry in entries:
            by_uid.setdefault(entry.uid, []).append(entry)
        for uid, taken in by_uid.items():
            task = self._by_object.get(object_uid_of(uid))
            if task is not None:
                task.recorded(uid, taken)

    def _clusters_appeared(self) -> None:
        self._turn = None
        appeared, self._appeared = sorted(self._appeared), set()
        for task in list(self._by_key.values()):
            task.clusters_changed(appeared)

    # ---- objects

    async def prepare(self) -> None:
        """See :class:`Followed`. Whatever has books now and no object in the list that follows is an orphan."""
        if self._kept is None:
            self._kept = _by_object(await self._ledger.uids())

    async def listed(self, objects: dict[Key, StoredObject]) -> None:
        """See :class:`Followed`."""
        for key in [key for key in self._by_key if key not in objects]:
            self._remove(key)
        for stored in objects.values():
            self._saw(stored)
        for object_uid in [object_uid for object_uid in self._kept or () if object_uid not in self._by_object]:
            await self._ledger.forget(f"{object_uid}.")
        self._kept = {}
        self._become_ready()

    def changed(self, events: Sequence[StoreEvent]) -> None:
        """See :class:`Followed`."""
        for event in events:
            try:
                self._changed(event)
            except Exception:
                self._log.failure("A change of task {name} was not understood", name=event.object.key.name)

    def _changed(self, event: StoreEvent) -> None:
        running = self._by_key.get(event.object.key)
        if event.type is not EventType.DELETED:
            self._saw(event.object)
        elif running is not None and event.object.version > running.seen:
            self._remove(event.object.key)

    def _become_ready(self) -> None:
        self.ready = True
        early, self._early = self._early, []
        for name, entry in early:
            self._deliver_answer(name, entry)
        self._log.info("{cluster} owns {count} tasks", cluster=self._cluster, count=len(self._by_key))

    def _saw(self, stored: StoredObject) -> None:
        running = self._by_key.get(stored.key)
        if running is not None and stored.version <= running.seen:
            return
        task = declared(stored)
        if running is not None and (task is None or task.object_uid != running.task.object_uid):
            self._remove(stored.key)
            running = None
        if running is not None and task is not None:
            running.declare(task, stored.version)
        elif task is not None:
            self._run(task, stored)

    def _run(self, task: DeclaredTask, stored: StoredObject) -> None:
        from ote_twisted.tasks.running import RunningTask  # a controller without tasks does without

        kept = (self._kept or {}).get(task.object_uid, ())
        running = RunningTask(self._tools, task, stored.version, kept, self._removed)
        self._by_key[stored.key] = running
        self._by_object[task.object_uid] = running
        self._by_name.setdefault(stored.key.name, []).append(running)
        running.wake()

    def _remove(self, key: Key) -> None:
        running = self._by_key.pop(key)
        named = self._by_name[key.name]
        named.remove(running)
        if not named:
            del self._by_name[key.name]
        running.remove()

    def _removed(self, running: RunningTask) -> None:
        if self._by_object.get(running.task.object_uid) is running:
            del self._by_object[running.task.object_uid]


def _by_object(uids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for uid in uids:
        found.setdefault(object_uid_of(uid), []).append(uid)
    return found


def _why_failed(code: int) -> str:
    """Why an answer with this code is a failure; empty if it is none."""
    if 100 <= code < 400:
        return ""
    if code < 100:
        return "the cluster got no answer"
    try:
        return f"answered {code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"answered {code}"
