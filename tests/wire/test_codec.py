"""Tests of :mod:`ote_twisted.wire.codec`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire import codec
from ote_twisted.wire.codec import decode, encode, with_hop_limit
from tests.wire.strategies import cluster_messages, mutations


class DecodeTests(SynchronousTestCase):
    """What is taken from a peer, and what is refused."""

    def assert_malformed(self, raw: object, text: str) -> None:
        """``raw`` is refused with an error that says ``text``."""
        fault = self.assertRaises(MalformedMessage, decode, raw)
        self.assertIn(text, str(fault))

    def test_missing_head_is_refused(self) -> None:
        """A message without a head is malformed; no bytes at all are that too."""
        self.assert_malformed(b"", "ClusterMessage.Head: missing")
        self.assert_malformed(b"\x12\x02{}", "ClusterMessage.Head: missing")

    def test_empty_head_is_a_head(self) -> None:
        """A head with every field at its default is two bytes and legal."""
        self.assertEqual(decode(b"\x0a\x00").Head.Command, pb.Reserved)

    def test_stray_byte_is_refused(self) -> None:
        """A byte that is no protobuf is malformed."""
        self.assert_malformed(b"\xff", "ClusterMessage: ")

    def test_truncated_message_is_refused(self) -> None:
        """Any cut through the head of a message is malformed."""
        raw = encode(pb.ClusterMessage(Head=pb.MessageHead(MessageID="t1")))
        for end in range(len(raw)):
            self.assert_malformed(raw[:end], "ClusterMessage")

    def test_nothing_is_refused(self) -> None:
        """``None`` and text are malformed, not a crash."""
        self.assert_malformed(None, "ClusterMessage: ")
        self.assert_malformed("text", "ClusterMessage: ")

    def test_text_that_is_not_utf8_is_refused(self) -> None:
        """A name that is not UTF-8 is malformed, and the error says so."""
        self.assert_malformed(b"\x0a\x03\x0a\x01\xff", "UTF-8")

    def test_oversize_is_refused_before_parsing(self) -> None:
        """A message over the limit is malformed whatever is in it."""
        self.patch(codec, "MESSAGE_LIMIT", 10)
        self.assert_malformed(b"\xff" * 11, "11 bytes are over the limit of 10")

    def test_unknown_command_is_legal(self) -> None:
        """A command that is not known is kept as its number."""
        self.assertEqual(decode(b"\x0a\x03\x10\xb9\x60").Head.Command, 12345)

    def test_unknown_fields_survive_a_hop(self) -> None:
        """Fields of a future version are still there when a message is encoded again."""
        future = b"\x0a\x09\x0a\x02t1" + b"\x82\x7d\x02hi" + b"\x8a\x7d\x02yo"
        again = encode(decode(future))
        self.assertIn(b"\x82\x7d\x02hi", again)
        self.assertIn(b"\x8a\x7d\x02yo", again)

    @given(cluster_messages)
    def test_round_trip(self, message: pb.ClusterMessage) -> None:
        """What was encoded is decoded to the same."""
        self.assertEqual(decode(encode(message)), message)

    @given(st.one_of(st.binary(max_size=64), mutations(cluster_messages.map(encode))))
    def test_hostile_bytes(self, raw: bytes) -> None:
        """Any bytes are a message or malformed; nothing else happens."""
        try:
            message = decode(raw)
        except MalformedMessage:
            return
        decode(encode(message))


class EncodeTests(SynchronousTestCase):
    """What is given to a peer."""

    def test_head_is_always_there(self) -> None:
        """An empty message has an empty head: peers of v1 crash without one (F61, F62, F63)."""
        self.assertEqual(encode(pb.ClusterMessage()), b"\x0a\x00")

    def test_oversize_is_refused(self) -> None:
        """A message that no peer would take is not encoded."""
        self.patch(codec, "MESSAGE_LIMIT", 10)
        self.assertRaises(MalformedMessage, encode, pb.ClusterMessage(Body=b"0123456789"))


class HopLimitTests(SynchronousTestCase):
    """Hop limits are counted down without touching bodies."""

    def test_only_the_hop_limit_changes(self) -> None:
        """Only the hop limit differs, and the earlier bytes are untouched."""
        message = pb.ClusterMessage(Head=pb.MessageHead(MessageID="t1", HopLimit=64, Targets=["c1"]), Body=b"\x00body")
        raw = message.SerializeToString()
        amended = with_hop_limit(raw, 63)
        self.assertTrue(amended.startswith(raw))
        message.Head.HopLimit = 63
        self.assertEqual(decode(amended), message)

    @given(cluster_messages, st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=4))
    def test_last_hop_limit_counts(self, message: pb.ClusterMessage, hops: list[int]) -> None:
        """After several hops the last limit is read, all else is as it was."""
        raw = encode(message)
        for each in hops:
            raw = with_hop_limit(raw, each)
        message.Head.HopLimit = hops[-1]
        self.assertEqual(decode(raw), message)

    def test_no_hops_left_cannot_be_written(self) -> None:
        """0 would mean "not limited", so neither it nor anything out of range is written."""
        for hops in (0, -1, 1 << 32):
            self.assertRaises(ValueError, with_hop_limit, b"\x0a\x00", hops)
