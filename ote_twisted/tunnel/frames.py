"""Websocket frames that carry data: cutting them out of a stream and making them (RFC 6455 section 5). Pure.

Only complete, final, binary frames are taken here; whatever else stands at the head of the stream is measured and left
for the full implementation.
"""

from __future__ import annotations

from collections.abc import Callable

BINARY_FINAL = 0x82
PING_FINAL = 0x89
NO_FRAME = -1
_MASKED = 0x80

Xor = Callable[[bytes, bytes], bytes]


def binary_head(length: int) -> bytes:
    """Head of an unmasked binary frame of ``length`` payload bytes, as a server sends it."""
    return _head(length, 0)


def masked_frame(payload: bytes, mask: bytes, xor: Xor) -> bytes:
    """A complete masked binary frame, as a client sends it."""
    return b"".join((_head(len(payload), _MASKED), mask, xor(payload, mask)))


def _head(length: int, flag: int) -> bytes:
    if length < 126:
        return bytes((BINARY_FINAL, flag | length))
    if length < 65536:
        return bytes((BINARY_FINAL, flag | 126)) + length.to_bytes(2, "big")
    return bytes((BINARY_FINAL, flag | 127)) + length.to_bytes(8, "big")


def take_binary(
    data: bytes, at: int, masked: bool, limit: int, xor: Xor, found: list[bytes], wanted: int = BINARY_FINAL
) -> tuple[int, int]:
    """Take complete binary frames from ``data``, beginning at ``at``; their payloads are appended to ``found``.

    :param masked: whether the peer has to mask.
    :param limit: longest payload, bytes.
    :param wanted: first byte of the frames to take; :data:`NO_FRAME` only measures.
    :return: where it stopped, and how many bytes from there the next frame needs: 0 at the end of the data; more than
        there are when it is incomplete; not more than there are when it is a complete frame of another kind; negative
        when its head breaks a rule that both kinds share.
    """
    end = len(data)
    flag = _MASKED if masked else 0
    extra = 4 if masked else 0
    while end - at >= 2:
        length = data[at + 1] ^ flag
        head = 2
        if length >= 126:
            head, length = _long(data, at, end, length)
            if length < 0:
                return at, head
        body = at + head + extra
        stop = body + length
        if length > limit:
            return at, -1
        if stop > end or data[at] != wanted:
            return at, stop - at
        found.append(xor(data[body:stop], data[body - 4 : body]) if masked else data[body:stop])
        at = stop
    return at, 2 if at < end else 0


def _long(data: bytes, at: int, end: int, code: int) -> tuple[int, int]:
    """Head length without mask, and payload length; a negative payload length makes the first the number of bytes needed."""
    if code == 126:
        if end - at < 4:
            return 4, -1
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        return (4, length) if length >= 126 else (-1, -1)
    if code == 127:
        if end - at < 10:
            return 10, -1
        length = int.from_bytes(data[at + 2 : at + 10], "big")
        return (10, length) if length >= 65536 else (-1, -1)
    return -1, -1


class Partial:
    """The beginning of a frame that has not arrived wholly; collects without copying until it has."""

    __slots__ = ("_have", "_need", "_parts")

    def __init__(self, data: bytes, need: int) -> None:
        self._parts = [data]
        self._have = len(data)
        self._need = need

    def everything(self) -> bytes:
        """What was collected so far."""
        return b"".join(self._parts)

    def add(self, data: bytes) -> bytes | None:
        """Everything collected once the frame is complete (its head, if that was what was missing), else ``None``."""
        self._parts.append(data)
        self._have += len(data)
        return b"".join(self._parts) if self._have >= self._need else None
