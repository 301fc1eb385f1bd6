"""Cutting data frames out of a stream, making them, and masking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tunnel.frames import NO_FRAME, Partial, binary_head, masked_frame, take_binary
from ote_twisted.tunnel.masking import MaskSource, check_nvx, choose_xor, integer_xor, nvx_xor
from tests.tunnel.builders import frame

LIMIT = 1 << 20
MASK = b"\x01\x02\x03\x04"
payloads = st.one_of(st.binary(max_size=300), st.sampled_from([125, 126, 127, 65535, 65536]).map(lambda n: b"x" * n))


def take(data: bytes, masked: bool = True, limit: int = LIMIT) -> tuple[list[bytes], int, int]:
    """Payloads found, where it stopped, what is needed."""
    found: list[bytes] = []
    at, need = take_binary(data, 0, masked, limit, integer_xor, found)
    return found, at, need


class EncodingTests(SynchronousTestCase):
    """Frames as we send them are those of the standard."""

    @given(payloads)
    def test_server_frames(self, payload: bytes) -> None:
        """A server's frame is unmasked, with the shortest length."""
        self.assertEqual(binary_head(len(payload)) + payload, frame(payload, mask=None))

    @given(payloads, st.binary(min_size=4, max_size=4))
    def test_client_frames(self, payload: bytes, mask: bytes) -> None:
        """A client's frame is masked, with the shortest length."""
        self.assertEqual(masked_frame(payload, mask, choose_xor()[1]), frame(payload, mask=mask))


class TakingTests(SynchronousTestCase):
    """What is taken, and what is left to the full implementation."""

    @given(st.lists(payloads, max_size=5), st.booleans())
    def test_complete_frames_are_taken_in_order(self, messages: list[bytes], masked: bool) -> None:
        """All complete frames come out at once, in order, and nothing is needed after them."""
        mask = MASK if masked else None
        data = b"".join(frame(message, mask=mask) for message in messages)
        self.assertEqual(take(data, masked), (messages, len(data), 0))

    @given(payloads, st.integers(1, 100))
    def test_incomplete_frame_says_what_it_needs(self, payload: bytes, missing: int) -> None:
        """A frame cut short says how much it needs: its head first, then all of it."""
        whole = frame(payload)
        data = whole[: max(1, len(whole) - missing)]
        while len(data) < len(whole):
            found, at, need = take(data)
            self.assertEqual((found, at), ([], 0))
            self.assertTrue(len(data) < need <= len(whole), need)
            data = whole[:need]
        self.assertEqual(take(data), ([payload], len(whole), 0))

    def test_other_frames_are_measured(self) -> None:
        """Text, control and fragment frames are measured and left, with what follows them."""
        for rare in (frame(b"t", 1), frame(b"p", 9), frame(b"", 10), frame(b"f", 2, final=False), frame(b"c", 0)):
            found, at, need = take(frame(b"first") + rare + frame(b"last"))
            self.assertEqual((found, at, need), ([b"first"], len(frame(b"first")), len(rare)))

    def test_measuring_only(self) -> None:
        """Inside a fragmented message even a binary frame is only measured."""
        found: list[bytes] = []
        self.assertEqual(take_binary(frame(b"x"), 0, True, LIMIT, integer_xor, found, NO_FRAME), (0, 7))
        self.assertEqual(found, [])

    def test_broken_heads(self) -> None:
        """Over the limit, not masked as the peer must, a length not in its shortest form, over 2**63: refused at the head."""
        for data, masked in (
            (frame(b"x" * 11)[:2], True),
            (frame(b"x", mask=None), True),
            (frame(b"x"), False),
            (b"\x82\xfe\x00\x05" + MASK, True),
            (b"\x82\xff" + (5).to_bytes(8, "big") + MASK, True),
            (b"\x82\xff" + b"\xff" * 8 + MASK, True),
        ):
            found, at, need = take(data, masked, limit=10)
            self.assertEqual((found, at), ([], 0))
            self.assertTrue(need < 0)

    @given(st.binary(max_size=40), st.booleans())
    def test_any_bytes(self, data: bytes, masked: bool) -> None:
        """Whatever the bytes are, it stops within them."""
        _, at, need = take(data, masked)
        self.assertTrue(0 <= at <= len(data))
        self.assertTrue(need or at == len(data))


class PartialTests(SynchronousTestCase):
    """Collecting an incomplete frame."""

    def test_gives_everything_when_complete(self) -> None:
        """Nothing is given until the needed bytes are there, then all of them, with what came too much."""
        partial = Partial(b"ab", 5)
        self.assertIs(partial.add(b"cd"), None)
        self.assertEqual(partial.everything(), b"abcd")
        self.assertEqual(partial.add(b"efg"), b"abcdefg")


class MaskingTests(SynchronousTestCase):
    """The three ways to mask are one."""

    @given(st.binary(max_size=100), st.binary(min_size=4, max_size=4))
    def test_all_ways_agree(self, data: bytes, mask: bytes) -> None:
        """The fastest, Autobahn's and the arithmetic way give the same bytes, and undo themselves."""
        expected = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        for xor in (choose_xor()[1], nvx_xor, integer_xor):
            self.assertEqual(xor(data, mask), expected)
            self.assertEqual(xor(expected, mask), data)

    def test_masks_are_fresh(self) -> None:
        """Masks have four bytes and do not repeat, across refills of the pool."""
        source = MaskSource()
        masks = [source.draw() for _ in range(600)]
        self.assertEqual({len(mask) for mask in masks}, {4})
        self.assertTrue(len(set(masks)) > 590)

    def test_missing_nvx_is_told(self) -> None:
        """Without Autobahn's native masking the operator is warned; with it there is nothing to say."""
        self.assertIs(check_nvx(True), None)
        self.assertIn("NVX", check_nvx(False) or "")
