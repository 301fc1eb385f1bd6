"""Tests of :mod:`ote_twisted.tunnel.acknowledging`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tunnel.acknowledging import owes_acknowledgement


class OwedTests(SynchronousTestCase):
    """A peer that keeps what it sends is told in time."""

    def test_many_messages(self) -> None:
        """Many messages are acknowledged however short they are."""
        self.assertFalse(owes_acknowledgement(1023, 1023))
        self.assertTrue(owes_acknowledgement(1024, 1024))

    def test_many_bytes(self) -> None:
        """A few long messages are acknowledged before they fill the peer's memory."""
        self.assertFalse(owes_acknowledgement(1, 2**20 - 1))
        self.assertTrue(owes_acknowledgement(1, 2**20))

    def test_half_a_message(self) -> None:
        """Bytes that complete no message yet have nothing to acknowledge."""
        self.assertFalse(owes_acknowledgement(0, 2**21))
