"""The parent's side: listens for children, decides about handshakes, keeps one session per name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.interfaces import ILinkSink
from ote_twisted.tunnel.address import join_host_port, name_in_path
from ote_twisted.tunnel.circuit import LinkContext
from ote_twisted.tunnel.cloud_protocol import CloudTunnelProtocol
from ote_twisted.tunnel.joins import (
    HTTPAnswer,
    Joining,
    Upgrade,
    busy,
    complete_join,
    join_request,
    negative_answer,
    same_origin,
    upgrade,
)
from ote_twisted.tunnel.link import GOING_AWAY, Link
from ote_twisted.tunnel.settings import CloudSettings
from ote_twisted.tunnel.turn import Deadlines, Flusher, TunnelCounters
from ote_twisted.websocket import WebSocketServerFactory
from ote_twisted.wire.join import Accept, JoinRequest


class CloudTunnelFactory(WebSocketServerFactory):
    """Makes the protocols of all listeners of a controller and keeps their sessions.

    ``sink.admit`` decides about names; that a name is in use *here* is decided by this factory, which can ask the
    older session for a sign of life.

    :ivar links: established links by the child's name.
    """

    protocol = CloudTunnelProtocol
    noisy = False
    logger = Logger()

    def __init__(self, sink: ILinkSink, settings: CloudSettings, clock: IReactorTime) -> None:
        super().__init__(server="", reactor=clock)
        self._clock = clock
        self.settings = settings
        self.counters = TunnelCounters()
        self.context = LinkContext(sink, settings, Flusher(clock), Deadlines(clock), self.counters)
        self.links: dict[str, Link] = {}
        self._connections: set[CloudTunnelProtocol] = set()
        self._per_address: Counter[str] = Counter()
        self._contests: dict[CloudTunnelProtocol, IDelayedCall] = {}
        self._opening = 0
        self._quiet: Deferred[None] | None = None

    # ---- connections

    @property
    def handshakes(self) -> int:
        """Connections whose handshake is not complete."""
        return self._opening

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """A protocol for a new connection, or ``None`` when there are too many handshakes already or we stop."""
        if self._quiet is not None or self._opening >= self.settings.max_handshakes:
            self.counters.connections_turned_away += 1
            return None
        protocol = CloudTunnelProtocol()
        protocol.factory = self
        self._connections.add(protocol)
        self._opening += 1
        return protocol

    def connection_gone(self, protocol: CloudTunnelProtocol, reason: str) -> None:
        """Called by the protocol; its link is told after this."""
        self._end_contest(protocol)
        self._connections.discard(protocol)
        link = protocol.link
        if link is None:
            self._opening -= 1
        else:
            self._leave(link, reason)
        if self._quiet is not None and not self._connections:
            self._quiet.callback(None)

    def link_made(self, protocol: CloudTunnelProtocol) -> None:
        """The handshake is complete (F31): the new session takes the name, from an older one if there is any (F30)."""
        link = protocol.link
        assert link is not None
        self._opening -= 1
        self._end_contest(protocol)
        older = self.links.get(link.peer)
        if older is not None:
            self.counters.sessions_replaced += 1
            self.logger.info("{older} is replaced by a newer session from {peer}", older=older, peer=link.peer_address)
            self._forget(older)
            older.replace(f"replaced by a newer session from {link.peer_address}")
        self.links[link.peer] = link
        self._per_address[_host(link.peer_address)] += 1
        wire = "ote.v2" if link.v2 else "ote.v1"
        self.logger.info("{child} joined from {address} with {wire}", child=link.peer, address=link.peer_address, wire=wire)

    def _leave(self, link: Link, reason: str) -> None:
        if self.links.get(link.peer) is link:
            self.logger.info("{child} left: {reason}", child=link.peer, reason=reason)
            self._forget(link)

    def _forget(self, link: Link) -> None:
        if self.links.get(link.peer) is link:
            del self.links[link.peer]
            host = _host(link.peer_address)
            self._per_address[host] -= 1
            if not self._per_address[host]:
                del self._per_address[host]

    # ---- admission

    def decide(self, protocol: CloudTunnelProtocol, handshake: Any) -> Deferred[Upgrade]:
        """What becomes of a well-formed handshake.

        :return: fires with subprotocol and headers when the child may join; never when it may not: then it was answered.
        """
        accepted: Deferred[Upgrade] = Deferred()
        try:
            answer = self._judge(protocol, handshake, accepted)
        except Exception:
            self.logger.failure("no decision about the handshake of {peer}", peer=protocol.peer)
            answer = HTTPAnswer(500, "internal error of the controller")
        if answer is not None:
            self._refuse(protocol, answer)
        return accepted

    def _judge(self, protocol: CloudTunnelProtocol, handshake: Any, accepted: Deferred[Upgrade]) -> HTTPAnswer | None:
        target = protocol.http_request_uri
        name = name_in_path(target)
        if name is None:
            return HTTPAnswer(404, "no such path; children join at /access/{cluster}")
        if not same_origin(handshake.headers):
            return HTTPAnswer(403, "requests from another origin are not served")
        request = join_request(name, _peer(protocol.transport.getPeer()), handshake.headers, handshake.protocols)
        admission = self.context.sink.admit(request)
        if not isinstance(admission, Accept):
            return negative_answer(admission, target)
        accept = complete_join(request, admission)
        return accept if isinstance(accept, HTTPAnswer) else self._accept(protocol, accept, accepted)

    def _accept(self, protocol: CloudTunnelProtocol, joining: Joining, accepted: Deferred[Upgrade]) -> HTTPAnswer | None:
        request = joining.request
        if self._per_address[_host(request.peer)] >= self.settings.max_links_per_address:
            return busy(f"too many links from {_host(request.peer)}")
        protocol.joining = joining
        older = self.links.get(request.name)
        if older is None:
            accepted.callback(upgrade(joining.accept))
        else:
            self._contest(protocol, joining, older, accepted)
        return None

    def _contest(self, protocol: CloudTunnelProtocol, joining: Joining, older: Link, accepted: Deferred[Upgrade]) -> None:
        """The name is in use: the older session keeps it if it gives a sign of life now (F21), unless both are one cluster."""
        now = self._clock.seconds()
        probe = self.settings.probe
        if _succeeds(joining.request, older) or older.silent_for(now) > self.settings.limits.ping_interval + probe:
            accepted.callback(upgrade(joining.accept))
            return
        older.probe()
        self._contests[protocol] = self._clock.callLater(probe, self._end_probe, protocol, joining, older, now, accepted)

    def _end_probe(
        self, protocol: CloudTunnelProtocol, joining: Joining, older: Link, asked: float, accepted: Deferred[Upgrade]
    ) -> None:
        del self._contests[protocol]
        holder = self.links.get(joining.request.name)
        if holder is not None and (holder is not older or older.answered(asked)):
            reason = f"cluster {joining.request.name} is connected already, from {holder.peer_address}"
            self._refuse(protocol, HTTPAnswer(403, reason))
        else:
            accepted.callback(upgrade(joining.accept))

    def _end_contest(self, protocol: CloudTunnelProtocol) -> None:
        call = self._contests.pop(protocol, None)
        if call is not None:
            call.cancel()

    def _refuse(self, protocol: CloudTunnelProtocol, answer: HTTPAnswer) -> None:
        if answer.status == 302:
            self.counters.joins_redirected += 1
        else:
            self.counters.joins_refused += 1
        self.logger.info(
            "a join from {peer} was refused with {status}: {reason}", peer=protocol.peer, status=answer.status, reason=answer.text
        )
        protocol.answer(answer)

    # ---- end

    def stop(self) -> Deferred[None]:
        """Close every session with a close frame (F46). Fires when all are gone, at most the limit for closing later."""
        quiet: Deferred[None] = Deferred()
        self._quiet = quiet
        for protocol in list(self._connections):
            if protocol.link is not None:
                protocol.link.close(GOING_AWAY, "the controller is stopping")
            else:
                protocol.drop("the controller is stopping")
        if not self._connections:
            quiet.callback(None)
        return quiet.addCallback(self._stop_timers)

    def _stop_timers(self, result: None) -> None:
        self.context.flusher.stop()
        self.context.deadlines.stop()
        self._quiet = None


class CloudTunnel(Service):
    """Listens for children on one or several endpoints.

    :ivar factory: the sessions; its ``links`` and ``counters`` may be read at any time.
    """

    log = Logger()

    def __init__(
        self,
        endpoints: IStreamServerEndpoint | Sequence[IStreamServerEndpoint],
        sink: ILinkSink,
        settings: CloudSettings,
        clock: IReactorTime,
    ) -> None:
        self._endpoints = list(endpoints) if isinstance(endpoints, Sequence) else [endpoints]
        self.factory = CloudTunnelFactory(sink, settings, clock)
        self._ports: list[IListeningPort] = []

    @property
    def counters(self) -> TunnelCounters:
        """For the metrics collector."""
        return self.factory.counters

    @property
    def addresses(self) -> list[IAddress]:
        """Where it listens."""
        return [port.getHost() for port in self._ports]

    def startService(self) -> None:
        """Listen.

        :raise twisted.internet.error.CannotListenError: an endpoint is taken or forbidden.
        """
        super().startService()
        for endpoint in self._endpoints:
            failed: list[Failure] = []
            endpoint.listen(self.factory).addCallback(self._ports.append).addErrback(failed.append)
            if failed:
                failed[0].raiseException()

    async def _stop(self) -> None:
        ports, self._ports = self._ports, []
        await gatherResults([maybeDeferred(port.stopListening) for port in ports])
        await self.factory.stop()

    def stopService(self) -> Deferred[None]:
        """Stop listening, then close the sessions. Fires when the last is gone."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())


def _succeeds(request: JoinRequest, older: Link) -> bool:
    """The cluster of an older session has made another one in its place; one that only stands by takes no place."""
    same = request.instance != "" and request.instance == older.instance
    return same and request.epoch > older.epoch and not request.standby


def _peer(address: Any) -> str:
    """``host:port`` of a TCP peer; something for people of any other."""
    return join_host_port(address.host, address.port) if hasattr(address, "port") else "local"


def _host(peer: str) -> str:
    return peer.rpartition(":")[0] or peer
