"""An owner of tasks with a store, a ledger, a tree and a clock that tests hold in their hands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ote_twisted.errors import StoreUnavailable
from ote_twisted.interfaces import IObjectStore, ITaskLedger
from ote_twisted.storage.ledger_memory import MemoryTaskLedger
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON, Key, Page, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.tasks.declared import RESOURCE, write_time
from ote_twisted.tasks.model import Answer, LedgerEntry, TargetState
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.tasks.settings import TaskSettings
from ote_twisted.testing.carrier import RecordingCarrier

EPOCH = 1_700_000_000.0
"""Unix seconds at which every test begins."""

NAMESPACE = "kube-system"


class Gate:
    """Lets calls through, fails them, or keeps them waiting.

    :ivar full: writes fail as on a full disk.
    :ivar waiting: while a list, writes wait in it for :meth:`open`.
    """

    def __init__(self) -> None:
        self.full = False
        self.waiting: list[tuple[Deferred[None], Callable[[], Deferred[Any]]]] | None = None
        self.calls: Counter[str] = Counter()

    def write(self, name: str, call: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        """Make a call, or not."""
        self.calls[name] += 1
        if self.full:
            return fail(StoreUnavailable("the disk is full"))
        if self.waiting is None:
            return call()
        turn: Deferred[None] = Deferred()
        self.waiting.append((turn, call))
        return turn.addCallback(lambda _: call())

    def open(self) -> None:
        """Let everything through that waits."""
        waiting, self.waiting = self.waiting or [], None
        for turn, _ in waiting:
            turn.callback(None)


@implementer(ITaskLedger)
class GatedLedger:
    """A memory ledger behind a gate.

    :ivar rows: how many rows each operation was about.
    """

    def __init__(self) -> None:
        self.inner = MemoryTaskLedger()
        self.gate = Gate()
        self.rows: Counter[str] = Counter()

    def add(self, uid: str, clusters: Sequence[str], state: TargetState) -> Deferred[None]:
        self.rows["add"] += len(clusters)
        return self.gate.write("add", lambda: self.inner.add(uid, clusters, state))

    def mark(self, uid: str, clusters: Sequence[str], state: TargetState, why: str = "") -> Deferred[None]:
        self.rows["mark"] += len(clusters)
        return self.gate.write("mark", lambda: self.inner.mark(uid, clusters, state, why))

    def record(self, entries: Sequence[LedgerEntry]) -> Deferred[Sequence[LedgerEntry]]:
        self.rows["record"] += len(entries)
        return self.gate.write("record", lambda: self.inner.record(entries))

    def counts(self, uid: str) -> Deferred[dict[TargetState, int]]:
        return self.inner.counts(uid)

    def page(
        self, uid: str, limit: int, after: str | None = None, states: Iterable[TargetState] | None = None
    ) -> Deferred[Sequence[LedgerEntry]]:
        self.gate.calls["page"] += 1
        return self.inner.page(uid, limit, after, states)

    def forget(self, uid_prefix: str) -> Deferred[None]:
        return self.gate.write("forget", lambda: self.inner.forget(uid_prefix))

    def uids(self) -> Deferred[Sequence[str]]:
        return fail(StoreUnavailable("the disk is full")) if self.gate.full else self.inner.uids()


@implementer(IObjectStore)
class GatedStore:
    """A memory store whose updates stand behind a gate.

    :ivar before_update: called before each update, e.g. to be another writer.
    """

    def __init__(self, clock: Clock) -> None:
        self.inner = MemoryObjectStore(clock)
        self.gate = Gate()
        self.before_update: Callable[[], None] = lambda: None

    def version(self) -> ResourceVersion:
        return self.inner.version()

    def get(self, key: Key) -> Deferred[StoredObject]:
        return self.inner.get(key)

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        limit: int | None = None,
        continue_key: str | None = None,
        label_equals: tuple[str, str] | None = None,
    ) -> Deferred[Page]:
        return self.inner.list(resource, namespace, limit, continue_key, label_equals)

    def create(self, key: Key, value: JSON) -> Deferred[StoredObject]:
        return self.inner.create(key, value)

    def update(self, key: Key, value: JSON, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        self.before_update()
        return self.gate.write("update", lambda: self.inner.update(key, value, expected))

    def delete(self, key: Key, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        return self.inner.delete(key, expected)

    def watch(self, resource: str, since: ResourceVersion, deliver: Callable[[Sequence[StoreEvent]], None]) -> Any:
        return self.inner.watch(resource, since, deliver)


class World:
    """Everything round one owner."""

    def __init__(self, test: SynchronousTestCase, settings: TaskSettings | None = None) -> None:
        self.test = test
        self.settings = settings
        self.clock = Clock()
        self.skew = 0.0
        self.store = GatedStore(self.clock)
        self.ledger = GatedLedger()
        self.carrier = RecordingCarrier()
        self.owner = self._owner()
        self._created = 0

    def now(self) -> float:
        """Unix seconds."""
        return EPOCH + self.clock.seconds() + self.skew

    def _owner(self) -> TaskOwner:
        return TaskOwner("root", self.store, self.ledger, self.carrier, self.clock, self.now, self.settings)

    def start(self) -> World:
        """Start the owner; it is stopped at the end of the test, and must leave a silent clock."""
        self.owner.startService()
        self.test.addCleanup(self._end)
        self.turn()
        return self

    def _end(self) -> None:
        if self.owner.running:
            self.test.successResultOf(self.owner.stopService())
        self.store.inner.stop()
        self.test.assertEqual(self.clock.getDelayedCalls(), [])

    def restart(self) -> None:
        """Stop the owner as a crash would, and start another on the same books."""
        stopped = self.owner.stopService()
        self.turn()
        self.test.successResultOf(stopped)
        self.owner = self._owner()
        self.owner.startService()
        self.turn()

    def turn(self, turns: int = 6) -> None:
        """Let reactor turns pass, but no time."""
        for _ in range(turns):
            self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """Let time pass, with its turns."""
        self.clock.advance(seconds)
        self.turn()

    # ---- the tree

    def join(self, *names: str, **labels: str) -> None:
        """Clusters come online and are told."""
        for name in names:
            self.carrier.join(name, labels)
        self.owner.clusters_changed(names, ())
        self.turn()

    def leave(self, *names: str) -> None:
        """Clusters go offline and are told."""
        for name in names:
            self.carrier.leave(name)
        self.owner.clusters_changed((), names)
        self.turn()

    def answer(self, *clusters: str, task: str = "t", code: int = 200, body: bytes = b"{}", uid: str | None = None) -> None:
        """Clusters answer the present generation of a task."""
        for cluster in clusters:
            self.owner.answered(self.uid(task) if uid is None else uid, task, cluster, Answer(code, body), 1_600_000_000)
        self.turn()

    # ---- the objects, as an API server writes them

    def create(self, name: str = "t", selector: str = "*", namespace: str = NAMESPACE, **spec: Any) -> None:
        """Create a task object."""
        self._created += 1
        value = {
            "apiVersion": "ote.baidu.com/v1",
            "kind": "ClusterController",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"{self._created:04x}",
                "generation": 1,
                "creationTimestamp": write_time(self.now()),
            },
            "spec": {"clusterSelector": selector, "destination": "api", "method": "GET", "url": "/version", **spec},
        }
        self.test.successResultOf(self.store.inner.create(self.key(name, namespace), value))
        self.turn()

    def change(self, name: str = "t", **spec: Any) -> None:
        """Change a task's spec."""
        value = self.value(name)
        value["spec"].update(spec)
        value["metadata"]["generation"] += 1
        self._put(name, value)

    def label(self, name: str = "t", **labels: str) -> None:
        """Change a task's labels, which is no new generation."""
        value = self.value(name)
        value["metadata"]["labels"] = labels
        self._put(name, value)

    def _put(self, name: str, value: JSON) -> None:
        self.test.successResultOf(self.store.inner.update(self.key(name), value, None))

    def delete(self, name: str = "t") -> None:
        """Delete a task object."""
        self.test.successResultOf(self.store.inner.delete(self.key(name), None))
        self.turn()

    def key(self, name: str, namespace: str = NAMESPACE) -> Key:
        """Where a task object lives."""
        return Key(RESOURCE, namespace, name)

    def value(self, name: str = "t") -> JSON:
        """A task object as stored."""
        stored: JSON = orjson.loads(self.test.successResultOf(self.store.inner.get(self.key(name))).value)
        return stored

    def uid(self, name: str = "t") -> str:
        """The present generation of a task."""
        metadata = self.value(name)["metadata"]
        return f"{metadata['uid']}.{metadata['generation']}"

    def status(self, name: str = "t") -> JSON:
        """The status of a task object after all pacing."""
        self.wait(1.0)
        status: JSON = self.value(name).get("status", {})
        return status

    def states(self, name: str = "t") -> dict[str, str]:
        """State of each target as the status shows it."""
        return {cluster: entry["state"] for cluster, entry in self.status(name)["clusters"].items()}

    def condition(self, type: str, name: str = "t") -> JSON:
        """One condition of a task."""
        return next(condition for condition in self.status(name)["conditions"] if condition["type"] == type)

    def complete(self, name: str = "t") -> bool:
        """Condition ``Complete``."""
        return bool(self.condition("Complete", name)["status"] == "True")

    def books(self, uid: str) -> dict[str, str]:
        """What the ledger keeps."""
        page = self.test.successResultOf(self.ledger.inner.page(uid, 100_000))
        return {entry.cluster: str(entry.state) for entry in page}
