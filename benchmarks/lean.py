"""A websocket with nothing round it, for floors and load generators only: trusts its peer, knows no fragments."""

from __future__ import annotations

import os
import struct
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import cast

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol
from websockets.speedups import apply_mask

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MASK = b"\x37\xfa\x21\x3d"
_long = struct.Struct("!Q")
_short = struct.Struct("!H")
_HEAD_LENGTHS = {126: 4, 127: 10}


def frame(payload: bytes, masked: bool, opcode: int = 2) -> bytes:
    """One whole websocket frame."""
    length = len(payload)
    bit = 0x80 if masked else 0
    if length < 126:
        head = bytes((0x80 | opcode, bit | length))
    elif length < 65536:
        head = bytes((0x80 | opcode, bit | 126)) + _short.pack(length)
    else:
        head = bytes((0x80 | opcode, bit | 127)) + _long.pack(length)
    if masked:
        return head + _MASK + apply_mask(payload, _MASK)
    return head + payload


class LeanWebSocket(Protocol):
    """One end of a websocket. Subclasses say what to do when it is open, with payloads, and when it is over.

    :ivar is_client: this end dials, so it masks.
    :ivar path: path of the handshake's request.
    """

    is_client = False
    host = "127.0.0.1"
    path = "/"
    headers: tuple[tuple[str, str], ...] = ()
    subprotocol: str | None = None

    def connectionMade(self) -> None:
        """Begin the handshake."""
        cast(ITCPTransport, self.transport).setTcpNoDelay(True)
        self._buffer = b""
        self._take: Callable[[], None] = self._take_handshake
        if self.is_client:
            self._write(self._request())

    def opened(self) -> None:
        """The handshake is done."""

    def refused(self, status: bytes) -> None:
        """The server answered with another status line."""
        cast(ITCPTransport, self.transport).loseConnection()

    def payloads_received(self, payloads: list[bytes]) -> None:
        """Binary messages arrived."""
        raise NotImplementedError

    def send_payloads(self, payloads: list[bytes]) -> None:
        """Write binary messages, at once."""
        self._write(b"".join([frame(payload, self.is_client) for payload in payloads]))

    def _write(self, data: bytes) -> None:
        cast(ITCPTransport, self.transport).write(data)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes from the transport."""
        self._buffer = self._buffer + data if self._buffer else data
        self._take()

    def _request(self) -> bytes:
        lines = [
            f"GET {self.path} HTTP/1.1",
            f"Host: {self.host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        if self.subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {self.subprotocol}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _take_handshake(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.split(b"\r\n")
        if self.is_client and b" 101" not in first:
            self.refused(first)
            return
        if not self.is_client:
            self._answer(first, dict(line.lower().split(b": ", 1)[:1] + line.split(b": ", 1)[1:] for line in lines))
        self._buffer = rest
        self._take = self._take_frames
        self.opened()
        if rest:
            self._take()

    def _answer(self, first: bytes, headers: dict[bytes, bytes]) -> None:
        self.path = first.split()[1].decode()
        accept = b64encode(sha1(headers[b"sec-websocket-key"] + _GUID).digest())
        answer = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
        )
        offered = headers.get(b"sec-websocket-protocol")
        if offered is not None and self.subprotocol is not None:
            answer += b"\r\nSec-WebSocket-Protocol: " + self.subprotocol.encode()
        self._write(answer + b"\r\n\r\n")

    def _take_frames(self) -> None:
        buffer, end, start = self._buffer, len(self._buffer), 0
        payloads = []
        while end - start >= 2:
            opcode, coded = buffer[start] & 15, buffer[start + 1]
            masked, length = coded & 0x80, coded & 0x7F
            at = start + (_HEAD_LENGTHS.get(length, 2) + 4 if masked else _HEAD_LENGTHS.get(length, 2))
            if end < at:
                break
            if length > 125:
                length = (_short if length == 126 else _long).unpack_from(buffer, start + 2)[0]
            if end - at < length:
                break
            start = at + length
            payload = buffer[at:start]
            if masked:
                payload = apply_mask(payload, buffer[at - 4 : at])
            if opcode == 2:
                payloads.append(payload)
            else:
                self._control(opcode, payload)
        self._buffer = buffer[start:]
        if payloads:
            self.payloads_received(payloads)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._write(frame(payload, self.is_client, 10))
        elif opcode == 8:
            cast(ITCPTransport, self.transport).loseConnection()
