"""TLS in small pieces, the proxy, and endpoint strings."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import ConfigError
from ote_twisted.failover.status import Connected, Waiting
from ote_twisted.testing.certificates import self_signed
from ote_twisted.testing.pump import MemoryNetwork
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.tunnel.address import ParentAddress, parse_parent
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.endpoints import ParentEndpoints, tunnel_listener
from ote_twisted.tunnel.proxy import ConnectProxyEndpoint, ProxyRefused
from ote_twisted.tunnel.settings import CloudSettings, EdgeSettings
from ote_twisted.tunnel.tls import BACKLOG, PIECE, SmallPiecesReactor, SmallPiecesTLSFactory, TLSClientEndpoint
from tests.tunnel.builders import Edge, RawListener, RawPeer

CERTIFICATE = self_signed("root.example")
OTHER = self_signed("root.example")


class SecureEndpoint:
    """A server endpoint with our TLS layer over another one."""

    def __init__(self, inner: Any, clock: Any) -> None:
        self.inner = inner
        self.clock = clock

    def listen(self, factory: Any) -> Any:
        """Listen."""
        return self.inner.listen(SmallPiecesTLSFactory(CERTIFICATE.options(), False, factory, self.clock))


class TLSTests(SynchronousTestCase):
    """Tunnels over TLS, on the in-memory network."""

    def setUp(self) -> None:
        """A cloud tunnel that speaks TLS."""
        self.network = MemoryNetwork()
        self.up = RecordingSink()
        endpoint: Any = SecureEndpoint(self.network.server_endpoint("root.example", 8287), self.network.clock)
        self.cloud = CloudTunnel([endpoint], self.up, CloudSettings(), self.network.clock)
        self.cloud.startService()

    def join(self, trusted: Any) -> tuple[Edge, RecordingSink]:
        """An edge that trusts a certificate."""

        def endpoint_for(address: ParentAddress) -> IStreamClientEndpoint:
            inner = self.network.client_endpoint("c1", address.host, address.port)
            return TLSClientEndpoint(inner, optionsForClientTLS(address.host, trusted), self.network.clock)

        sink, parents = RecordingSink(), [parse_parent("wss://root.example")]
        edge = Edge("c1", parents, sink, EdgeSettings(), self.network.clock, endpoint_for)
        edge.startService()
        self.network.flush()
        return edge, sink

    def stop(self, edge: Edge) -> None:
        """Stop both; nothing is left."""
        stopped = [edge.stopService(), self.cloud.stopService()]
        self.network.advance(5)
        for deferred in stopped:
            self.successResultOf(deferred)
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def test_messages_of_any_size_both_ways(self) -> None:
        """Messages from one byte to a megabyte pass, and the end is clean."""
        edge, down = self.join(CERTIFICATE)
        self.assertIsInstance(edge.status, Connected)
        sent = [b"a", b"b" * PIECE, b"c" * 100_000, b"d" * (1 << 20)]
        for message in sent:
            down.links[0].send(message)
            self.up.links[0].send(message)
            self.network.flush()
        self.assertEqual((self.up.messages, down.messages), (sent, sent))
        self.stop(edge)
        self.assertEqual((self.up.names()[-1], down.names()[-1]), ("lost", "lost"))

    def test_bytes_one_at_a_time(self) -> None:
        """TLS records may arrive byte by byte."""
        self.network.piece = 1
        edge, down = self.join(CERTIFICATE)
        down.links[0].send(b"hello")
        self.network.flush()
        self.assertEqual(self.up.messages, [b"hello"])
        self.stop(edge)

    def test_unknown_certificate_is_a_failure_with_the_reason(self) -> None:
        """A parent whose certificate is not trusted is never joined; the status says why."""
        edge, _ = self.join(OTHER)
        self.assertEqual(self.up.events, [])
        assert isinstance(edge.status, Waiting)
        self.assertIn("certificate verify failed", edge.status.last_error)
        self.stop(edge)

    def test_plain_client_is_dropped(self) -> None:
        """A client without TLS gets no answer and is gone."""
        peer = RawPeer()
        self.network.client_endpoint("c1", "root.example", 8287).connect(Factory.forProtocol(lambda: peer))
        self.network.flush()
        assert peer.transport is not None
        peer.transport.write(b"GET /access/c1 HTTP/1.1\r\n\r\n")
        self.network.advance(3)
        self.assertTrue(peer.lost)
        self.assertEqual(self.up.requests, [])
        self.network.advance(10)
        stopped = self.cloud.stopService()
        self.network.advance(3)
        self.successResultOf(stopped)

    def test_slow_reader_over_tls(self) -> None:
        """Back-pressure passes through TLS: a peer that does not read makes the link congested, then drained."""
        edge, down = self.join(CERTIFICATE)
        down.links[0].pause_reading()
        link = self.up.links[0]
        while not link.congested:
            link.send(b"x" * 100_000)
        self.network.flush()
        self.assertTrue(link.congested)
        down.links[0].resume_reading()
        self.network.flush()
        self.assertFalse(link.congested)
        self.assertIn("drained", self.up.names())
        self.stop(edge)


class ProxyTests(SynchronousTestCase):
    """F153: a proxy is used when it is configured, by CONNECT."""

    def setUp(self) -> None:
        """A proxy on the network that only listens; the way to it."""
        self.network = MemoryNetwork()
        self.proxy = RawListener()
        self.network.server_endpoint("proxy", 3128).listen(self.proxy)
        endpoint = ConnectProxyEndpoint(self.network.client_endpoint("c1", "proxy", 3128), "root", 8287)
        self.inner = RawPeer()
        self.connecting = endpoint.connect(Factory.forProtocol(lambda: self.inner))
        self.network.flush()

    def answer(self, data: bytes) -> None:
        """The proxy says something."""
        transport = self.proxy.peers[0].transport
        assert transport is not None
        transport.write(data)
        self.network.flush()

    def test_opens_the_way(self) -> None:
        """The proxy is asked with CONNECT; after its 200 bytes pass both ways, those behind the head included."""
        self.assertEqual(self.proxy.peers[0].take(), b"CONNECT root:8287 HTTP/1.1\r\nHost: root:8287\r\n\r\n")
        self.assertNoResult(self.connecting)
        self.answer(b"HTTP/1.1 200 Connection ")
        self.answer(b"established\r\nVia: x\r\n\r\nhello")
        self.assertIs(self.successResultOf(self.connecting), self.inner)
        assert self.inner.transport is not None
        self.inner.transport.write(b"up")
        self.answer(b" again")
        self.assertEqual((self.inner.received, self.proxy.peers[0].received), (b"hello again", b"up"))
        self.network.reset("proxy")
        self.assertTrue(self.inner.lost)

    def test_refusals_are_failures(self) -> None:
        """Any answer but a 2xx fails the attempt with that answer."""
        self.answer(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        failure = self.failureResultOf(self.connecting, ProxyRefused)
        self.assertIn("407 Proxy Authentication Required", str(failure.value))
        self.assertTrue(self.proxy.peers[0].lost)
        self.assertFalse(self.inner.lost)

    def test_endless_head(self) -> None:
        """A proxy that never ends its head is given up."""
        self.answer(b"x" * 20_000)
        self.assertIn("over 16384 bytes", str(self.failureResultOf(self.connecting, ProxyRefused).value))

    def test_proxy_that_hangs_up(self) -> None:
        """A proxy that closes before it answers fails the attempt."""
        self.network.reset("proxy")
        self.failureResultOf(self.connecting, ProxyRefused)

    def test_cancelling(self) -> None:
        """An attempt given up leaves no connection."""
        self.connecting.cancel()
        self.failureResultOf(self.connecting, CancelledError)
        self.network.flush()
        self.assertTrue(self.proxy.peers[0].lost)

    def test_unreachable_proxy(self) -> None:
        """A proxy that is not there fails the attempt as any address does."""
        endpoint = ConnectProxyEndpoint(self.network.client_endpoint("c1", "nowhere", 1), "root", 8287)
        connecting = endpoint.connect(Factory.forProtocol(RawPeer))
        self.network.flush()
        self.failureResultOf(connecting, ConnectionRefusedError)


class ConfigurationTests(SynchronousTestCase):
    """What the composition roots make of settings."""

    def setUp(self) -> None:
        """A reactor that only records."""
        self.reactor = MemoryReactorClock()

    def test_proxy_setting(self) -> None:
        """With a proxy setting the proxy is dialled, whatever the parent's address is."""
        endpoint = ParentEndpoints(self.reactor, proxy="http://127.0.0.1:3128/")(ParentAddress("127.0.0.9", 8287))
        self.assertIsInstance(endpoint, ConnectProxyEndpoint)

    def test_bad_proxy_setting(self) -> None:
        """A proxy that is no address is an error of configuration."""
        for text in ("proxy", "proxy:0", ":3128", "proxy:x"):
            self.assertRaises(ConfigError, ParentEndpoints, self.reactor, None, text)

    def test_tls_needs_trust(self) -> None:
        """A wss parent without anybody to trust is an error that says so."""
        error = self.assertRaises(ConfigError, ParentEndpoints(self.reactor), ParentAddress("root", 1, secure=True))
        self.assertIn("wss://root:1: no certificate authority", str(error))
        self.assertIsInstance(
            ParentEndpoints(self.reactor, optionsForClientTLS)(ParentAddress("root", 1, secure=True)), TLSClientEndpoint
        )

    def test_listener_strings(self) -> None:
        """tcp: strings listen with room for many; ssl: ones get our TLS layer too; nonsense is an error of configuration."""
        listening = tunnel_listener(self.reactor, "tcp:8287:interface=127.0.0.1").listen(Factory.forProtocol(RawPeer))
        self.successResultOf(listening)
        SmallPiecesReactor(self.reactor).listenSSL(8443, Factory.forProtocol(RawPeer), CERTIFICATE.options())
        self.assertEqual([server[0] for server in self.reactor.tcpServers], [8287, 8443])
        self.assertEqual([server[2] for server in self.reactor.tcpServers], [BACKLOG, BACKLOG])
        self.assertIsInstance(self.reactor.tcpServers[1][1], SmallPiecesTLSFactory)
        self.assertEqual(self.reactor.sslServers, [])
        for text in ("nonsense:1", "tcp:x", ""):
            self.assertRaises(ConfigError, tunnel_listener, self.reactor, text)
