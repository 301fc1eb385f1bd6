"""A whole tree in one process and in virtual time: real controllers, protocols, owners; memory network, stores, shims.

::

    tree = MemoryTree()
    tree.add("root")
    tree.add("north", parents=["root"], labels={"region": "north"})
    tree.settle()
    tree.node("root").submit("t1", "*", "PUT", "/a", "1")
    tree.settle()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import orjson
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.objects import NAMESPACE, RESOURCE, key_of
from ote_twisted.controller.service import ClusterController
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.failover.service import Failover
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.interfaces import IClusterShim
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal, MemoryKeptState
from ote_twisted.storage.ledger_memory import MemoryTaskLedger
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON, Key
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.testing.events import MemoryEventRecorder
from ote_twisted.testing.pump import MemoryNetwork
from ote_twisted.testing.shim import MemoryShim
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.edge import EdgeDialler
from ote_twisted.tunnel.settings import CloudSettings, EdgeSettings
from ote_twisted.wire.entry import ClusterEntry

PORT = 8287
TASKS = "clustercontrollers.ote.baidu.com"
WALL = 1_800_000_000.0
"""Unix seconds at which every tree begins."""


@define(eq=False)
class MemoryNode:
    """One controller of the tree with everything it is made of. What is on "disk" (store, ledger, journal, kept values)
    survives :meth:`crash`.

    :ivar host: the machine that it runs on, for partitions.
    :ivar performed: URIs of the tasks that its shims performed, over all its lives.
    :ivar events: what it recorded, over all its lives.
    """

    name: str
    network: MemoryNetwork
    parents: Sequence[str]
    labels: Mapping[str, str]
    tags: tuple[str, ...]
    v2: bool
    performs: bool
    skew: float
    host: str
    store: MemoryObjectStore
    settings: FailoverSettings
    ledger: MemoryTaskLedger = field(factory=MemoryTaskLedger)
    journal: MemoryDeliveryJournal = field(factory=MemoryDeliveryJournal)
    kept: MemoryKeptState = field(factory=MemoryKeptState)
    events: MemoryEventRecorder = field(init=False)
    shim: MemoryShim = field(init=False)
    controller: ClusterController = field(init=False)
    owner: TaskOwner = field(init=False)
    cloud: CloudTunnel = field(init=False)
    edge: EdgeDialler = field(init=False)
    failover: Failover = field(init=False)
    running: bool = False
    _uids: int = 0
    _earlier: list[str] = field(factory=list)
    _chance: Callable[[], float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.events = MemoryEventRecorder(self.name, self.network.clock.seconds)
        self._chance = Random(self.host).random

    @property
    def performed(self) -> list[str]:
        """See above."""
        present = [task.uri for task in self.shim.performed] if hasattr(self, "shim") else []
        return [*self._earlier, *present]

    def start(self) -> None:
        """Begin a life, from what the store holds."""
        clock = self.network.clock
        self._earlier = self.performed
        self.shim = MemoryShim(clock)
        self.controller = self._make_controller(clock)
        self.owner = TaskOwner(self.name, self.store, self.ledger, self.controller, clock, self.now)
        self.controller.serve(self.owner)
        self.cloud = CloudTunnel([self.network.server_endpoint(self.host, PORT)], self.controller, CloudSettings(), clock)
        self._make_failover(clock)
        _result(Deferred.fromCoroutine(self.controller.prepare()))
        _result(Deferred.fromCoroutine(self.failover.prepare()))
        for service in (self.controller, self.owner, self.cloud, self.failover):
            service.startService()
        self.running = True

    def stop(self) -> None:
        """End a life in good order."""
        for service in (self.failover, self.cloud, self.owner, self.controller):
            service.stopService()
        self.running = False

    def crash(self) -> None:
        """End a life as kill -9 does: links are reset, nothing is said, and nothing more is written."""
        self.network.reset(self.host)
        self.broken = True
        self.stop()
        self.broken = False

    @property
    def broken(self) -> bool:
        """Books, journal and kept values take no writes, as on a full disk."""
        return self.journal.broken

    @broken.setter
    def broken(self, broken: bool) -> None:
        self.ledger.broken = self.journal.broken = self.kept.broken = broken

    def now(self) -> float:
        """This machine's wall clock, unix seconds."""
        return WALL + self.network.clock.seconds() + self.skew

    def submit(self, name: str, selector: str, method: str = "GET", url: str = "/", body: str = "", **spec: Any) -> None:
        """Create a task here, as the API does."""
        value = {
            "apiVersion": "ote.baidu.com/v1",
            "kind": "ClusterController",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": self.new_uid(),
                "generation": 1,
                "creationTimestamp": rfc3339(self.now()),
            },
            "spec": {"clusterSelector": selector, "destination": "api", "method": method, "url": url, "body": body, **spec},
        }
        _result(self.store.create(Key(TASKS, NAMESPACE, name), value))

    def withdraw(self, name: str) -> None:
        """Delete a task here."""
        _result(self.store.delete(Key(TASKS, NAMESPACE, name), None))

    def read_task(self, name: str) -> JSON:
        """A task's object."""
        return self._read(Key(TASKS, NAMESPACE, name))

    def status(self, name: str) -> JSON:
        """A task's status."""
        status: JSON = self.read_task(name).get("status", {})
        return status

    def cluster(self, name: str) -> JSON:
        """A Cluster object as this controller serves it."""
        return self._read(key_of(name))

    def clusters(self) -> dict[str, str]:
        """Name to ``online`` or ``offline``, of every Cluster object here."""
        items = _result(self.store.list(RESOURCE)).items
        values = [orjson.loads(item.value) for item in items]
        return {value["metadata"]["name"]: value["status"]["status"] for value in values}

    def new_uid(self) -> str:
        """A uid that no other object has."""
        self._uids += 1
        return f"{self.name}-{self._uids:08d}"

    def _read(self, key: Key) -> JSON:
        value: JSON = orjson.loads(_result(self.store.get(key)).value)
        return value

    def _make_controller(self, clock: Clock) -> ClusterController:
        own = ClusterEntry(self.name, listen=f"{self.host}:{PORT}", labels=self.labels, tags=self.tags, performs=self.performs)
        shim: IClusterShim | None = self.shim if self.performs else None
        settings = ControllerSettings(is_root=not self.parents)
        return ClusterController(
            own, shim, self.store, clock, self.now, self.new_uid, settings, Chronicle(self.events), self.kept, self.journal
        )

    def _make_failover(self, clock: Clock) -> None:
        addresses = [ParentAddress(parent, PORT) for parent in self.parents]
        advertised = f"{self.host}:{PORT}"
        subprotocols = EdgeSettings().subprotocols if self.v2 else ()
        settings = EdgeSettings(advertise=advertised, subprotocols=subprotocols)
        controller = self.controller
        self.edge = EdgeDialler(self.name, settings, clock, self.network.dialler(self.host))
        self.failover = Failover(
            self.name, advertised, addresses, self.settings, controller, controller.membership, self.edge, self.kept,
            self.events, clock, self._chance,
        )  # fmt: skip
        controller.from_parent.observer = self.failover


class MemoryTree:
    """Controllers over one in-memory network.

    :ivar network: for partitions, time and flushing.
    """

    def __init__(self, settings: FailoverSettings | None = None) -> None:
        """:param settings: how its controllers look for parents."""
        self.network = MemoryNetwork(Clock())
        self._settings = settings or FailoverSettings()
        self.nodes: dict[str, MemoryNode] = {}

    def add(
        self,
        name: str,
        parents: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        tags: tuple[str, ...] = (),
        v2: bool = True,
        performs: bool = True,
        skew: float = 0.0,
        host: str = "",
        start: bool = True,
    ) -> MemoryNode:
        """Add a controller, started unless told otherwise.

        :param parents: their host names, in order of preference.
        :param skew: seconds by which its wall clock is ahead.
        :param host: the machine that it runs on, unless it is called like the cluster.
        """
        store = MemoryObjectStore(self.network.clock)
        node = MemoryNode(
            name, self.network, parents, labels or {}, tags, v2, performs, skew, host or name, store, self._settings
        )
        self.nodes[host or name] = node
        if start:
            node.start()
        return node

    def node(self, name: str) -> MemoryNode:
        """The controller of that name; one with a host of its own, by that."""
        return self.nodes[name]

    def settle(self, seconds: float = 3.0) -> None:
        """Let things happen for a while."""
        self.network.advance(seconds)

    def performers(self, uri: str) -> dict[str, int]:
        """How often each cluster performed tasks for that URI in its present life; those that did not are left out."""
        counts = {name: sum(task.uri == uri for task in node.shim.performed) for name, node in self.nodes.items()}
        return {name: count for name, count in counts.items() if count}

    def stop(self) -> None:
        """Stop every controller and let what is under way end."""
        for node in self.nodes.values():
            if node.running:
                node.stop()
        self.network.advance(5.0)


def _result(deferred: Deferred[Any]) -> Any:
    """The result of a Deferred that has fired."""
    results: list[Any] = []
    failures: list[Any] = []
    deferred.addCallbacks(results.append, failures.append)
    if failures:
        failures[0].raiseException()
    return results[0]
