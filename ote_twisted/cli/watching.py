"""The lines of a watch, one after the other."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import DeferredQueue
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure


class WatchLines(LineOnlyReceiver):
    """Body of a watch's response; an asynchronous iterator over its lines."""

    delimiter = b"\n"
    MAX_LENGTH = 64 * 1024**2

    def __init__(self) -> None:
        self._queue: DeferredQueue[bytes | None] = DeferredQueue()
        self._over = False

    def lineReceived(self, line: bytes) -> None:
        """One event."""
        if line.strip():
            self._queue.put(line)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """No more will come."""
        self._over = True
        self._queue.put(None)

    def stop(self) -> None:
        """Read no more."""
        transport: Any = self.transport
        if transport is not None and not self._over:
            self._over = True
            transport.loseConnection()

    def __aiter__(self) -> WatchLines:
        return self

    async def __anext__(self) -> bytes:
        line = await self._queue.get()
        if line is None:
            raise StopAsyncIteration
        return line
