"""Hostile peers: whatever arrives costs its sender only, is counted, and stops nobody."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ote_twisted.tunnel.settings import KIB, CloudSettings
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage
from tests.tunnel.builders import RawPeer, TunnelTestCase, fragments, frame, go_head


def close_code(received: bytes) -> int:
    """Code of the close frame at the head of what a peer received."""
    return int.from_bytes(received[2:4], "big") if received[:1] == b"\x88" else 0


class GoFragmentTests(TunnelTestCase):
    """What Go clients really send."""

    def test_fragments_of_4096_are_joined(self) -> None:
        """A large report in fragments of 4096 bytes arrives as one message, between others, in order."""
        report = random.Random(1).randbytes(3 * 1024 * KIB + 5)
        peer = self.joined_child()
        self.say(peer, frame(b"before") + b"".join(fragments(report)) + frame(b"after"))
        self.assertEqual(self.sink.messages, [b"before", report, b"after"])

    def test_control_between_fragments(self) -> None:
        """Pings between fragments are answered at once and disturb nothing."""
        pieces = fragments(b"x" * 10_000)
        peer = self.joined_child()
        self.say(peer, pieces[0] + frame(b"hi", 9) + pieces[1] + frame(b"", 10) + pieces[2] + frame(b"next"))
        self.assertEqual(self.sink.messages, [b"x" * 10_000, b"next"])
        self.assertEqual(peer.received, b"\x8a\x02hi")

    def test_every_split_of_a_stream(self) -> None:
        """However a stream of all kinds of frames is cut into segments, the same messages come out in the same order."""
        stream = b"".join(
            [frame(b"one"), *fragments(b"f" * 30, 7), frame(b"p", 9), frame(b"text", 1), frame(b""), frame(b"z" * 200)]
        )
        for at in range(1, len(stream)):
            peer = self.raw_child(go_head().replace(b"/c1", f"/c{at}".encode()))
            self.sink.events.clear()
            self.say(peer, stream[:at])
            self.say(peer, stream[at:])
            self.assertEqual(self.sink.messages, [b"one", b"f" * 30, b"text", b"", b"z" * 200], at)

    def test_text_is_taken_like_binary(self) -> None:
        """A text frame is a message like any other, even if it is not UTF-8: the original looks at neither."""
        self.say(self.joined_child(), frame(b"\xff\xfe\x00", 1) + frame(b"b"))
        self.assertEqual(self.sink.messages, [b"\xff\xfe\x00", b"b"])

    def test_bare_close_is_a_loss(self) -> None:
        """Go ends by closing TCP; the link is lost at once and half a frame is forgotten."""
        peer = self.joined_child()
        self.say(peer, frame(b"half a frame")[:9])
        assert peer.transport is not None
        peer.transport.loseConnection()
        self.network.flush()
        self.assertEqual(self.sink.names(), ["opened", "lost"])


class ViolationTests(TunnelTestCase):
    """Frames that break the protocol."""

    cloud_settings = CloudSettings(max_message=64 * KIB)

    def violate(self, data: bytes) -> RawPeer:
        """A joined child that sends something bad behind something good; it is gone after the limit for closing."""
        peer = self.joined_child()
        self.say(peer, frame(b"good") + data + frame(b"bad"))
        self.say(peer, frame(b"worse") * 100)
        self.assertEqual(self.sink.messages, [b"good"])
        self.network.advance(2.5)
        self.assertTrue(peer.lost)
        self.assertEqual(self.sink.names(), ["opened", "messages", "lost"])
        self.sink.events.clear()
        return peer

    def test_violations_close_with_1002(self) -> None:
        """Each breach of the framing gets a close frame with 1002; nothing behind it is delivered."""
        for data in (
            frame(b"x", mask=None),
            frame(b"x", 3),
            frame(b"x", 11),
            frame(b"x", 0),
            frame(b"x", 9, final=False),
            frame(b"x" * 126, 9),
            b"\xc2" + frame(b"x")[1:],
            b"\x82\xfe\x00\x05\x00\x00\x00\x00hello",
            frame(b"x", final=False) + frame(b"y"),
            frame(b"x", 8),
            frame(b"\x00\x01", 8),
        ):
            self.assertEqual(close_code(self.violate(data).received), 1002, data[:8])
        self.assertEqual(self.counters.protocol_violations, 11)

    def test_oversize_closes_with_1009(self) -> None:
        """F69: a message over the limit is refused at its head, however long it claims to be, in one frame or in fragments."""
        for data in (
            frame(b"x" * (64 * KIB + 1)),
            b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"mask",
            b"".join(fragments(b"x" * (64 * KIB + 1))),
        ):
            self.assertEqual(close_code(self.violate(data).received), 1009)
        self.assertEqual(self.counters.oversize_messages, 3)

    def test_length_over_2_to_the_63(self) -> None:
        """F69: the length that overflowed in gorilla is a violation like any other."""
        self.assertIn(close_code(self.violate(b"\x82\xff" + b"\xff" * 8 + b"mask").received), (1002, 1009))

    def test_limit_itself_is_taken(self) -> None:
        """A message of exactly the limit arrives."""
        self.say(self.joined_child(), frame(b"x" * 64 * KIB))
        self.assertEqual([len(message) for message in self.sink.messages], [64 * KIB])

    def test_endless_empty_fragments(self) -> None:
        """Empty fragments without end keep nothing."""
        peer = self.joined_child()
        self.say(peer, frame(b"a", final=False) + frame(b"", 0, final=False) * 20_000 + frame(b"b", 0))
        self.assertEqual(self.sink.messages, [b"ab"])

    def test_invalid_close_reason(self) -> None:
        """A close frame with a reason that is not UTF-8 ends the link and nothing else."""
        self.assertEqual(close_code(self.violate(frame(b"\x03\xe8\xff\xfe", 8)).received), 1007)

    def test_violator_disturbs_nobody(self) -> None:
        """The links of others go on."""
        _, sink = self.make_edge("good")
        self.say(self.joined_child(), b"\xff" * 100)
        sink.links[0].send(b"still here")
        self.network.flush()
        self.assertEqual(self.sink.messages, [b"still here"])

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.binary(max_size=60), max_size=5))
    def test_any_bytes(self, segments: list[bytes]) -> None:
        """Whatever bytes follow a handshake, the connection is open or closed afterwards, and nothing is logged as our fault."""
        peer = self.joined_child()
        for segment in segments:
            self.say(peer, segment)
        assert peer.transport is not None
        peer.transport.loseConnection()
        self.network.advance(3)
        self.assertTrue(peer.lost)
        self.assertEqual((self.flushLoggedErrors(), self.factory.links), ([], {}))


class MalformedEnvelopeTests(TunnelTestCase):
    """ote.v2 payloads that are no envelopes."""

    def test_link_is_closed_with_the_rule(self) -> None:
        """A payload that breaks a rule of the envelope closes its link with 1002 and the rule; it is counted."""
        for payload in (
            b"\xff\xff\xff",
            b"x" * 70_000,
            ClusterMessage(Body=b"x").SerializeToString(),
            ClusterMessage(Batch=[b"x"], Sequence=7).SerializeToString(),
            ClusterMessage(Acknowledge=99).SerializeToString(),
        ):
            peer = self.raw_child(go_head(sec_websocket_protocol="ote.v2"))
            peer.take()
            self.say(peer, frame(payload))
            self.assertEqual(close_code(peer.received), 1002, payload[:10])
            self.network.advance(2.5)
            self.assertTrue(peer.lost)
        self.assertEqual(self.counters.malformed_messages, 5)
        self.assertEqual(self.sink.messages, [])

    def test_what_came_before_is_delivered(self) -> None:
        """Messages before the malformed payload in the same read are delivered."""
        peer = self.raw_child(go_head(sec_websocket_protocol="ote.v2"))
        good = ClusterMessage(Batch=[b"good"], Sequence=1).SerializeToString()
        self.say(peer, frame(good) + frame(b"\xff"))
        self.assertEqual(self.sink.messages, [b"good"])


class SlowReaderTests(TunnelTestCase):
    """F20 and slow readers."""

    cloud_settings = CloudSettings(high_water=64 * KIB, low_water=16 * KIB, hard_bound=256 * KIB)

    def test_child_that_never_reads_is_dropped(self) -> None:
        """F20: a child that takes nothing is unregistered when the hard bound is passed; others are not disturbed."""
        _, sink = self.make_edge("good")
        self.joined_child("slow")
        next(pair[0] for pair in self.network.connections if pair[0].host == "slow").pauseProducing()
        slow = self.factory.links["c1"]
        for _ in range(400):
            slow.send(b"x" * KIB)
        self.factory.links["good"].send(b"fine")
        self.network.flush()
        self.assertEqual(self.counters.slow_readers, 1)
        self.assertNotIn("c1", self.factory.links)
        self.assertEqual(sink.messages, [b"fine"])
        self.assertTrue(self.counters.messages_dropped > 100)

    def test_half_open_child_is_dropped(self) -> None:
        """F21: a child whose network is gone is unregistered after three intervals, with bytes queued or not."""
        for _ in range(2):
            self.joined_child()
            self.factory.links["c1"].send(b"x")
            self.network.partition("c1")
            self.network.advance(16)
            self.assertEqual(self.factory.links, {})
            self.network.heal()
            self.network.flush()
        self.assertEqual(self.counters.peers_dead, 2)

    def test_silent_go_child_answers_pings(self) -> None:
        """A Go child never pings; it is pinged, and its answer keeps it."""
        peer = self.joined_child()
        for _ in range(4):
            self.network.advance(6)
            self.assertEqual(peer.take(), b"\x89\x00")
            self.say(peer, frame(b"", 10))
        self.assertEqual(self.sink.names(), ["opened"])


class FloodTests(TunnelTestCase):
    """A flood can be stopped at its source."""

    def test_paused_flood_stops(self) -> None:
        """Once the sink pauses reading no further byte of that child is taken, while others are served."""
        _, sink = self.make_edge("good")
        peer = self.joined_child("flood")
        self.factory.links["c1"].pause_reading()
        assert peer.transport is not None
        for _ in range(100):
            peer.transport.write(frame(b"x" * KIB))
        sink.links[0].send(b"fine")
        self.network.advance(30)
        self.assertEqual(self.sink.messages, [b"fine"])
        self.assertIn("c1", self.factory.links)
