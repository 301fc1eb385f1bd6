"""The way up: the link to the parent that carries, and what waits while there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ote_twisted.controller.overtaking import Overtaking
from ote_twisted.interfaces import ILink


class Uplink:
    """Sends upwards, or keeps until there is a parent.

    First goes what a lost link had not acknowledged, then what waited, then what comes: the messages of each cluster stay in
    their order. That holds as well while a link that carried before is still there: messages of clusters that have others under
    way on it wait until it has ended. Before that would cost the bound, order is given up.

    What is kept is bounded by bytes; the oldest goes first, because the newest answer or report is worth most.

    :ivar link: the link to the parent that carries, or ``None``.
    :ivar owed: what has to be said before the next message, once; ``None`` when nothing is.
    :ivar waiting_bytes: bytes kept for the next parent.
    :ivar behind: messages that wait for the end of a link that carried before.
    :ivar dropped: messages that the bound cost.
    :ivar repeated: messages that a lost link had not acknowledged.
    """

    def __init__(
        self,
        limit: int,
        repeats: Callable[[bytes], bool] = lambda message: True,
        source: Callable[[bytes], str] = lambda message: "",
    ) -> None:
        """
        :param limit: how much is kept while there is no parent, bytes.
        :param repeats: whether a message that was not acknowledged is worth sending again.
        :param source: the cluster that a message speaks of; empty when it is none.
        """
        self.link: ILink | None = None
        self.owed: Callable[[], None] | None = None
        self.waiting_bytes = 0
        self.behind = Overtaking(source)
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

    @property
    def mute(self) -> bool:
        """What is sent goes to a parent that never says what has arrived."""
        return self.link is not None and not self.link.v2 and not self._waiting and not len(self.behind)

    def send(self, message: bytes) -> None:
        """Send one encoded message to the parent, now or when there is one. The hot path of what children answer."""
        if self.owed is not None:
            owed, self.owed = self.owed, None
            owed()
        if self.behind.sources and self.behind.holds(message):
            self._bound()
        elif self.link is None or self._waiting:
            self._keep(message)
        else:
            self.link.send(message)

    def opened(self, link: ILink) -> None:
        """This link carries from now on; another one that did may still be there."""
        former, self.link = self.link, link
        if former is not None:
            self.behind.begin(former, filter(self._repeats, former.unacknowledged()))
            self._take_back()

    def _take_back(self) -> None:
        """What waited was to follow on the link that carried before."""
        waiting, self._waiting = self._waiting, deque()
        self.waiting_bytes = 0
        for message in waiting:
            if not self.behind.holds(message):
                self._keep(message)

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
        self._keep_first(self.behind.ended(link, again))
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
        if self.behind.bytes and self.behind.bytes + self.waiting_bytes > self._limit // 2:
            given_up = self.behind.give_up()
            self._waiting.extend(given_up)
            self.waiting_bytes += sum(map(len, given_up))
            self.release()
        while self.waiting_bytes > self._limit and self._waiting:
            self.waiting_bytes -= len(self._waiting.popleft())
            self.dropped += 1
