"""The child's side: dialling, handshakes, falling to the next parent."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Any

from twisted.internet.protocol import Factory

from ote_twisted.failover.status import Connected, Connecting, Stopped, Waiting
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.tunnel.settings import EdgeSettings
from ote_twisted.wire.join import Redirect, Refuse
from tests.tunnel.builders import RawListener, RawPeer, TunnelTestCase, go_server_answer


class JoiningTests(TunnelTestCase):
    """From nothing to a link."""

    def test_joins_and_tells_the_sink(self) -> None:
        """Both sides get a link, of ote.v2 when both speak it."""
        edge, sink = self.make_edge("c1")
        link = sink.links[0]
        self.assertEqual((link.is_parent, link.peer, link.v2), (True, "", True))
        self.assertTrue(self.sink.links[0].v2)
        self.assertEqual(edge.status, Connected("ws://root:8287", 0.0, "ote.v2"))
        self.assertIs(edge.link, link)

    def test_speaks_v1_when_it_offers_nothing(self) -> None:
        """Without a subprotocol the link is ote.v1 on both sides."""
        edge, sink = self.make_edge("c1", subprotocols=())
        self.assertEqual((sink.links[0].v2, self.sink.links[0].v2), (False, False))
        self.assertEqual(edge.status, Connected("ws://root:8287", 0.0, "ote.v1"))

    def test_start_order_does_not_matter(self) -> None:
        """F27: an edge that starts before its parent waits, and joins once the parent is there."""
        edge, _ = self.make_edge("c1", ("late",))
        self.network.advance(60)
        self.assertIsInstance(edge.status, (Waiting, Connecting))
        late = RecordingSink()
        self.make_cloud("late", late)
        self.network.advance(31)
        self.assertIsInstance(edge.status, Connected)
        self.assertEqual(late.links[0].peer, "c1")

    def test_advertises_separately(self) -> None:
        """F29: the advertised address is a setting of its own; without one, port 0 says that nobody can be dialled."""
        self.make_edge("c1", advertise="edge-7:99", user_defined_name="Köln")
        self.make_edge("c2")
        self.assertEqual([request.listen for request in self.sink.requests], ["edge-7:99", ":0"])
        self.assertEqual([request.user_defined_name for request in self.sink.requests], ["Köln", "c2"])

    def test_odd_names_are_quoted(self) -> None:
        """A name that needs quoting arrives as it is."""
        self.make_edge("a b%2f/ü")
        self.assertEqual(self.sink.requests, [])
        self.make_edge("a b%2fü")
        self.assertEqual(self.sink.requests[0].name, "a b%2fü")

    def test_root_dials_nobody(self) -> None:
        """Without parents nothing is dialled."""
        edge, _ = self.make_edge("root", ())
        self.network.advance(10)
        self.assertEqual(edge.counters.dials, 0)


class FailureTests(TunnelTestCase):
    """What is done when an attempt fails."""

    def test_falls_to_the_next_parent(self) -> None:
        """When the preferred parent is not there the next is dialled at once."""
        edge, _ = self.make_edge("c1", ("nowhere", "root"))
        self.assertEqual(edge.status, Connected("ws://root:8287", 0.0, "ote.v2"))
        self.assertEqual((edge.counters.dials, edge.counters.dial_failures), (2, 1))

    def test_black_hole_is_given_up(self) -> None:
        """An address that swallows packets is given up after the limit for connecting."""
        self.network.partition("c1", "hole")
        edge, _ = self.make_edge("c1", ("hole", "root"))
        self.assertEqual(edge.status, Connecting("ws://hole:8287", 0.0))
        self.network.advance(10)
        self.assertIsInstance(edge.status, Connected)

    def test_mute_parent_is_given_up(self) -> None:
        """A listener that never answers the handshake is given up after its limit."""
        listener = RawListener()
        self.network.server_endpoint("mute", 8287).listen(listener)
        edge, _ = self.make_edge("c1", ("mute",))
        self.network.advance(9)
        self.assertEqual(edge.status, Connecting("ws://mute:8287", 0.0))
        self.network.advance(1.5)
        self.assertEqual(len(listener.peers), 2)
        self.assertTrue(listener.peers[0].lost)

    def test_status_tells_why_and_when(self) -> None:
        """While it waits the status has the last error, the address and the time of the next attempt."""
        self.sink.decide = lambda request: Refuse(400, "name 'c1' is taken below region north")
        edge, _ = self.make_edge("c1")
        self.assertEqual(
            edge.status,
            Waiting(0.25, "ws://root:8287", "ws://root:8287: 400 name 'c1' is taken below region north"),
        )

    def test_retry_after_is_obeyed(self) -> None:
        """A parent that asks for time is not dialled before."""
        self.sink.decide = lambda request: Refuse(503, "busy", retry_after=20)
        self.make_edge("c1")
        self.network.advance(19.9)
        self.assertEqual(len(self.sink.requests), 1)
        self.network.advance(1)
        self.assertEqual(len(self.sink.requests), 2)

    def test_lost_link_is_dialled_again(self) -> None:
        """After a loss the parent is dialled again; the sink hears of the loss first."""
        _, sink = self.make_edge("c1")
        self.network.advance(20)
        self.network.reset("c1")
        self.network.advance(1)
        self.assertEqual(sink.names(), ["opened", "lost", "opened"])
        self.assertEqual(self.sink.names(), ["opened", "lost", "opened"])

    def test_dead_parent_is_found(self) -> None:
        """F21: a parent behind a broken network is found dead within three ping intervals, and so is the child."""
        edge, sink = self.make_edge("c1")
        self.network.advance(20)
        self.assertEqual(sink.names(), ["opened"])
        self.network.partition("c1")
        self.network.advance(15.5)
        self.assertEqual((sink.names(), self.sink.names()), (["opened", "lost"], ["opened", "lost"]))
        self.assertEqual((edge.counters.peers_dead, self.counters.peers_dead), (1, 1))
        self.assertEqual(sink.events[1][2], "nothing was heard from the peer for 15 s")

    def test_idle_link_lives(self) -> None:
        """A link without any traffic stays up, kept by the pings of the child alone."""
        edge, sink = self.make_edge("c1")
        self.network.advance(600)
        self.assertEqual(sink.names(), ["opened"])
        self.assertEqual(self.counters.pings_sent, 0)
        self.assertTrue(100 <= edge.counters.pings_sent <= 120)


class RedirectTests(TunnelTestCase):
    """T38, F28: redirects."""

    def test_followed_to_the_leader(self) -> None:
        """A 302 leads to the host in its Location, at once."""
        leader = RecordingSink()
        self.make_cloud("leader", leader)
        self.sink.decide = lambda request: Redirect("leader:8287")
        edge, _ = self.make_edge("c1")
        self.assertEqual(edge.status, Connected("ws://leader:8287", 0.0, "ote.v2"))
        self.assertEqual(leader.requests[0].name, "c1")

    def test_circle_ends(self) -> None:
        """Two controllers that point at each other are asked six times, then left alone for a while."""
        other = RecordingSink(lambda request: Redirect("root:8287"))
        self.make_cloud("other", other)
        self.sink.decide = lambda request: Redirect("other:8287")
        edge, _ = self.make_edge("c1", chance=0.99)
        self.assertEqual(len(other.requests) + len(self.sink.requests), 6)
        status = edge.status
        assert isinstance(status, Waiting)
        self.assertIn("more than 5 redirects", status.last_error)
        self.assertEqual(status.address, "ws://root:8287")

    def test_redirect_to_nowhere(self) -> None:
        """A Location without a host is a failure, not a loop."""
        self.sink.decide = lambda request: Redirect("")
        edge, _ = self.make_edge("c1")
        assert isinstance(edge.status, Waiting)
        self.assertIn("there is no host in it", edge.status.last_error)

    def test_lost_leader_is_looked_for_at_the_configured_address(self) -> None:
        """After a redirected link is lost the configured parent is asked again."""
        leader = RecordingSink()
        self.make_cloud("leader", leader)
        self.sink.decide = lambda request: Redirect("leader:8287")
        self.make_edge("c1")
        self.network.advance(20)
        self.network.reset("leader")
        self.network.advance(1)
        self.assertEqual(len(self.sink.requests), 2)


class GoParentTests(TunnelTestCase):
    """A parent that speaks the original's bytes."""

    def answered(self, answer: bytes | None = None, **settings: Any) -> tuple[RawPeer, RecordingSink, bytes]:
        """An edge that dialled a raw listener, the listener's side, and the head it got."""
        listener = RawListener()
        self.network.server_endpoint("go", 8287).listen(listener)
        _, sink = self.make_edge("c1", ("go",), **settings)
        peer = listener.peers[0]
        head = peer.take()
        key = next(line for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))[19:]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
        self.say(peer, answer if answer is not None else go_server_answer(accept))
        return peer, sink, head

    def test_request_is_what_go_demands(self) -> None:
        """GET with the tokens, version and key that gorilla checks; both headers; no Origin, no extensions."""
        _, sink, head = self.answered()
        lines = head.decode().split("\r\n")
        fields = {line.split(": ")[0].lower(): line.split(": ", 1)[1] for line in lines[1:] if line}
        self.assertEqual(lines[0], "GET /access/c1 HTTP/1.1")
        self.assertEqual((fields["upgrade"].lower(), fields["connection"].lower()), ("websocket", "upgrade"))
        self.assertEqual((fields["sec-websocket-version"], fields["host"]), ("13", "go:8287"))
        self.assertEqual((fields["listen-addr"], fields["name"]), (":0", "c1"))
        self.assertFalse({"origin", "sec-websocket-extensions", "cookie"} & set(fields))
        self.assertFalse(sink.links[0].v2)

    def test_messages_both_ways(self) -> None:
        """Unmasked frames of any size arrive; ours leave masked, one frame a message."""
        peer, sink, _ = self.answered()
        big = os.urandom(70_000)
        self.say(peer, b"\x82\x7f" + len(big).to_bytes(8, "big") + big + b"\x81\x02hi" + b"\x82\x00")
        self.assertEqual(sink.messages, [big, b"hi", b""])
        sink.links[0].send(b"up")
        self.network.flush()
        sent = peer.take()
        self.assertEqual(sent[:2], b"\x82\x82")
        self.assertEqual(bytes(byte ^ sent[2 + at % 4] for at, byte in enumerate(sent[6:])), b"up")

    def test_bare_close_is_a_loss(self) -> None:
        """A TCP close without a close frame, as Go ends, is a loss with that reason."""
        peer, sink, _ = self.answered()
        assert peer.transport is not None
        peer.transport.loseConnection()
        self.network.flush()
        self.assertEqual(sink.names(), ["opened", "lost"])

    def test_hostile_answers_are_failures(self) -> None:
        """No answer does more than fail the attempt with a sentence; every one is dropped."""
        for answer, expected in (
            (b"HTTP/1.1 200 OK\r\n\r\n", "200 OK"),
            (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n", "403 no"),
            (b"HTTP/1.1 999 \xff\xfe\r\n\r\n", "malformed handshake"),
            (b"HTTP/1.1 abc\r\n\r\n", "Bad HTTP status code"),
            (b"SSH-2.0-OpenSSH\r\n\r\n", "Bad HTTP response status line"),
            (b"\r\n\r\n", "Bad HTTP"),
            (go_server_answer("bogus"), "Sec-WebSocket-Accept bogus"),
            (b"x" * 20_000, "over 16384 bytes"),
        ):
            peer, sink, _ = self.answered(answer)
            self.assertTrue(peer.lost, answer[:30])
            edge = [service for service in self._edges if service.running][-1]
            assert isinstance(edge.status, (Waiting, Connecting)), edge.status
            self.assertIn(expected, edge.status.last_error)
            self.assertEqual(sink.events, [])
            self.stop_now(edge)
            self.network.ports.pop(("go", 8287))


class StopTests(TunnelTestCase):
    """F46: stopping in any state."""

    def test_parent_gets_a_close_frame(self) -> None:
        """Stopping closes the link cleanly; nothing is dialled afterwards."""
        edge, sink = self.make_edge("c1")
        stopped = edge.stopService()
        self.network.flush()
        self.successResultOf(stopped)
        self.assertEqual(self.sink.events[1][2], "closed by the peer with code 1001: the controller is stopping")
        self.assertEqual((sink.names(), edge.status), (["opened", "lost"], Stopped()))
        self.network.advance(60)
        self.assertEqual(edge.counters.dials, 1)

    def test_stopping_while_waiting(self) -> None:
        """A waiting dialler stops at once."""
        edge, _ = self.make_edge("c1", ("nowhere",))
        self.successResultOf(edge.stopService())

    def test_stopping_while_connecting(self) -> None:
        """A connection under way is given up."""
        self.network.partition("c1")
        edge, _ = self.make_edge("c1")
        self.successResultOf(edge.stopService())
        self.assertEqual(self.network.dials, [])

    def test_stopping_during_the_handshake(self) -> None:
        """A handshake under way is dropped."""
        listener = RawListener()
        self.network.server_endpoint("mute", 8287).listen(listener)
        edge, _ = self.make_edge("c1", ("mute",))
        stopped = edge.stopService()
        self.network.flush()
        self.successResultOf(stopped)
        self.assertTrue(listener.peers[0].lost)

    def test_deaf_parent_is_not_waited_for(self) -> None:
        """A parent that does not answer the close frame is dropped after the limit."""
        edge, _ = self.make_edge("c1")
        self.network.partition("c1")
        stopped = edge.stopService()
        self.network.advance(1)
        self.assertNoResult(stopped)
        self.network.advance(1.5)
        self.successResultOf(stopped)

    def test_starts_again(self) -> None:
        """A stopped tunnel can be started again."""
        edge, sink = self.make_edge("c1")
        self.stop_now(edge)
        edge.startService()
        self.network.advance(1)
        self.assertEqual(sink.names(), ["opened", "lost", "opened"])


class EnvironmentTests(TunnelTestCase):
    """F153: proxies of the environment are ignored."""

    edge_settings = EdgeSettings()

    def test_proxy_variables_change_nothing(self) -> None:
        """With a proxy in the environment the parent is dialled directly."""
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            self.patch(os, "environ", {**os.environ, name: "http://proxy:3128"})
        self.network.server_endpoint("proxy", 3128).listen(Factory.forProtocol(RawPeer))
        edge, _ = self.make_edge("c1")
        self.assertIsInstance(edge.status, Connected)
