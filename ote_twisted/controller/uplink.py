"""The way up: the link to the parent, and what waits while there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ote_twisted.interfaces import ILink


class Uplink:
    """Sends upwards, or keeps until there is a parent.

    What is kept is bounded by bytes; the oldest goes first, because the newest answer or report is worth most.

    :ivar link: the established link to the parent, or ``None``.
    :ivar owed: what has to be said before the next message, once; ``None`` when nothing is.
    :ivar waiting_bytes: bytes kept for the next parent.
    :ivar dropped: messages that the bound cost.
    """

    def __init__(self, limit: int) -> None:
        """:param limit: how much is kept while there is no parent, bytes."""
        self.link: ILink | None = None
        self.owed: Callable[[], None] | None = None
        self.waiting_bytes = 0
        self.dropped = 0
        self._limit = limit
        self._waiting: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def congested(self) -> bool:
        """The parent takes less than is sent, or has not taken yet what waited for it."""
        return self.link is not None and (self.link.congested or bool(self._waiting))

    def send(self, message: bytes) -> None:
        """Send one encoded message to the parent, now or when there is one."""
        if self.owed is not None:
            owed, self.owed = self.owed, None
            owed()
        if self.link is None or self._waiting:
            self._keep(message)
        else:
            self.link.send(message)

    def opened(self, link: ILink) -> None:
        """There is a parent."""
        self.link = link

    def release(self) -> None:
        """Send what waited, as much as the link takes; called when the new parent knows who is below us, and when it drained."""
        link, waiting = self.link, self._waiting
        while link is not None and waiting and not link.congested:
            message = waiting.popleft()
            self.waiting_bytes -= len(message)
            link.send(message)

    def lost(self) -> None:
        """The parent is gone."""
        self.link = None

    def _keep(self, message: bytes) -> None:
        self._waiting.append(message)
        self.waiting_bytes += len(message)
        while self.waiting_bytes > self._limit and self._waiting:
            self.waiting_bytes -= len(self._waiting.popleft())
            self.dropped += 1
