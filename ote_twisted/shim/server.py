"""Offers a shim to controllers in other processes, at the original's ``GET /clustercontroller/{name}``."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from attrs import field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.dial import PATH
from ote_twisted.shim.guard import GuardedShim, GuardLimits
from ote_twisted.shim.lanes import Lanes
from ote_twisted.shim.served import ServedCluster, ServedLimits
from ote_twisted.shim.websocket import AUTOBAHN, Link, LinkLimits, ServerLink
from ote_twisted.values import frozen
from ote_twisted.websocket import ConnectionDeny, ConnectionRequest, WebSocketServerFactory
from ote_twisted.wire.join import V2

NAME_LIMIT = 253
"""Longest cluster name that is taken."""


@frozen
class ServerLimits:
    """Bounds of a shim server.

    :ivar concurrency: tasks performed at once, all controllers together.
    :ivar waiting: tasks that wait for their turn, all controllers together.
    :ivar clusters: cluster names that may ever connect.
    :ivar probe: seconds that a connected controller has to show life when another comes under its name.
    """

    concurrency: int = 32
    waiting: int = 8192
    clusters: int = 16
    probe: float = 2.0
    served: ServedLimits = field(factory=ServedLimits)
    guard: GuardLimits = field(factory=GuardLimits)
    link: LinkLimits = field(factory=LinkLimits)


class ShimServer(Service):
    """Accepts controllers, one for each cluster name, and performs what they ask.

    :ivar refused: handshakes that were refused.
    :ivar replaced: dead connections that gave way to a new one of the same name.
    :ivar lanes: what is under way.
    """

    _log = Logger()

    def __init__(
        self,
        make_shim: Callable[[], IClusterShim],
        clock: IReactorTime,
        now: Callable[[], float],
        limits: ServerLimits | None = None,
    ) -> None:
        """
        :param make_shim: makes the shim of one cluster name; called when that name connects for the first time.
        :param now: unix seconds, for the time stamps of answers.
        """
        self._make_shim = make_shim
        self._clock = clock
        self._now = now
        self._limits = limits or ServerLimits()
        self.lanes = Lanes(self._limits.concurrency, self._limits.waiting)
        self.refused = 0
        self.replaced = 0
        self._clusters: dict[str, ServedCluster] = {}
        self._joining: set[str] = set()
        self._admissions: set[Deferred[str | None]] = set()
        self._links: set[Link] = set()
        self._quiet: Deferred[None] | None = None

    def factory(self) -> ShimFactory:
        """What to listen with."""
        return ShimFactory(self, self._clock, self._limits.link)

    def clusters(self) -> tuple[ServedCluster, ...]:
        """Every cluster whose controller has ever connected."""
        return tuple(self._clusters.values())

    def stopService(self) -> Deferred[None]:
        """Answer what is under way, stop the shims, close the connections; fires when all is quiet."""
        super().stopService()
        for admission in list(self._admissions):
            admission.cancel()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        stopping = [maybeDeferred(served.stop).addErrback(self._stop_failed) for served in self._clusters.values()]
        await gatherResults(stopping)
        for link in list(self._links):
            link.close("the shim stops")
        if self._links:
            self._quiet = Deferred()
            await self._quiet
        self._clusters.clear()

    def _stop_failed(self, reason: Failure) -> None:
        self._log.failure("stopping a shim", reason)

    def admit(self, link: ServerLink, request: ConnectionRequest) -> Deferred[str | None]:
        """Decide about a handshake. Gives the subprotocol.

        :raise ConnectionDeny: through the Deferred: 400 the name is connected, 403 a browser, 404 another path,
            503 too many names, not started, or the shim does not start.
        """
        admission = Deferred.fromCoroutine(self._admit(link, request))
        self._admissions.add(admission)
        return admission.addBoth(self._admitted, admission)

    def link_opened(self, link: Link) -> None:
        """A controller is connected."""
        self._links.add(link)
        cluster = self._of(link)
        if cluster is None:
            link.close("the shim stops")
        else:
            self._log.info("{name}: its controller is connected from {peer}", name=cluster.name, peer=link.peer)
            cluster.opened(link)

    def link_message(self, link: Link, message: bytes) -> None:
        """A controller says something."""
        cluster = self._of(link)
        if cluster is not None and cluster.link is link:
            cluster.received(message)

    def link_lost(self, link: Link, reason: str) -> None:
        """A controller is gone, or its handshake failed."""
        cluster = self._of(link)
        if link in self._links and cluster is not None:
            self._log.info("{name}: its controller is gone: {reason}", name=cluster.name, reason=reason)
            cluster.lost(link)
        self._links.discard(link)
        if not self._links and self._quiet is not None:
            quiet, self._quiet = self._quiet, None
            quiet.callback(None)

    def _of(self, link: Link) -> ServedCluster | None:
        return self._clusters.get(link.cluster) if isinstance(link, ServerLink) else None

    def _admitted(self, result: str | Failure | None, admission: Deferred[str | None]) -> str | Failure | None:
        self._admissions.discard(admission)
        if not isinstance(result, Failure):
            return result
        self.refused += 1
        if result.check(ConnectionDeny):
            return result
        if not result.check(CancelledError):
            self._log.failure("admitting a controller", result)
        return Failure(ConnectionDeny(503, "the shim does not start or is stopping"))

    async def _admit(self, link: ServerLink, request: ConnectionRequest) -> str | None:
        name = self._permitted(request)
        self._joining.add(name)
        try:
            cluster = await self._started(name)
            await self._make_way(cluster)
        finally:
            self._joining.discard(name)
        if not self.running or link.state != link.STATE_CONNECTING:
            raise ConnectionDeny(503, "the shim is stopping")
        link.cluster = name
        return V2 if V2 in request.protocols else None

    def _permitted(self, request: ConnectionRequest) -> str:
        if request.origin:
            raise ConnectionDeny(403, "browsers may not connect to a shim")
        name = cluster_name(request.path)
        if not self.running:
            raise ConnectionDeny(503, "the shim is not running")
        if name in self._joining:
            raise ConnectionDeny(400, "another controller of this name is just connecting")
        if name not in self._clusters and len(self._clusters) >= self._limits.clusters:
            raise ConnectionDeny(503, f"the shim serves {len(self._clusters)} cluster names already")
        return name

    async def _started(self, name: str) -> ServedCluster:
        cluster = self._clusters.get(name)
        if cluster is None:
            shim = GuardedShim(self._make_shim(), self._clock, self.lanes, self._limits.guard)
            cluster = ServedCluster(name, shim, self._now, self._limits.served)
            self._clusters[name] = cluster
            try:
                await cluster.start()
            except BaseException:
                self._clusters.pop(name, None)
                raise
        return cluster

    async def _make_way(self, cluster: ServedCluster) -> None:
        link = cluster.link
        if link is None:
            return
        reads = link.reads
        link.sendPing()
        await deferLater(self._clock, self._limits.probe)
        if cluster.link is link:
            if link.held or link.reads > reads:
                raise ConnectionDeny(400, "there is already a cluster controller connected")
            self.replaced += 1
            cluster.lost(link)
            link.abort("another controller of the same name came, and this one showed no life")


def cluster_name(path: str) -> str:
    """The cluster's name in a connection's path.

    :raise ConnectionDeny: the path is another one.
    """
    segment = path.removeprefix(PATH)
    name = unquote(segment)
    if segment == path or not name or "/" in segment or len(name) > NAME_LIMIT or not name.isprintable():
        raise ConnectionDeny(404, f"a shim serves {PATH}NAME only")
    return name


class _ShimLink(ServerLink):
    server: ShimServer

    def onConnect(self, request: ConnectionRequest) -> Deferred[str | None]:
        """Ask the server whether the controller may connect."""
        return self.server.admit(self, request)


class ShimFactory(WebSocketServerFactory):
    """Builds the connections of a shim server."""

    noisy = False

    def __init__(self, server: ShimServer, clock: IReactorTime, limits: LinkLimits) -> None:
        super().__init__(server="ote-shim", protocols=[V2], reactor=clock)
        self.setProtocolOptions(
            webStatus=False, maxMessagePayloadSize=limits.message, maxFramePayloadSize=limits.message, **AUTOBAHN
        )
        self._server = server
        self._clock = clock
        self._limits = limits

    def buildProtocol(self, addr: IAddress | None) -> ServerLink:
        """One connection."""
        link = _ShimLink()
        link.factory = self
        link.server = self._server
        link.setup(self._server, self._clock, self._limits)
        return link
