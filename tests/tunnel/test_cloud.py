"""The parent's side: handshakes, names, sessions."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.error import CannotListenError

from ote_twisted.errors import OTEError
from ote_twisted.tunnel.settings import CloudSettings
from ote_twisted.wire.join import V2, Accept, Admission, JoinRequest, Redirect, Refuse
from tests.tunnel.builders import GO_ACCEPT, RawPeer, TunnelTestCase, frame, go_head


def status(peer: RawPeer) -> int:
    """HTTP status of what the peer was answered."""
    return int(peer.received.split(b" ", 2)[1])


class HandshakeTests(TunnelTestCase):
    """The handshake that the original's children make and understand (T34, T37)."""

    def test_answer_is_what_go_demands(self) -> None:
        """The 101 has exactly the header values that a Go client compares, and no extension."""
        peer = self.raw_child(go_head(sec_websocket_extensions="permessage-deflate; client_max_window_bits"))
        lines = peer.take().decode().split("\r\n")
        self.assertEqual(lines[0], "HTTP/1.1 101 Switching Protocols")
        self.assertEqual(
            {line.lower() for line in lines[1:] if line},
            {"upgrade: websocket", "connection: upgrade", f"sec-websocket-accept: {GO_ACCEPT}".lower()},
        )

    def test_request_reaches_the_sink(self) -> None:
        """Name, both headers, the peer's address and the offered subprotocols are what admission is asked with."""
        self.raw_child(go_head(sec_websocket_protocol="ote.v2, other", name="Köln".encode().decode("latin-1")))
        request = self.sink.requests[0]
        self.assertEqual((request.name, request.user_defined_name, request.listen), ("c1", "Köln", ":8287"))
        self.assertEqual(request.subprotocols, ("ote.v2", "other"))
        self.assertTrue(request.peer.startswith("c1:"))

    def test_missing_headers_are_none(self) -> None:
        """An absent header is None, an empty one empty: the sink tells them apart from values."""
        self.raw_child(go_head(listen_addr=None, name=""))
        self.assertEqual((self.sink.requests[0].listen, self.sink.requests[0].user_defined_name), (None, ""))

    def test_established_link_describes_the_child(self) -> None:
        """The link has the child's name, its completed address and its subprotocol."""
        self.sink.decide = lambda request: Accept(V2, "10.0.0.9:8287")
        self.raw_child(go_head(sec_websocket_protocol="ote.v2"))
        link = self.sink.links[0]
        self.assertEqual((link.peer, link.listen, link.user_defined_name), ("c1", "10.0.0.9:8287", "c1"))
        self.assertEqual((link.is_parent, link.v2, link.opened, link.congested), (False, True, 0.0, False))
        self.assertIn("c1 at c1:", repr(link))

    def test_advertised_address_is_completed(self) -> None:
        """F29: a child that names no host gets the one that we see; port 0 is no address; nonsense is refused."""
        for listen, expected in (("0.0.0.0:99", "c1:99"), (":0", ""), ("edge-7:99", "edge-7:99")):
            peer = self.raw_child(go_head(listen_addr=listen))
            self.assertEqual(self.sink.links[0].listen, expected)
            assert peer.transport is not None
            peer.transport.loseConnection()
            self.network.flush()
        peer = self.raw_child(go_head(listen_addr="a b"))
        self.assertEqual(status(peer), 400)
        self.assertIn(b"listen-addr", peer.received)

    def test_only_an_established_session_registers(self) -> None:
        """F31: a plain GET with both headers is refused and announces no link."""
        peer = self.raw_child(go_head(upgrade=None, connection=None))
        self.assertEqual(status(peer), 426)
        self.assertEqual(self.sink.events, [])
        self.assertEqual(self.counters.bad_handshakes, 1)

    def test_other_paths_are_404(self) -> None:
        """Every path but /access/{name} is 404, a trailing slash included, and the sink is not asked."""
        for path in ("/", "/access/", "/access/c1/", "/controller", "/access/a%2Fb", "/access/%ff"):
            peer = self.raw_child(go_head().replace(b"/access/c1", path.encode()))
            self.assertEqual(status(peer), 404, path)
            self.assertTrue(peer.lost)
        self.assertEqual(self.sink.requests, [])

    def test_bad_handshakes_get_their_status(self) -> None:
        """Each rule of the handshake has its 4xx answer with the reason as text; each is counted."""
        for head, expected in (
            (go_head().replace(b"GET", b"POST"), 405),
            (go_head(sec_websocket_version="8.5"), 400),
            (go_head(sec_websocket_version="99"), 400),
            (go_head(sec_websocket_key="short"), 400),
            (go_head(sec_websocket_key=None), 400),
            (go_head(upgrade="h2c"), 400),
            (go_head(connection="keep-alive"), 400),
            (go_head(host=None), 400),
            (b"nonsense\r\n\r\n", 400),
            (b"\r\n\r\n", 400),
            (b"\xff\xfe\x00\r\n\r\n", 400),
            (b"x" * 20_000, 431),
        ):
            peer = self.raw_child(head)
            self.assertEqual(status(peer), expected, head[:40])
            self.assertIn(b"Content-Type: text/plain", peer.received)
            self.assertTrue(peer.received.endswith(b"\n") and not peer.received.endswith(b"\r\n\r\n"))
            self.assertTrue(peer.lost)
        self.assertEqual(self.counters.bad_handshakes, 12)
        self.assertEqual(self.factory.handshakes, 0)

    def test_foreign_origin_is_refused(self) -> None:
        """A browser on another page cannot join; one on our own page is not told apart from others."""
        self.assertEqual(status(self.raw_child(go_head(origin="http://evil.example"))), 403)
        self.assertEqual(status(self.raw_child(go_head(origin="http://root:8287"))), 101)

    def test_one_byte_at_a_time(self) -> None:
        """A handshake and a message may arrive byte by byte."""
        self.network.piece = 1
        self.say(self.joined_child(), frame(b"hello") + frame(b"again"))
        self.assertEqual(self.sink.messages, [b"hello", b"again"])

    def test_message_behind_the_head(self) -> None:
        """A message in the same segment as the handshake is delivered after the link is announced."""
        self.raw_child(go_head() + frame(b"hello") + frame(b"cut")[:4])
        self.assertEqual(self.sink.names(), ["opened", "messages"])
        self.assertEqual(self.sink.messages, [b"hello"])

    def test_handshake_has_a_limit(self) -> None:
        """A connection that says nothing is dropped after the limit for handshakes."""
        peer = self.raw_child()
        self.network.advance(11)
        self.assertTrue(peer.lost)
        self.assertEqual((self.counters.handshakes_timed_out, self.factory.handshakes), (1, 0))


class AdmissionTests(TunnelTestCase):
    """What the sink decides is what the child is told."""

    def answer_to(self, admission: Admission) -> str:
        """The complete answer that an admission makes."""
        self.sink.decide = lambda request: admission
        return self.raw_child(go_head().replace(b"/access/c1 ", b"/access/c1?a=b ")).received.decode()

    def test_refusal_is_plain_http(self) -> None:
        """The status is the sink's, the body its sentence; Retry-After is rounded up."""
        answer = self.answer_to(Refuse(503, "no path to the root yet", retry_after=2.5))
        self.assertTrue(answer.startswith("HTTP/1.1 503 Service Unavailable\r\n"))
        self.assertIn("\r\nRetry-After: 3\r\n", answer)
        self.assertTrue(answer.endswith("\r\n\r\nno path to the root yet\n"))
        self.assertEqual((self.counters.joins_refused, self.sink.links), (1, []))

    def test_refusal_cannot_smuggle_headers(self) -> None:
        """Text of the child in a reason stays in the body."""
        answer = self.answer_to(Refuse(400, "bad name 'x\r\nSet-Cookie: a'"))
        self.assertNotIn("Set-Cookie", answer.split("\r\n\r\n")[0])

    def test_redirect_has_a_host(self) -> None:
        """T35: a redirect is a 302 whose Location has the leader as host, the same path and the query."""
        answer = self.answer_to(Redirect("10.0.0.2:8287"))
        self.assertTrue(answer.startswith("HTTP/1.1 302 Found\r\n"))
        self.assertIn("\r\nLocation: //10.0.0.2:8287/access/c1?a=b\r\n", answer)
        self.assertEqual((self.counters.joins_redirected, self.counters.joins_refused), (1, 0))

    def test_failing_sink_costs_one_join(self) -> None:
        """A fault in the sink is a 500 without details, and is logged."""

        def explode(request: JoinRequest) -> Admission:
            raise OTEError("secret")

        self.sink.decide = explode
        answer = self.raw_child(go_head()).received
        self.assertTrue(answer.startswith(b"HTTP/1.1 500 "))
        self.assertNotIn(b"secret", answer)
        self.assertEqual(len(self.flushLoggedErrors(OTEError)), 1)

    def test_subprotocol_must_be_offered(self) -> None:
        """Accepting a subprotocol that the child does not speak is a fault of ours, not a broken link."""
        self.assertTrue(self.answer_to(Accept(V2)).startswith("HTTP/1.1 500 "))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class DuplicateTests(TunnelTestCase):
    """F21, F30: one session per name, and a dead one does not keep it."""

    def test_living_session_keeps_its_name(self) -> None:
        """A newcomer is refused with 403 when the older session answers a ping."""
        edge, _ = self.make_edge("c1")
        peer = self.raw_child(go_head(), host="impostor")
        self.assertEqual(peer.received, b"")
        self.network.advance(1.1)
        self.assertEqual(status(peer), 403)
        self.assertIn(b"c1 is connected already, from c1:", peer.received)
        self.assertIsNot(edge.link, None)
        self.assertEqual(self.sink.names(), ["opened"])

    def test_silent_session_is_replaced(self) -> None:
        """A newcomer gets the name when the older session does not answer within the probe's time."""
        self.make_edge("c1")
        older = self.sink.links[0]
        self.network.partition("c1")
        peer = self.raw_child(go_head(), host="c1-reborn")
        self.network.advance(1.1)
        self.assertEqual(status(peer), 101)
        self.assertEqual([event[0] for event in self.sink.events], ["opened", "lost", "opened"])
        self.assertIs(self.sink.events[1][1], older)
        self.assertIn("replaced by a newer session", str(self.sink.events[1][2]))
        self.assertEqual(self.counters.sessions_replaced, 1)

    def test_long_silent_session_is_replaced_at_once(self) -> None:
        """A session that has missed a ping already is not probed again."""
        self.make_edge("c1")
        self.network.partition("c1")
        self.network.advance(7)
        self.assertEqual(status(self.raw_child(go_head(), host="c1-reborn")), 101)

    def test_late_end_of_the_replaced_session_changes_nothing(self) -> None:
        """F30: when the old connection ends at last, the new session keeps name and link."""
        self.make_edge("c1")
        self.network.partition("c1")
        self.network.advance(7)
        self.raw_child(go_head(), host="c1-reborn")
        newer = self.sink.links[0]
        self.network.advance(10)
        self.assertEqual(self.sink.names().count("lost"), 1)
        self.assertIs(self.factory.links.get("c1"), newer)

    def test_two_newcomers_for_a_dead_session(self) -> None:
        """Of two newcomers the first gets the name, the second is refused: the new session is alive."""
        self.make_edge("c1")
        self.network.partition("c1")
        peers = [self.raw_child(go_head(), host=host) for host in ("first", "second")]
        self.network.advance(1.1)
        self.assertEqual([status(peer) for peer in peers], [101, 403])

    def test_newcomer_that_leaves_while_waiting(self) -> None:
        """A newcomer that hangs up during the probe leaves nothing behind and replaces nobody."""
        self.make_edge("c1")
        self.network.partition("c1")
        peer = self.raw_child(go_head(), host="impatient")
        assert peer.transport is not None
        peer.transport.loseConnection()
        self.network.advance(2)
        self.assertEqual(self.sink.names(), ["opened"])

    def test_newcomer_that_talks_while_waiting(self) -> None:
        """A client that sends data before it was answered breaks the rules and is dropped; a second head is not read."""
        self.make_edge("c1")
        peer = self.raw_child(go_head() + go_head(), host="impatient")
        self.say(peer, go_head())
        self.assertTrue(peer.lost)
        self.assertEqual(len(self.sink.requests), 2)

    def test_session_that_ended_frees_its_name(self) -> None:
        """After a clean end the name is free at once."""
        peer = self.joined_child()
        assert peer.transport is not None
        peer.transport.loseConnection()
        self.network.flush()
        self.assertEqual(self.sink.names(), ["opened", "lost"])
        self.joined_child()

    def test_paused_session_keeps_its_name(self) -> None:
        """A child that we do not read from at the moment is not dead."""
        self.make_edge("c1")
        self.sink.links[0].pause_reading()
        peer = self.raw_child(go_head(), host="impostor")
        self.network.advance(1.1)
        self.assertEqual(status(peer), 403)


class SuccessionTests(TunnelTestCase):
    """One cluster of ours that has made another link."""

    def newcomer(self, instance: str, epoch: int, **headers: str) -> int:
        """The answer, at once, to a second join of c1; 0 while there is none."""
        peer = self.raw_child(go_head(ote_instance=instance, ote_epoch=str(epoch), **headers), host=f"host{epoch}")
        return status(peer) if peer.received else 0

    def test_a_higher_epoch_of_the_same_instance_takes_over_at_once(self) -> None:
        """A living session gives way without a probe to a newer one of the same cluster, and never to an older one."""
        self.assertEqual(self.newcomer("a" * 32, 5), 101)
        self.assertEqual(self.newcomer("a" * 32, 6), 101)
        self.assertEqual(self.sink.names(), ["opened", "lost", "opened"])
        self.assertEqual((self.sink.links[0].epoch, self.counters.sessions_replaced), (6, 1))
        self.assertEqual([self.newcomer("a" * 32, epoch) for epoch in (4, 6)], [0, 0])

    def test_others_have_to_wait(self) -> None:
        """Neither another instance, nor none, nor a standby ends a living session."""
        self.assertEqual(self.newcomer("a" * 32, 5), 101)
        self.assertEqual([self.newcomer("b" * 32, 6), self.newcomer("", 7)], [0, 0])
        self.assertEqual(self.newcomer("a" * 32, 8, ote_standby="1"), 0)
        self.assertEqual(self.sink.names(), ["opened"])


class BoundsTests(TunnelTestCase):
    """Handshakes and links are bounded."""

    cloud_settings = CloudSettings(max_handshakes=3, max_links_per_address=2)

    def test_too_many_handshakes(self) -> None:
        """Connections beyond the bound are closed on arrival, until others are through."""
        peers = [self.raw_child() for _ in range(5)]
        self.assertEqual([peer.transport is None for peer in peers], [False] * 3 + [True] * 2)
        self.assertEqual((self.counters.connections_turned_away, self.factory.handshakes), (2, 3))
        self.say(peers[0], go_head())
        self.assertIsNot(self.raw_child().transport, None)

    def test_too_many_links_from_one_address(self) -> None:
        """The third child of one host is told to come later; one of another host joins; a loss makes room."""
        peers = [self.raw_child(go_head().replace(b"/c1", f"/c{n}".encode()), "crowded") for n in range(3)]
        self.assertEqual([status(peer) for peer in peers], [101, 101, 503])
        self.assertIn(b"Retry-After: 5", peers[2].received)
        self.assertEqual(status(self.raw_child(go_head().replace(b"/c1", b"/d"), "elsewhere")), 101)
        self.network.reset("crowded")
        self.assertEqual(status(self.raw_child(go_head(), "crowded")), 101)


class StopTests(TunnelTestCase):
    """F46: clean shutdown."""

    def test_children_get_a_close_frame(self) -> None:
        """Stopping sends a close frame with 1001, waits for the answer and then closes."""
        peer = self.joined_child()
        stopped = self.cloud.stopService()
        self.network.flush()
        self.assertNoResult(stopped)
        received = peer.take()
        self.assertEqual(received[0], 0x88)
        self.assertEqual(int.from_bytes(received[2:4], "big"), 1001)
        self.say(peer, frame(b"\x03\xe9", 8))
        self.assertTrue(peer.lost)
        self.successResultOf(stopped)
        self.assertEqual(self.sink.names(), ["opened", "lost"])

    def test_stubborn_children_are_not_waited_for(self) -> None:
        """A child that does not answer, and one in its handshake, are dropped within the limit for closing."""
        peers = [self.joined_child(), self.raw_child(host="c2")]
        stopped = self.cloud.stopService()
        self.network.advance(2.5)
        self.successResultOf(stopped)
        self.assertEqual([peer.lost for peer in peers], [True, True])

    def test_nobody_joins_a_stopping_tunnel(self) -> None:
        """Once stopping begins nothing listens."""
        self.cloud.stopService()
        self.assertIs(self.raw_child().transport, None)

    def test_several_endpoints(self) -> None:
        """One tunnel may listen on several endpoints; its addresses tell where."""
        self.assertEqual([getattr(address, "port", 0) for address in self.cloud.addresses], [8287])

    def test_taken_address_is_told(self) -> None:
        """An address that is taken is an error at start, with the address in it."""
        self.cloud_settings = evolve(self.cloud_settings)
        self.assertRaises(CannotListenError, self.make_cloud, "root")
