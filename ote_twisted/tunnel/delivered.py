"""What of the bytes that we sent has reached the other machine, as far as the system knows."""

from __future__ import annotations

import socket
import struct
from typing import Any

_INFO = 148
"""Bytes of Linux' ``struct tcp_info`` that are read, up to ``tcpi_notsent_bytes``."""

_UNACKNOWLEDGED = 24
_BYTES_ACKNOWLEDGED = 120
_NOT_SENT = 144


def delivered(transport: Any) -> tuple[int, bool] | None:
    """Bytes that the peer's system has acknowledged so far, and whether some are still under way.

    ``None`` where nobody can tell: no socket, or a system that does not say it.
    """
    connection = getattr(transport, "socket", None) or getattr(getattr(transport, "transport", None), "socket", None)
    if not isinstance(connection, socket.socket):
        return None
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO)
    except OSError:
        return None
    if len(told) < _INFO:
        return None
    waiting = _number(told, _UNACKNOWLEDGED) or _number(told, _NOT_SENT)
    return struct.unpack_from("Q", told, _BYTES_ACKNOWLEDGED)[0], waiting > 0


def _number(told: bytes, at: int) -> int:
    number: int = struct.unpack_from("I", told, at)[0]
    return number
