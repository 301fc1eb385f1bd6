"""Builders for the tests of the tunnels: both sides on an in-memory network, and peers that speak raw bytes."""

from __future__ import annotations

from typing import Any

from attrs import evolve, fields
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.failover.service import Failover
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.failover.status import FailoverStatus
from ote_twisted.storage.journal_memory import MemoryKeptState
from ote_twisted.testing.events import MemoryEventRecorder
from ote_twisted.testing.pump import MemoryNetwork
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.tunnel.address import ParentAddress, parse_parent
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.edge import EdgeDialler, EndpointForAddress
from ote_twisted.tunnel.settings import CloudSettings, EdgeSettings

SEARCH = {each.name for each in fields(FailoverSettings)}
"""Settings that are not of the dialler but of who decides when it dials."""

GO_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GO_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

GO_CLIENT_HEAD = (
    "GET /access/c1 HTTP/1.1\r\n"
    "Host: root:8287\r\n"
    "User-Agent: Go-http-client/1.1\r\n"
    "Connection: Upgrade\r\n"
    "Listen-Addr: :8287\r\n"
    "Name: c1\r\n"
    f"Sec-WebSocket-Key: {GO_KEY}\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Upgrade: websocket\r\n"
    "\r\n"
)
"""What a child of the original sends, byte for byte."""


def go_head(**changes: str | None) -> bytes:
    """The head of a Go child with header lines replaced; a value of None leaves the line out."""
    lines = GO_CLIENT_HEAD.split("\r\n")[:-2]
    for name, value in changes.items():
        title = name.replace("_", "-").lower()
        lines = [line for line in lines if not line.lower().startswith(title + ":")]
        if value is not None:
            lines.append(f"{title}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def go_server_answer(accept: str) -> bytes:
    """What the original's server answers."""
    return (
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode("ascii")


def frame(payload: bytes = b"", opcode: int = 2, final: bool = True, mask: bytes | None = b"\x01\x02\x03\x04") -> bytes:
    """One frame by the letter of RFC 6455, independent of the code under test."""
    head = bytes([(0x80 if final else 0) | opcode])
    flag = 0 if mask is None else 0x80
    length = len(payload)
    if length < 126:
        head += bytes([flag | length])
    elif length < 65536:
        head += bytes([flag | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + length.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def fragments(payload: bytes, size: int = 4096, mask: bytes | None = b"\x01\x02\x03\x04") -> list[bytes]:
    """A message as Go clients send it: pieces of ``size``, the last one final."""
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    last = len(pieces) - 1
    return [frame(piece, 2 if at == 0 else 0, at == last, mask) for at, piece in enumerate(pieces)]


class RawPeer(Protocol):
    """A peer that keeps what it receives and sends what it is told.

    :ivar received: every byte so far.
    :ivar lost: the connection is gone.
    """

    def __init__(self) -> None:
        self.received = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """Keep."""
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        """Keep."""
        self.lost = True

    def take(self) -> bytes:
        """What was received since the last call."""
        received, self.received = self.received, b""
        return received


class RawListener(Factory):
    """Makes RawPeers and keeps them."""

    noisy = False

    def __init__(self) -> None:
        self.peers: list[RawPeer] = []

    def buildProtocol(self, addr: object) -> RawPeer:
        """One more."""
        peer = RawPeer()
        self.peers.append(peer)
        return peer


class Edge:
    """The child's whole side: a dialler and who decides when it dials. Started and stopped like a service.

    :ivar counters: of the dialler.
    """

    def __init__(
        self,
        name: str,
        parents: list[ParentAddress],
        sink: RecordingSink,
        settings: EdgeSettings,
        clock: Any,
        endpoint_for: EndpointForAddress,
        chance: float = 0.5,
        search: FailoverSettings | None = None,
    ) -> None:
        dialler = EdgeDialler(name, settings, clock, endpoint_for)
        self.counters = dialler.counters
        self.failover = Failover(
            name, settings.advertise, parents, search or FailoverSettings(), sink, sink, dialler, MemoryKeptState(),
            MemoryEventRecorder(name, clock.seconds), clock, lambda: chance,
        )  # fmt: skip
        self.startService, self.stopService = self.failover.startService, self.failover.stopService

    @property
    def running(self) -> bool:
        """It was started and not stopped."""
        return bool(self.failover.running)

    @property
    def status(self) -> FailoverStatus:
        """How the link to the parent stands."""
        return self.failover.status

    @property
    def link(self) -> Any:
        """The link that carries."""
        return self.failover.link


class TunnelTestCase(SynchronousTestCase):
    """A network with a cloud tunnel on host ``root``; edges and raw children as needed.

    When a test ends everything is stopped, and nothing may be left on the clock.
    """

    cloud_settings = CloudSettings()
    edge_settings = EdgeSettings()

    def setUp(self) -> None:
        """Start the cloud side."""
        self.network = MemoryNetwork()
        self._edges: list[Edge] = []
        self.clock = self.network.clock
        self.sink = RecordingSink()
        self.cloud = self.make_cloud("root")
        self.factory = self.cloud.factory
        self.counters = self.cloud.counters

    def make_cloud(self, host: str, sink: RecordingSink | None = None) -> CloudTunnel:
        """A started cloud tunnel that is stopped at the end."""
        cloud = CloudTunnel(self.network.server_endpoint(host, 8287), sink or self.sink, self.cloud_settings, self.clock)
        cloud.startService()
        self.addCleanup(self._stop, cloud)
        return cloud

    def make_edge(
        self, name: str = "c1", parents: tuple[str, ...] = ("root",), chance: float = 0.5, **settings: Any
    ) -> tuple[Edge, RecordingSink]:
        """A started edge tunnel on a host of its own name."""
        sink = RecordingSink()
        addresses = [parse_parent(parent) for parent in parents]
        search = FailoverSettings(**{key: settings.pop(key) for key in tuple(settings) if key in SEARCH})
        here = evolve(self.edge_settings, **settings)
        edge = Edge(name, addresses, sink, here, self.clock, self.network.dialler(name), chance, search)
        edge.startService()
        self._edges.append(edge)
        self.addCleanup(self._stop, edge)
        self.network.flush()
        return edge, sink

    def stop_now(self, service: CloudTunnel | Edge) -> None:
        """Stop a service and wait for it."""
        stopped = service.stopService()
        self.network.advance(3)
        self.successResultOf(stopped)

    def _stop(self, service: CloudTunnel | Edge) -> None:
        self.network.heal()
        stopped = service.stopService()
        self.network.advance(5)
        self.successResultOf(stopped)
        if not self._cleanups:
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def raw_child(self, head: bytes | None = None, host: str = "c1") -> RawPeer:
        """A connection to the cloud tunnel that has sent ``head``."""
        peer = RawPeer()
        connecting = self.network.client_endpoint(host, "root", 8287).connect(Factory.forProtocol(lambda: peer))
        self.network.flush()
        connecting.addErrback(lambda failure: None)
        if head and peer.transport is not None:
            self.say(peer, head)
        return peer

    def joined_child(self, host: str = "c1") -> RawPeer:
        """A Go-like child whose handshake is done."""
        peer = self.raw_child(go_head(), host)
        self.assertTrue(peer.take().startswith(b"HTTP/1.1 101 "))
        return peer

    def say(self, peer: RawPeer, data: bytes) -> None:
        """Send bytes and let everything come to rest."""
        assert peer.transport is not None
        peer.transport.write(data)
        self.network.flush()
