"""The way up: the link to the parent that carries, and what waits while there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ote_twisted.interfaces import ILink


class Uplink:
    """Sends upwards, or keeps until there is a parent.

    First goes what a lost link had not acknowledged, then what waited, then what comes: the messages of each cluster stay in
    their order. What is kept is bounded by bytes; the oldest goes first, because the newest answer or report is worth most.

    :ivar link: the link to the parent that carries, or ``None``.
    :ivar owed: what has to be said before the next message, once; ``None`` when nothing is.
    :ivar waiting_bytes: bytes kept for the next parent.
    :ivar dropped: messages that the bound cost.
    :ivar repeated: messages that a lost link had not acknowledged.
    """

    def __init__(self, limit: int, repeats: Callable[[bytes], bool] = lambda message: True) -> None:
        """
        :param limit: how much is kept while there is no parent, bytes.
        :param repeats: whether a message that was not acknowledged is worth sending again.
        """
        self.link: ILink | None = None
        self.owed: Callable[[], None] | None = None
        self.waiting_bytes = 0
        self.dropped = 0
        self.repeated = 0
        self._limit = limit
        self._repeats = repeats
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
        """This link carries from now on; another one that did may still be there."""
        self.link = link

    def release(self) -> None:
        """Send what waited, as much as the link takes; called when the new parent knows who is below us, and when it drained."""
        link, waiting = self.link, self._waiting
        while link is not None and waiting and not link.congested:
            message = waiting.popleft()
            self.waiting_bytes -= len(message)
            link.send(message)

    def lost(self, link: ILink) -> None:
        """A link that carries, or carried, is gone: what it did not acknowledge goes first on the next, or the present one."""
        if link is self.link:
            self.link = None
        again = [message for message in link.unacknowledged() if self._repeats(message)]
        self.repeated += len(again)
        self._keep_first(again)
        self.release()

    def _keep_first(self, messages: Iterable[bytes]) -> None:
        for message in reversed(list(messages)):
            self._waiting.appendleft(message)
            self.waiting_bytes += len(message)
        self._bound()

    def _keep(self, message: bytes) -> None:
        self._waiting.append(message)
        self.waiting_bytes += len(message)
        self._bound()

    def _bound(self) -> None:
        while self.waiting_bytes > self._limit and self._waiting:
            self.waiting_bytes -= len(self._waiting.popleft())
            self.dropped += 1
