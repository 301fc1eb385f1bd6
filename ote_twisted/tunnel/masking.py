"""Masking of frames: the fastest XOR there is, and unpredictable masks."""

from __future__ import annotations

import os
from typing import Any

from ote_twisted.tunnel.frames import Xor
from ote_twisted.websocket import MASKS_NATIVELY, apply_mask, create_xor_masker

_MASKS_PER_REFILL = 256


def integer_xor(data: bytes, mask: bytes) -> bytes:
    """XOR with the repeated four-byte mask, by arithmetic: the slowest of the three ways and the one always there."""
    if not data:
        return b""
    repeated = (mask * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(data), "big")


def nvx_xor(data: bytes, mask: bytes) -> bytes:
    """XOR by Autobahn's native extension."""
    if not data:
        return b""
    masker: Any = create_xor_masker(mask, len(data))
    masked: bytes = masker.process(data)
    return masked


def choose_xor() -> tuple[str, Xor]:
    """The fastest XOR of this installation and its name: ``websockets``, ``nvx`` or ``integer``."""
    if apply_mask is None:
        return ("nvx", nvx_xor) if nvx_in_use() else ("integer", integer_xor)
    return "websockets", apply_mask


def nvx_in_use() -> bool:
    """Autobahn masks with native code."""
    return MASKS_NATIVELY


def check_nvx(in_use: bool | None = None) -> str | None:
    """A warning for the operator when Autobahn masks in Python, else ``None``. To be called once at start."""
    if nvx_in_use() if in_use is None else in_use:
        return None
    return (
        "Autobahn runs without its native extension NVX: a fragmented message of 64 KiB costs 5 ms instead of 15 us. "
        "Install a wheel of autobahn for this platform, or unset AUTOBAHN_USE_NVX."
    )


class MaskSource:
    """Unpredictable four-byte masks, drawn from the system's source in batches."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def draw(self) -> bytes:
        """A fresh mask."""
        at = self._at
        if at >= len(self._pool):
            self._pool = os.urandom(4 * _MASKS_PER_REFILL)
            at = 0
        self._at = at + 4
        return self._pool[at : at + 4]
