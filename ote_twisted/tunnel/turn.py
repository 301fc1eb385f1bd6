"""Work shared by all links of a service: one flush per reactor turn, one timer for all deadlines, counters."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

SLICE = 250
"""Links flushed in one turn, so that a fan-out to thousands leaves the reactor responsive."""

GRANULARITY = 0.05
"""Deadlines are met at most this much late, seconds: thousands of links then share a few wake-ups."""


class Flushable(Protocol):
    """Something that queued bytes during this turn."""

    def flush(self) -> None:
        """Write what is queued."""


class Watched(Protocol):
    """Something with a deadline."""

    due: float

    def look(self, now: float) -> None:
        """The deadline has come; whoever wants another one arms it."""


class Flusher:
    """Flushes every link that queued something, once, when the turn ends."""

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._dirty: list[Flushable] = []
        self._call: IDelayedCall | None = None

    def mark(self, link: Flushable) -> None:
        """Flush ``link`` at the end of this turn. The caller marks once until it is flushed."""
        self._dirty.append(link)
        if self._call is None:
            self._call = self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        self._call = None
        batch, self._dirty = self._dirty[:SLICE], self._dirty[SLICE:]
        if self._dirty:
            self._call = self._clock.callLater(0, self._flush)
        for link in batch:
            try:
                link.flush()
            except Exception:
                self.log.failure("a link could not be flushed")

    def stop(self) -> None:
        """Forget what is not flushed yet."""
        self._dirty = []
        if self._call is not None:
            self._call.cancel()
            self._call = None


class Deadlines:
    """One timer for the deadlines of all connections of a service.

    Each connection has one deadline at a time, kept in its ``due``; entries that no longer agree with it are dead and
    are dropped when their time comes.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Watched]] = []
        self._order = count()
        self._call: IDelayedCall | None = None
        self._next = 0.0

    def now(self) -> float:
        """The clock's reading, monotonic seconds."""
        return self._clock.seconds()

    def arm(self, watched: Watched, when: float) -> None:
        """``watched.look`` is called at ``when``, instead of at any time armed before."""
        watched.due = when
        heappush(self._heap, (when, next(self._order), watched))
        self._schedule(when)

    def stop(self) -> None:
        """Forget every deadline."""
        self._heap = []
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _schedule(self, when: float) -> None:
        if self._call is not None:
            if self._next <= when:
                return
            self._call.cancel()
        self._next = max(when, self._clock.seconds() + GRANULARITY)
        self._call = self._clock.callLater(max(0.0, self._next - self._clock.seconds()), self._run)

    def _run(self) -> None:
        self._call = None
        now = self._clock.seconds()
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heappop(self._heap))
        for when, _, watched in due:
            if watched.due == when:
                self._look(watched, now)
        if self._heap:
            self._schedule(self._heap[0][0])

    def _look(self, watched: Watched, now: float) -> None:
        try:
            watched.look(now)
        except Exception:
            self.log.failure("a deadline could not be met")


class TunnelCounters:
    """What a tunnel service counts; read by the metrics collector at scrape time."""

    def __init__(self) -> None:
        self.links_opened = 0
        self.links_lost = 0
        self.messages_received = 0
        self.messages_sent = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.messages_dropped = 0
        self.messages_refused = 0
        self.pings_sent = 0
        self.peers_dead = 0
        self.slow_readers = 0
        self.malformed_messages = 0
        self.protocol_violations = 0
        self.oversize_messages = 0
        self.bad_handshakes = 0
        self.handshakes_timed_out = 0
        self.joins_refused = 0
        self.joins_redirected = 0
        self.sessions_replaced = 0
        self.connections_turned_away = 0
        self.sink_failures = 0
        self.dials = 0
        self.dial_failures = 0
