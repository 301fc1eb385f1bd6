"""One watch over one HTTP connection, with a bound on what its reader leaves unread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from ote_twisted.api.watching import OpenWatch


class Wire(Protocol):
    """Where lines go."""

    def send(self, data: bytes) -> None:
        """Write a part of the answer's body."""

    def finish(self) -> None:
        """End the answer in good order."""

    def abort(self) -> None:
        """Drop the connection."""


@implementer(IPushProducer)
class WatchStream:
    """Lines from a watch to a wire. While the wire is full lines wait, and beyond the bound the watcher is cut off.

    :ivar cut: the watcher was cut off.
    :ivar lines: how many were delivered.
    """

    def __init__(
        self,
        wire: Wire,
        clock: IReactorTime,
        bookmark_seconds: float,
        bound: int,
        ended: Callable[[WatchStream], None],
    ) -> None:
        """Send to ``wire``.

        :param bound: bytes that may wait.
        :param ended: called once, however the stream ends.
        """
        self.cut = False
        self.lines = 0
        self._wire = wire
        self._clock = clock
        self._bookmark_seconds = bookmark_seconds
        self._bound = bound
        self._ended = ended
        self._watch: OpenWatch | None = None
        self._timers: dict[str, IDelayedCall] = {}
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._paused = False
        self._over = False

    def begin(self, watch: OpenWatch) -> None:
        """The watch is open: send what it begins with."""
        self._watch = watch
        self.deliver(watch.initial)
        if self._over:
            return
        if watch.timeout is not None:
            self._timers["timeout"] = self._clock.callLater(watch.timeout, self.end)
        if watch.bookmarks:
            self._timers["bookmark"] = self._clock.callLater(self._bookmark_seconds, self._bookmark)

    def deliver(self, lines: Sequence[bytes]) -> None:
        """Send lines, or keep them while the wire is full."""
        if self._over or not lines:
            return
        self.lines += len(lines)
        data = lines[0] if len(lines) == 1 else b"".join(lines)
        if not self._paused:
            self._wire.send(data)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self._bound:
            self.cut = True
            self._close()
            self._wire.abort()

    def end(self) -> None:
        """End the answer in good order. Idempotent."""
        if not self._over:
            self._close()
            self._wire.finish()

    def lost(self) -> None:
        """The connection is gone. Idempotent."""
        if not self._over:
            self._close()

    def pauseProducing(self) -> None:
        """The wire is full."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The wire has room again."""
        self._paused = False
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if waiting and not self._over:
            self._wire.send(b"".join(waiting))

    def stopProducing(self) -> None:
        """The wire is gone."""
        self.lost()

    def _bookmark(self) -> None:
        if self._watch is not None:
            self._timers["bookmark"] = self._clock.callLater(self._bookmark_seconds, self._bookmark)
            self.deliver([self._watch.bookmark()])

    def _close(self) -> None:
        self._over = True
        self._waiting.clear()
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._ended(self)
