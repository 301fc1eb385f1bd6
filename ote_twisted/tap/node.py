"""One controller put together from its configuration: what ``twistd ote-controller`` runs once and ``otectl demo`` many times."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger

from ote_twisted import __version__
from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.listener import ApiListener, ApiSite, ListenerLimits, PlainPage
from ote_twisted.api.status import Cause
from ote_twisted.config.model import ControllerConfig
from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.pace import PaceLimits
from ote_twisted.controller.performing import PerformingLimits
from ote_twisted.controller.reviews import ControllerStatuses, SelectionReviews
from ote_twisted.controller.service import ClusterController
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.declarations.load import CLUSTER, TREE, load_kinds
from ote_twisted.events.recorder import EventRecorder
from ote_twisted.failover.report import report
from ote_twisted.failover.service import Failover
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.interfaces import IVirtualResource
from ote_twisted.observability.exposition import Exposition
from ote_twisted.observability.health import HealthChecks
from ote_twisted.observability.lifecycle import OrderedServices
from ote_twisted.observability.metrics import Measure
from ote_twisted.storage.model import JSON
from ote_twisted.tap.bringup import Bringup, Listening
from ote_twisted.tap.measures import event_measures, failover_measures, measures
from ote_twisted.tap.parts import TASK_SECONDS, make_shim, open_storage, own_tunnel, time_limits
from ote_twisted.tap.watching import delivery_measures, history_measures, shim_measures
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.tasks.settings import TaskSettings
from ote_twisted.tasks.validate import validate_task
from ote_twisted.tunnel.address import parse_parent
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.edge import EdgeDialler
from ote_twisted.tunnel.endpoints import ParentEndpoints, tunnel_listener
from ote_twisted.tunnel.masking import check_nvx
from ote_twisted.tunnel.settings import CloudSettings, EdgeSettings
from ote_twisted.wire.entry import ClusterEntry

TASKS = "clustercontrollers.ote.baidu.com"


class ControllerNode(OrderedServices):
    """A controller and everything it is made of.

    :ivar site: what the API listener serves; also usable without one.
    :ivar shim: the shim, or ``None`` for a controller without a cluster.
    """

    _node_log = Logger()

    def __init__(self, config: ControllerConfig, reactor: Any, also: Iterable[Measure] = ()) -> None:
        """Open the store and build; nothing runs yet.

        :param also: measures of whatever is round it, shown with its own.
        :raise ote_twisted.errors.OTEError: the configuration or the store is unusable.
        """
        super().__init__(reactor, config.stop_timeout)
        self.config = config
        self._reactor = reactor
        self.storage = open_storage(config, reactor)
        virtual: dict[str, IVirtualResource] = {}
        subresources: dict[tuple[str, str], Any] = {}
        self.engine = ApiEngine(
            self.storage.objects,
            load_kinds(TREE + CLUSTER if config.shim == "embedded" else TREE),
            time.time,
            __version__,
            {TASKS: _task_faults},
            virtual,
            subresources,
        )
        self.events = EventRecorder(config.name, self.storage.objects, reactor, time.time, _uid)
        self.controller = self._make_controller()
        ledger, objects = self.storage.ledger, self.storage.objects
        settings = TaskSettings(default_deadline=config.task_deadline)
        self.owner = TaskOwner(config.name, objects, ledger, self.controller, reactor, time.time, settings)
        self.controller.serve(self.owner)
        self.cloud = self._make_cloud()
        self.edge = self._make_edge()
        self.failover = self._make_failover()
        self.controller.from_parent.observer = self.failover
        patience = config.stop_timeout / 2
        self.bringup = Bringup(self.engine, self.controller, self.owner, self.failover, self.events, reactor, patience)
        self.ready = HealthChecks("readyz", self._ready_checks())
        self.live = HealthChecks("livez", {"ping": lambda: None})
        self._fill(virtual, subresources)
        self.site = ApiSite(self.engine, reactor, self._pages(), ListenerLimits(body_bytes=config.limit.api_body))
        self.metrics = Exposition("ote-controller", config.name, [*self._measures(), *also])
        self.api = ApiListener(serverFromString(reactor, config.api), self.site) if config.api else None
        self._assemble()

    @property
    def api_port(self) -> int:
        """The port that the API listens on, 0 when there is none."""
        port = self.api.port if self.api is not None else None
        return _port(port.getHost()) if port is not None else 0

    @property
    def tunnel_port(self) -> int:
        """The first port that children may join, 0 when there is none."""
        addresses = self.cloud.addresses
        return _port(addresses[0]) if addresses else 0

    def startService(self) -> None:
        """Listen, then begin.

        :raise SystemExit: an endpoint cannot be had; the text is one line for people.
        """
        if (warning := check_nvx()) is not None:
            self._node_log.warn("{warning}", warning=warning)
        try:
            super().startService()
        except CannotListenError as fault:
            raise SystemExit(f"ote-controller {self.config.name}: cannot listen: {fault}") from None

    def reload(self, config: ControllerConfig) -> None:
        """Apply what may change in a running controller: labels and tags."""
        self.controller.relabel(dict(config.labels), config.tags)

    def _assemble(self) -> None:
        self.addService(self.storage)
        if self.api is not None:
            self.addService(Listening(self.api))
        self.addService(self.cloud)
        self.addService(self.bringup)

    def _make_controller(self) -> ClusterController:
        config = self.config
        own = ClusterEntry(
            config.name,
            listen=config.advertise or "",
            labels=config.labels,
            tags=config.tags,
            performs=config.shim != "none",
            user_defined_name=config.user_defined_name or config.name,
            version=__version__,
        )
        settings = ControllerSettings(
            is_root=not config.parents,
            performing=PerformingLimits(seconds=TASK_SECONDS, answer_body=config.limit.answer_body),
            full_link=config.limit.queue_hard // 2,
            outbox=config.limit.outbox,
            remembered=config.limit.performed,
            remembered_bytes=config.limit.performed_bytes,
            leaf=not config.tunnels,
            status_interval=config.status_interval,
            admission=PaceLimits(config.admission.rate, config.admission.burst),
            forget_after=config.forget_after,
        )
        self.shim = make_shim(config, self.engine, self._reactor)
        shim = None if self.shim is None else self.shim.shim
        chronicle = Chronicle(self.events)
        objects, kept, journal = self.storage.objects, self.storage.kept, self.storage.journal
        return ClusterController(own, shim, objects, self._reactor, time.time, _uid, settings, chronicle, kept, journal)

    def _make_cloud(self) -> CloudTunnel:
        config = self.config
        endpoints = [tunnel_listener(self._reactor, text) for text in config.tunnels]
        settings = CloudSettings(
            time_limits(config),
            config.limit.message,
            config.limit.queue_high,
            config.limit.queue_high // 4,
            config.limit.queue_hard,
        )
        return CloudTunnel(endpoints, self.controller, settings, self._reactor)

    def _make_edge(self) -> EdgeDialler:
        config = self.config
        settings = EdgeSettings(
            time_limits(config),
            config.limit.message,
            config.limit.queue_high,
            config.limit.queue_high // 4,
            config.limit.queue_hard,
            advertise=config.advertise or own_tunnel(config),
            user_defined_name=config.user_defined_name or config.name,
        )
        endpoint = ParentEndpoints(self._reactor, optionsForClientTLS, config.proxy or "")
        return EdgeDialler(config.name, settings, self._reactor, endpoint)

    def _make_failover(self) -> Failover:
        config, controller = self.config, self.controller
        parents = [parse_parent(text) for text in config.parents]
        settings = FailoverSettings(
            learn=config.failover,
            settle=config.settle,
            settle_cap=max(config.settle, FailoverSettings().settle_cap),
            attempt=max(config.attempt_timeout, 0.1),
            attempt_cap=2 * config.handshake_timeout,
        )
        return Failover(
            config.name, config.advertise or "", parents, settings, controller, controller.membership, self.edge,
            self.storage.kept, self.events, self._reactor, random.random,
        )  # fmt: skip

    def _fill(self, virtual: dict[str, IVirtualResource], subresources: dict[tuple[str, str], Any]) -> None:
        virtual["selectionreviews.ote-twisted.dev"] = SelectionReviews(self.controller)
        virtual["controllerstatuses.ote-twisted.dev"] = ControllerStatuses(
            self.controller, self._reactor, time.time, time.time(), self.config.shim, self._uplink_status, self._not_ready
        )
        subresources[TASKS, "results"] = self.owner.results

    def _uplink_status(self) -> JSON:
        return report(self.failover, self._reactor.seconds())

    def _not_ready(self) -> list[str]:
        return [f"{name}: {reason}" for name, reason in self.ready.failing().items()]

    def _ready_checks(self) -> dict[str, Callable[[], str | None]]:
        controller = self.controller
        return {
            "started": lambda: None if self.bringup.started else self.bringup.why_not,
            "tasks": lambda: None if self.owner.ready else "the tasks in the store are being read",
            "shim": lambda: None if controller.own_status.state.ready else controller.own_status.state.reason,
            "parent": lambda: None if not self.config.parents or controller.parent_answered else "no parent has answered yet",
        }

    def _pages(self) -> dict[bytes, PlainPage]:
        return {
            b"/metrics": lambda query: self.metrics.render(),
            b"/livez": lambda query: self.live.render(b"verbose" in query),
            b"/readyz": lambda query: self.ready.render(b"verbose" in query),
        }

    def _measures(self) -> list[Measure]:
        site = self.site if self.config.api else None
        return [
            *measures(self.controller, self.owner, self.storage, self.cloud, self.edge, self.engine, site),
            *event_measures(self.events),
            *failover_measures(self.failover),
            *history_measures(self.controller.performer.memory.table),
            *delivery_measures(self.controller.delivery),
            *(shim_measures(self.shim.shim, self.shim.remote) if self.shim is not None else ()),
        ]


def _port(address: object) -> int:
    return int(getattr(address, "port", 0))


def _task_faults(new: JSON, old: JSON | None) -> list[Cause]:
    return [Cause(field, "FieldValueInvalid", message) for field, message in validate_task(new, old)]


def _uid() -> str:
    return str(uuid4())
