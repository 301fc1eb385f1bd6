"""What a link stands on: its websocket protocol, what all links of a service share, and the queue of ``ote.v1``."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from ote_twisted.interfaces import ILinkSink
from ote_twisted.tunnel.session import Session
from ote_twisted.tunnel.settings import TunnelSettings
from ote_twisted.tunnel.turn import Deadlines, Flusher, TunnelCounters


class Circuit(Protocol):
    """What a link needs of its websocket protocol."""

    transport: Any
    session: Session

    def encode(self, payload: bytes, parts: list[bytes]) -> int:
        """Append one binary frame to ``parts``; gives its length."""

    def ping(self) -> None:
        """Write a ping now."""

    def start_close(self, code: int, reason: str) -> None:
        """Write a close frame; the connection ends within the limit for closing."""

    def drop(self, reason: str) -> None:
        """End the connection at once."""


class LinkContext:
    """What all links of one service share."""

    def __init__(
        self,
        sink: ILinkSink,
        settings: TunnelSettings,
        flusher: Flusher,
        deadlines: Deadlines,
        counters: TunnelCounters,
    ) -> None:
        self.sink = sink
        self.settings = settings
        self.flusher = flusher
        self.deadlines = deadlines
        self.counters = counters


class PlainWriter:
    """The ``ote.v1`` counterpart of EnvelopeWriter: every message is a websocket message."""

    __slots__ = ("_messages", "queued_bytes")

    def __init__(self) -> None:
        self._messages: deque[bytes] | None = None
        self.queued_bytes = 0

    @property
    def pending(self) -> bool:
        """A message waits."""
        return self._messages is not None

    def add(self, message: bytes) -> None:
        """Queue one encoded message."""
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        self.queued_bytes += len(message)

    def next_payload(self, acknowledge: int = 0) -> bytes | None:
        """The next message, or ``None``. There are no acknowledgements in ``ote.v1``."""
        if self._messages is None:
            return None
        message = self._messages.popleft()
        self.queued_bytes -= len(message)
        if not self._messages:
            self._messages = None
        return message
