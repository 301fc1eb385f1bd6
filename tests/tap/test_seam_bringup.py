"""Begin and end of a controller: calls that come too early, a store that refuses, tasks under way at the end."""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.service import ClusterController
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.declarations.load import CLUSTER, TREE, load_kinds
from ote_twisted.errors import StoreUnavailable
from ote_twisted.events.recorder import EventRecorder
from ote_twisted.failover.service import Failover
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.storage.journal_memory import MemoryKeptState
from ote_twisted.storage.ledger_memory import MemoryTaskLedger
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON, Key, StoredObject
from ote_twisted.tap.bringup import RETRY, Bringup
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.testing.pump import MemoryNetwork
from ote_twisted.testing.shim import MemoryShim
from ote_twisted.tunnel.edge import EdgeDialler
from ote_twisted.tunnel.settings import EdgeSettings
from ote_twisted.wire.entry import ClusterEntry
from tests.controller.building import request

PATIENCE = 5.0


class FullStore(MemoryObjectStore):
    """A store on a disk that may be full.

    :ivar full: creations are refused.
    """

    full = False

    def create(self, key: Key, value: JSON) -> Deferred[StoredObject]:
        """See IObjectStore."""
        return fail(StoreUnavailable("the disk under the store is full")) if self.full else super().create(key, value)


class BringupTestCase(SynchronousTestCase):
    """A site over a dictionary."""

    def setUp(self) -> None:
        """Build it."""
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.store = FullStore(self.clock)
        self.shim = MemoryShim(self.clock)
        self.engine = ApiEngine(self.store, load_kinds(TREE + CLUSTER), self.now)
        own = ClusterEntry("c1", performs=True)
        settings = ControllerSettings(is_root=False)
        self.events = EventRecorder("c1", self.store, self.clock, self.now, lambda: "uid")
        self.controller = ClusterController(
            own, self.shim, self.store, self.clock, self.now, lambda: "uid", settings, Chronicle(self.events), MemoryKeptState()
        )
        owner = TaskOwner("c1", self.store, MemoryTaskLedger(), self.controller, self.clock, self.now)
        self.controller.serve(owner)
        dialler = EdgeDialler("c1", EdgeSettings(), self.clock, self.network.dialler("c1"))
        failover = Failover(
            "c1", "", (), FailoverSettings(), self.controller, self.controller.membership, dialler, MemoryKeptState(),
            self.events, self.clock, lambda: 0.5,
        )  # fmt: skip
        self.bringup = Bringup(self.engine, self.controller, owner, failover, self.events, self.clock, PATIENCE)
        self.addCleanup(self.stop)

    def now(self) -> float:
        """Unix seconds."""
        return 1_700_000_000.0 + self.clock.seconds()

    def stop(self) -> None:
        """Whatever happened, nothing is left on the clock."""
        if self.bringup.running:
            stopped = self.bringup.stopService()
            self.clock.advance(PATIENCE)
            self.successResultOf(stopped)
        self.clock.advance(1)
        self.store.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def call(self, uri: str, method: str = "GET") -> tuple[int, Any, ApiResponse]:
        """Code, body and answer of a call."""
        answer = self.successResultOf(self.engine.handle(ApiRequest(method, uri)))
        return answer.code, orjson.loads(answer.body), answer


class StartTests(BringupTestCase):
    """The begin."""

    def test_calls_before_the_start(self) -> None:
        """A call that comes before the engine has started gets a 503 that says so and asks to come again."""
        code, status, answer = self.call("/api/v1/namespaces/default/configmaps")
        self.assertEqual((code, status["reason"], status["message"]), (503, "ServiceUnavailable", "the API is starting"))
        self.assertEqual(answer.headers["retry-after"], "1")
        watch = self.successResultOf(self.engine.open_watch(ApiRequest("GET", "/api/v1/configmaps?watch=1"), lambda lines: None))
        self.assertEqual(getattr(watch, "code", None), 503)

    def test_what_needs_no_store_is_there(self) -> None:
        """The version is told before the start, so that kubectl finds a server."""
        self.assertEqual(self.call("/version")[0], 200)

    def test_calls_after_the_start_and_after_the_stop(self) -> None:
        """Calls are answered while everything runs, and with a 503 once it stops."""
        self.bringup.startService()
        self.assertEqual(self.call("/api/v1/namespaces/default/configmaps")[0], 200)
        self.stop()
        self.assertEqual(self.call("/api/v1/namespaces/default/configmaps")[1]["message"], "the API is stopping")

    def test_a_full_disk_is_waited_for(self) -> None:
        """A store that refuses the first writes delays the start, says why, and costs nothing else when it has room again."""
        self.store.full = True
        self.bringup.startService()
        self.clock.pump([RETRY] * 3)
        self.assertFalse(self.bringup.started)
        self.assertEqual(self.bringup.why_not, "the controller waits for its store: the disk under the store is full")
        self.store.full = False
        self.clock.advance(RETRY)
        self.assertTrue(self.bringup.started)
        self.assertEqual(self.call("/api/v1/namespaces/default/configmaps")[0], 200)

    def test_a_stop_while_starting(self) -> None:
        """A controller that is stopped before it could start leaves nothing behind and logs no fault."""
        self.store.full = True
        self.bringup.startService()
        self.stop()
        self.assertEqual((self.bringup.started, self.shim.cluster), (False, ""))


class StopTests(BringupTestCase):
    """The end."""

    def setUp(self) -> None:
        """A site with a task under way."""
        super().setUp()
        self.bringup.startService()
        self.shim.script(delay=3)
        self.controller.performer.perform(request("c1", uid="u1"))

    def test_what_runs_is_waited_for(self) -> None:
        """A stop waits for the task under way and keeps its answer."""
        stopped = self.bringup.stopService()
        self.clock.advance(2.9)
        self.assertNoResult(stopped)
        self.assertEqual(self.bringup.why_not, "the controller is stopping")
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual((len(self.controller.outbox), self.shim.cancelled), (1, []))

    def test_not_for_ever(self) -> None:
        """A task that takes longer than the patience is given up, and the stop goes on."""
        self.shim.script(delay=1000)
        self.controller.performer.perform(request("c1", uid="u2"))
        stopped = self.bringup.stopService()
        self.clock.advance(PATIENCE)
        self.successResultOf(stopped)
        self.assertEqual([task.uid for task in self.shim.cancelled], ["u2"])
