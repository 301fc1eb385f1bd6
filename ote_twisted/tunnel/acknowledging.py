"""When a peer has to be told what arrived. Pure."""

from __future__ import annotations

from typing import Final

ACKNOWLEDGE_AFTER: Final = 1024
"""Messages received after which an acknowledgement is sent even if nothing else is."""

ACKNOWLEDGE_BYTES: Final = 1024 * 1024
"""Bytes received after which likewise."""


def owes_acknowledgement(messages: int, size: int) -> bool:
    """The peer keeps what was not acknowledged, so neither number nor bytes may grow far."""
    return messages >= ACKNOWLEDGE_AFTER or (messages > 0 and size >= ACKNOWLEDGE_BYTES)
