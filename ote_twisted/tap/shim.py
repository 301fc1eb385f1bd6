"""``twistd ote-shim``: a shim server for controllers in other processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.usage import UsageError

from ote_twisted import __version__
from ote_twisted.api.engine import ApiEngine
from ote_twisted.config.flags import ShimOptions
from ote_twisted.config.model import ShimConfig
from ote_twisted.config.reload import Reloader
from ote_twisted.declarations.load import CLUSTER, load_kinds
from ote_twisted.errors import ConfigError, StoreError
from ote_twisted.interfaces import IClusterShim
from ote_twisted.observability.exposition import Exposition
from ote_twisted.observability.health import HealthChecks
from ote_twisted.observability.lifecycle import OrderedServices, SignalService
from ote_twisted.observability.logging import LineObserver, LoggedService, make_observer
from ote_twisted.observability.metrics import Measure, counter, counters_of, gauges_of
from ote_twisted.observability.notify import make_notifier
from ote_twisted.shim.embedded import EmbeddedShim
from ote_twisted.shim.guard import GuardLimits
from ote_twisted.shim.plugin import load_shim
from ote_twisted.shim.server import ServerLimits, ShimServer
from ote_twisted.shim.websocket import LinkLimits
from ote_twisted.storage.sqlite.opening import open_store
from ote_twisted.tap.listening import Announcer, Listener
from ote_twisted.tap.monitoring import monitoring_site
from ote_twisted.tap.watching import process_measures

EMBEDDED = "embedded"
"""The kind that is a cluster inside this process; every other is a plugin."""


class Options(ShimOptions):
    """Command line; the kind of shim is tried, so that a wrong one stops the program before it begins."""

    def postOptions(self) -> None:
        """Check everything.

        :raise UsageError: something is wrong.
        """
        super().postOptions()
        if self.config.kind == EMBEDDED:
            return
        try:
            load_shim(self.config.kind, settings_of(self.config))
        except ConfigError as error:
            raise UsageError(f"--kind: {error}") from None


def makeService(options: ShimOptions) -> IService:
    """A shim server, its endpoints, and what watches over it."""
    reactor = _reactor()
    config = options.config
    observer = make_observer(sys.stdout, config.log.format, config.log.level)
    cluster = EmbeddedCluster(config, reactor) if config.kind == EMBEDDED else None
    make_shim = shim_maker(config) if cluster is None else cluster.make_shim
    server = ShimServer(make_shim, reactor, time.time, server_limits(config))
    notifier = make_notifier(os.environ, reactor, time.monotonic, os.getpid())
    reloader = Reloader(options.load, config, (), lambda wanted: observer.set_level(wanted.log.level))
    services = OrderedServices(reactor, config.stop_timeout)
    services.addService(notifier)
    services.addService(SignalService(reactor, signal.SIGHUP, _calling(reloader.reload)))
    if cluster is not None:
        services.addService(cluster)
    services.addService(server)
    for endpoint in config.listen:
        services.addService(Listener("ote-shim", endpoint, reactor, server.factory()))
    if config.api is not None:
        also = process_measures(observer, reloader, notifier, services)
        services.addService(_monitoring(config, [*measures(server), *also], reactor, server))
    services.addService(Announcer(notifier.ready))
    return _logged(observer, services)


class EmbeddedCluster(Service):
    """An API engine on a store of its own, for the kind ``embedded``."""

    _log = Logger()

    def __init__(self, config: ShimConfig, reactor: Any) -> None:
        """Open the store.

        :raise SystemExit: it cannot be had; the text says why.
        """
        try:
            config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._storage = open_store(config.state / "store.sqlite", reactor, reactor)
        except (OSError, StoreError) as error:
            raise SystemExit(f"ote-shim: {error}") from None
        self._engine = ApiEngine(self._storage.objects, load_kinds(("base", *CLUSTER)), time.time, __version__)
        self._begun = False
        self._waiting: list[Deferred[None]] = []

    def make_shim(self) -> IClusterShim:
        """A shim of this cluster."""
        return EmbeddedShim(self._engine, begun=self._when_begun)

    def startService(self) -> None:
        """Begin to serve."""
        super().startService()
        self._storage.startService()
        starting = self._engine.start().addCallback(self._start_is_through)
        starting.addErrback(lambda reason: self._log.failure("the embedded cluster does not start", reason))

    def stopService(self) -> Deferred[None]:
        """Close the store."""
        super().stopService()
        self._engine.stop()
        return self._storage.stopService()

    def _when_begun(self) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        if self._begun:
            waiting.callback(None)
        else:
            self._waiting.append(waiting)
        return waiting

    def _start_is_through(self, _: None) -> None:
        self._begun = True
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


def shim_maker(config: ShimConfig) -> Callable[[], IClusterShim]:
    """Makes the shim of one cluster."""
    return lambda: load_shim(config.kind, settings_of(config))


def settings_of(config: ShimConfig) -> dict[str, str]:
    """What the maker of a shim is told."""
    return {"state": str(config.state), "cluster": config.cluster, **config.settings}


def server_limits(config: ShimConfig) -> ServerLimits:
    """The bounds that the configuration gives."""
    return ServerLimits(
        concurrency=config.concurrency,
        guard=GuardLimits(body_bytes=config.limit.answer_body),
        link=LinkLimits(message=config.limit.message, unsent=config.limit.queue_hard),
    )


def measures(server: ShimServer) -> list[Measure]:
    """What a shim server counts."""
    per_cluster = {
        "performed": "Requests answered.",
        "malformed": "Messages that could not be read or had no head.",
        "unknown": "Messages with a command that no shim knows.",
    }
    return [
        *counters_of(
            server, "ote_shim", {"refused": "Handshakes refused.", "replaced": "Dead connections that gave way to a new one."}
        ),
        *counters_of(server.lanes, "ote_shim_tasks", {"refused": "Tasks that found too many waiting."}),
        *gauges_of(server.lanes, "ote_shim_tasks", {"active": "Tasks under way.", "waiting": "Tasks that wait for their turn."}),
        *(counter(f"ote_shim_{name}", text, _by_cluster(server, name), ["cluster"]) for name, text in per_cluster.items()),
    ]


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


def _calling(reload: Callable[[], bool]) -> Callable[[], None]:
    def call() -> None:
        reload()

    return call


def _by_cluster(server: ShimServer, name: str) -> Callable[[], dict[tuple[str, ...], float]]:
    return lambda: {(cluster.name,): getattr(cluster, name) for cluster in server.clusters()}


def _monitoring(config: ShimConfig, shown: list[Measure], reactor: Any, server: ShimServer) -> Listener:
    metrics = Exposition("ote-shim", config.cluster, shown)

    def away() -> str | None:
        names = [cluster.name for cluster in server.clusters() if not cluster.ready]
        return f"the shim does not reach: {', '.join(names)}" if names else None

    site = monitoring_site(metrics, HealthChecks("livez", {}), HealthChecks("readyz", {"clusters": away}))
    return Listener("ote-shim's metrics", config.api or "", reactor, site)


def _logged(observer: LineObserver, services: OrderedServices) -> IService:
    root = LoggedService(observer)
    root.addService(services)
    return root
