"""The listener's protocol, over transports in memory."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ote_twisted.api.listener import ApiListener, ApiSite, ListenerLimits
from ote_twisted.testing.api import MemoryApi
from tests.api.samples import CONFIGMAPS, configmap


class Connection:
    """A client's end of one connection."""

    def __init__(self, api: MemoryApi, site: ApiSite) -> None:
        self._api = api
        self.protocol = site.buildProtocol(None)
        self.transport = StringTransport()
        self.transport.abortConnection = self.transport.loseConnection
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Send bytes, and let one turn pass."""
        self.protocol.dataReceived(data)
        self._api.turn()

    def request(self, method: str, path: str, body: Any = None, *headers: str) -> None:
        """Send a request."""
        data = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        lines = [f"{method} {path} HTTP/1.1", "Host: a", f"Content-Length: {len(data)}", *headers, "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + data)

    def received(self) -> bytes:
        """What came since the last time."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def answer(self) -> tuple[int, Any]:
        """Code and JSON of the one answer that came."""
        head, _, body = self.received().partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), orjson.loads(body) if body else None

    def lose(self) -> None:
        """The client goes."""
        self.protocol.connectionLost(Failure(ConnectionDone()))


class HttpTests(SynchronousTestCase):
    """A site per test."""

    def setUp(self) -> None:
        """Build it."""
        self.api = MemoryApi()
        limits = ListenerLimits(body_bytes=1000, buffered_bytes=2000, watchers=3)
        pages = {b"/livez": lambda query: (200, "text/plain", b"ok " + query)}
        self.site = ApiSite(self.api.engine, self.api.clock, pages, limits)
        self.connection = self.connect()

    def connect(self) -> Connection:
        """Another connection."""
        connection = Connection(self.api, self.site)
        self.addCleanup(connection.lose)
        return connection


class RequestTests(HttpTests):
    """Calls with one answer."""

    def test_call(self) -> None:
        """A call is answered with code, type and length, and the connection is kept."""
        self.connection.request("POST", CONFIGMAPS, configmap())
        head, _, body = self.connection.received().partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.1 201 Created")
        self.assertIn(b"Content-Type: application/json", lines)
        self.assertIn(b"Content-Length: %d" % len(body), lines)
        self.connection.request("GET", f"{CONFIGMAPS}/cm")
        self.assertEqual(self.connection.answer()[0], 200)
        self.assertFalse(self.connection.transport.disconnecting)
        self.assertEqual(self.site.counters.requests, {("POST", 201): 1, ("GET", 200): 1})

    def test_pipelined(self) -> None:
        """Requests sent at once are answered in order."""
        text = "GET /version HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
        self.connection.send(text.encode())
        self.api.turn()
        data = self.connection.received()
        self.assertLess(data.index(b"200 OK"), data.index(b"404 Not Found"))

    def test_calls_of_a_turn_are_performed_together(self) -> None:
        """Calls wait for the end of their reactor turn, then all are performed."""
        others = [self.connect() for _ in range(3)]
        for number, connection in enumerate(others):
            body = orjson.dumps(configmap(f"c{number}"))
            connection.protocol.dataReceived(
                b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (CONFIGMAPS.encode(), len(body), body)
            )
            self.assertEqual(connection.received(), b"")
        self.api.turn()
        self.assertEqual([connection.answer()[0] for connection in others], [201, 201, 201])

    def test_old_clients(self) -> None:
        """A client of HTTP/1.0 gets its answer, and the connection ends."""
        self.connection.send(b"GET /version HTTP/1.0\r\n\r\n")
        self.assertIn(b"200 OK\r\n", self.connection.received())
        self.assertTrue(self.connection.transport.disconnecting)

    def test_head(self) -> None:
        """HEAD has no body."""
        self.connection.request("HEAD", "/version")
        self.assertTrue(self.connection.received().endswith(b"\r\n\r\n"))

    def test_not_modified(self) -> None:
        """A document that the client has is not sent again."""
        self.connection.request("GET", "/openapi/v3/apis/ote.baidu.com/v1")
        head = self.connection.received().partition(b"\r\n\r\n")[0].decode()
        etag = next(line for line in head.split("\r\n") if line.lower().startswith("etag"))
        self.connection.request("GET", "/openapi/v3/apis/ote.baidu.com/v1", None, "If-None-Match" + etag[4:])
        data = self.connection.received()
        self.assertIn(b" 304 ", data)
        self.assertTrue(data.endswith(b"\r\n\r\n"))

    def test_pages(self) -> None:
        """Plain pages are served at exactly their paths, with their query."""
        self.connection.request("GET", "/livez?verbose")
        self.assertTrue(self.connection.received().endswith(b"ok verbose"))
        self.connection.request("GET", "/livez/x")
        self.assertEqual(self.connection.answer()[0], 404)

    def test_warnings_are_headers(self) -> None:
        """Warnings of the engine arrive as headers."""
        self.connection.request("POST", CONFIGMAPS, {**configmap(), "odd": 1})
        self.assertIn(b'warning: 299 - "unknown field', self.connection.received().lower())

    def test_client_that_goes(self) -> None:
        """A client that is gone before its turn comes is not performed."""
        self.connection.protocol.dataReceived(b"DELETE %b/cm HTTP/1.1\r\nHost: a\r\n\r\n" % CONFIGMAPS.encode())
        self.connection.lose()
        self.api.turn()
        self.assertEqual(self.site.counters.requests, {})
        self.connection = self.connect()


class HostileRequestTests(HttpTests):
    """Requests that mean no good."""

    def test_oversize(self) -> None:
        """A body over the limit is 413 whether its length is told or not; the connection ends and it is counted."""
        self.connection.request("POST", CONFIGMAPS, b"x" * 1001)
        code, status = self.connection.answer()
        self.assertEqual((code, status["reason"]), (413, "RequestEntityTooLarge"))
        self.assertTrue(self.connection.transport.disconnecting)
        chunked = self.connect()
        chunk = b"190\r\n" + b"x" * 400 + b"\r\n"
        head = b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" % CONFIGMAPS.encode()
        chunked.send(head + chunk * 3 + b"0\r\n\r\n")
        self.assertEqual(chunked.answer()[0], 413)
        self.assertEqual(self.site.counters.oversize, 2)

    def test_malformed_http(self) -> None:
        """What is no HTTP is refused or dropped, and nobody else notices."""
        for data in (b"\x16\x03\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"\r\n" * 5):
            connection = self.connect()
            connection.send(data)
        self.connection.request("GET", "/version")
        self.assertEqual(self.connection.answer()[0], 200)

    def test_long_uri(self) -> None:
        """A URI over the limit is refused."""
        self.connection.request("GET", "/" + "x" * 15_000)
        self.assertEqual(self.connection.answer()[0], 404)

    def test_bytes_that_are_not_ascii(self) -> None:
        """A request line that is not ASCII is 400."""
        self.connection.request("GET", "/api/v1/\xff")
        self.assertEqual(self.connection.answer()[0], 400)

    def test_odd_methods_share_a_counter(self) -> None:
        """Methods that nobody knows cannot fill the counters."""
        for number in range(5):
            self.connection.request(f"ODD{number}", CONFIGMAPS)
            self.assertEqual(self.connection.answer()[0], 405)
        self.assertEqual(self.site.counters.requests, {("OTHER", 405): 5})

    @settings(max_examples=50, deadline=None)
    @given(st.binary(max_size=120))
    def test_any_bytes(self, data: bytes) -> None:
        """No bytes make the listener fail."""
        connection = Connection(self.api, self.site)
        connection.send(data + b"\r\n\r\n")
        connection.lose()
        self.assertEqual(self.flushLoggedErrors(), [])


class HttpWatchTests(HttpTests):
    """Watches over HTTP."""

    def watch(self, query: str = "") -> Connection:
        """A connection that watches ConfigMaps."""
        connection = self.connect()
        connection.request("GET", f"{CONFIGMAPS}?watch=true&{query}")
        return connection

    def chunks(self, connection: Connection) -> list[Any]:
        """Events that came, from whole chunks."""
        data, lines = connection.received(), b""
        while data:
            size, _, rest = data.partition(b"\r\n")
            lines += rest[: int(size, 16)]
            data = rest[int(size, 16) + 2 :]
        return [orjson.loads(line) for line in lines.splitlines()]

    def test_events_are_chunks(self) -> None:
        """A watch is a chunked answer with a line per event, one chunk per turn."""
        connection = self.watch()
        head = connection.received()
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"transfer-encoding: chunked", head.lower())
        for name in ("a", "b"):
            self.api.call("POST", CONFIGMAPS, configmap(name))
        self.api.turn()
        data = connection.transport.value()
        self.assertEqual(data.count(b"\r\n"), 2)
        self.assertEqual([event["object"]["metadata"]["name"] for event in self.chunks(connection)], ["a", "b"])
        self.assertEqual((self.site.counters.watches, len(self.site.streams)), (1, 1))

    def test_refused(self) -> None:
        """A watch that cannot be is an ordinary refusal."""
        connection = self.watch("resourceVersion=x")
        self.assertEqual(connection.answer()[0], 400)
        self.assertEqual(len(self.site.streams), 0)

    def test_a_list_that_only_looks_like_one(self) -> None:
        """A list whose URI has the word in it is a list."""
        connection = self.connect()
        connection.request("GET", f"{CONFIGMAPS}?watch=false")
        self.assertEqual(connection.answer()[1]["kind"], "ConfigMapList")

    def test_too_many(self) -> None:
        """One watch more than the limit is 503, and is counted."""
        for _ in range(3):
            self.watch()
        self.assertEqual(self.watch().answer()[0], 503)
        self.assertEqual(self.site.counters.refused_watchers, 1)

    def test_time_out_ends_the_answer(self) -> None:
        """A watch whose time is over ends its answer, and the connection can be used again."""
        connection = self.watch("timeoutSeconds=5")
        connection.received()
        self.api.clock.advance(5)
        self.assertEqual(connection.received(), b"0\r\n\r\n")
        connection.request("GET", "/version")
        self.assertEqual(connection.answer()[0], 200)

    def test_slow_watcher(self) -> None:
        """A watcher that does not read is cut off; the others get everything."""
        slow, quick = self.watch(), self.watch()
        slow.protocol.pauseProducing()
        quick.received()
        for number in range(20):
            self.api.call("POST", CONFIGMAPS, configmap(f"c{number}", x="y" * 100))
            self.api.turn()
        self.assertEqual(self.site.counters.slow_watchers, 1)
        self.assertTrue(slow.transport.disconnecting)
        self.assertEqual(len(self.chunks(quick)), 20)
        self.assertEqual(len(self.site.streams), 1)

    def test_client_that_goes(self) -> None:
        """A watcher that is gone leaves nothing behind."""
        connection = self.watch("allowWatchBookmarks=true&timeoutSeconds=500")
        connection.lose()
        self.assertEqual(len(self.site.streams), 0)
        self.api.call("POST", CONFIGMAPS, configmap())
        self.api.turn()
        self.assertEqual(self.site.counters.events, 0)

    def test_old_clients(self) -> None:
        """A watcher of HTTP/1.0 gets bare lines."""
        connection = self.connect()
        connection.send(f"GET {CONFIGMAPS}?watch=true HTTP/1.0\r\n\r\n".encode())
        connection.received()
        self.api.call("POST", CONFIGMAPS, configmap())
        self.api.turn()
        self.assertTrue(connection.received().startswith(b'{"type":"ADDED"'))


@implementer(IStreamServerEndpoint)
class MemoryEndpoint:
    """An endpoint that listens nowhere."""

    def __init__(self) -> None:
        self.factory: Any = None
        self.listening = False

    def listen(self, protocolFactory: Any) -> Deferred[Any]:
        """Keep the factory."""
        self.factory, self.listening = protocolFactory, True
        return succeed(self)

    def stopListening(self) -> Deferred[None]:
        """Listen no more."""
        self.listening = False
        return succeed(None)


class ListenerTests(HttpTests):
    """The service."""

    def test_life(self) -> None:
        """It listens while it runs, and its end ends every watch and every timer."""
        endpoint = MemoryEndpoint()
        listener = ApiListener(endpoint, self.site)
        listener.startService()
        self.assertTrue(endpoint.listening)
        connection = self.connect()
        connection.request("GET", f"{CONFIGMAPS}?watch=true&allowWatchBookmarks=true")
        connection.protocol.dataReceived(b"")
        self.assertEqual(len(self.site.streams), 1)
        done = listener.stopService()
        assert done is not None
        self.successResultOf(done)
        self.assertFalse(endpoint.listening)
        self.assertEqual(len(self.site.streams), 0)

    def test_a_stop_between_turns(self) -> None:
        """A call that waits for its turn when the listener stops is dropped."""
        self.connection.protocol.dataReceived(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
        self.site.stopFactory()
        self.api.turn()
        self.assertEqual(self.connection.received(), b"")

    def test_nothing_is_left_on_the_clock(self) -> None:
        """Connections that are gone leave no timer."""
        clock = Clock()
        site = ApiSite(self.api.engine, clock)
        connection = Connection(self.api, site)
        connection.request("GET", "/version")
        clock.advance(0)
        connection.lose()
        self.assertEqual(clock.getDelayedCalls(), [])
