"""What waits for a controller that is away. Pure."""

from __future__ import annotations

from collections import deque


class Backlog:
    """Messages in order, bounded by number and bytes; the oldest go first.

    :ivar dropped: messages that had to go.
    """

    def __init__(self, messages: int = 1000, size: int = 64 << 20) -> None:
        """
        :param messages: how many are kept.
        :param size: how many bytes are kept.
        """
        self._kept: deque[bytes] = deque()
        self._messages = messages
        self._size = size
        self._bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, message: bytes) -> None:
        """Keep one more."""
        self._kept.append(message)
        self._bytes += len(message)
        while self._kept and (len(self._kept) > self._messages or self._bytes > self._size):
            self._bytes -= len(self._kept.popleft())
            self.dropped += 1

    def take(self) -> tuple[bytes, ...]:
        """All of them; none is kept."""
        taken = tuple(self._kept)
        self._kept.clear()
        self._bytes = 0
        return taken
