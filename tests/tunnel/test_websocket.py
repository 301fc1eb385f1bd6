"""Autobahn's websocket classes without the rest of Autobahn."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted import websocket
from ote_twisted.tunnel.masking import integer_xor


class SlimCopyTests(SynchronousTestCase):
    """The copy of Autobahn that only we have."""

    def test_wamp_is_left_out(self) -> None:
        """Nothing of WAMP stands behind the classes that the tunnels are made of."""
        wamp = {base.__module__ for base in websocket.WebSocketServerProtocol.__mro__ if ".wamp" in base.__module__}
        self.assertEqual(wamp, set())

    def test_others_get_the_whole_of_autobahn(self) -> None:
        """Whoever imports Autobahn himself gets it with WAMP and NVX, and not our classes."""
        import autobahn.twisted

        self.assertTrue(hasattr(autobahn.twisted.ApplicationSession, "onJoin"))
        self.assertIsNot(autobahn.twisted.WebSocketServerProtocol, websocket.WebSocketServerProtocol)
        self.assertIs(sys.modules["autobahn.twisted"], autobahn.twisted)

    def test_masks_are_made_natively(self) -> None:
        """Autobahn masks its frames with native code."""
        self.assertTrue(websocket.MASKS_NATIVELY)


class MaskerTests(SynchronousTestCase):
    """Masking of the frames that Autobahn itself makes and takes."""

    @given(some.lists(some.binary(max_size=50)), some.binary(min_size=4, max_size=4))
    def test_pieces_are_masked_like_the_whole(self, pieces: list[bytes], mask: bytes) -> None:
        """A frame that comes in pieces is masked as if it came at once."""
        masker = websocket.Masker(mask)
        self.assertEqual(b"".join(map(masker.process, pieces)), integer_xor(b"".join(pieces), mask))
        self.assertEqual(masker.pointer(), sum(map(len, pieces)))

    def test_reset_begins_another_frame(self) -> None:
        """After a reset the mask begins anew."""
        masker = websocket.Masker(b"abcd")
        first = masker.process(b"xyz")
        masker.reset()
        self.assertEqual(masker.process(b"xyz"), first)
