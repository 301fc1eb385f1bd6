"""Who runs the groups: a thread of its own in the product, the clock's turn in unit tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.errors import StoreError, StoreUnavailable
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.model import StoreEvent
from ote_twisted.storage.sqlite.transactions import GroupCommit, Run

Announce = Callable[[Sequence[StoreEvent]], None]
Waiting = tuple[Run, "Deferred[Any]"]


class Writer(Protocol):
    """Takes writes in order."""

    def write(self, run: Run) -> Deferred[Any]:
        """Queue a write; fires with what it gives once that is durable, or fails with a :class:`StoreError`.

        A write that gives an event fires with the event's object; the event is announced before.
        """

    def stop(self) -> Deferred[None]:
        """Finish what is queued, refuse the rest, close. Fires when done."""


class Backlog:
    """What one writer has accepted, kept in the reactor's thread: settles groups and counts.

    :ivar queued: writes accepted and not yet settled.
    :ivar groups: groups settled.
    :ivar writes: writes that succeeded.
    :ivar refused: writes refused because too many were waiting or the store was closed.
    :ivar unavailable: writes that failed with :class:`StoreUnavailable`.
    :ivar failing: the last group met an unusable disk.
    """

    _log = Logger()

    def __init__(self, announce: Announce, limits: Limits) -> None:
        self._announce = announce
        self._bound = limits.queued_writes
        self.closed = False
        self.queued = 0
        self.groups = 0
        self.writes = 0
        self.refused = 0
        self.unavailable = 0
        self.failing = False

    def refusal(self) -> StoreUnavailable | None:
        """Why one more write cannot be taken; counts the one that can."""
        if not self.closed and self.queued < self._bound:
            self.queued += 1
            return None
        self.refused += 1
        return StoreUnavailable("the store is closed" if self.closed else f"{self.queued} writes are waiting: try again later")

    def settle(self, group: Sequence[Waiting], results: Sequence[Any]) -> None:
        """Announce a group's changes, then fire its Deferreds in order."""
        self.groups += 1
        self.queued -= len(group)
        events = [result for result in results if type(result) is StoreEvent]
        failed = len(events) < len(results) and [result for result in results if isinstance(result, StoreError)]
        self.writes += len(results) - len(failed or ())
        self._judge([error for error in failed or () if isinstance(error, StoreUnavailable)])
        if events:
            self._announce(events)
        for (_, waiting), result in zip(group, results, strict=True):
            if type(result) is StoreEvent:
                waiting.callback(result.object)
            elif isinstance(result, StoreError):
                waiting.errback(Failure(result))
            else:
                waiting.callback(result)

    def _judge(self, errors: Sequence[StoreUnavailable]) -> None:
        self.unavailable += len(errors)
        if errors and not self.failing:
            self._log.error("the store refuses writes: {error}", error=errors[0])
        elif self.failing and not errors:
            self._log.info("the store takes writes again")
        self.failing = bool(errors)


class ThreadWriter:
    """Runs groups in a thread of its own: whatever is queued when the last group is done is the next group.

    :ivar backlog: what it has accepted, with its counters.
    """

    _log = Logger()

    def __init__(self, commit: GroupCommit, backlog: Backlog, limits: Limits, call_from_thread: Callable[..., object]) -> None:
        """Start the thread. ``call_from_thread`` brings results home, one call per group."""
        self.backlog = backlog
        self._commit = commit
        self._group = limits.group
        self._home = call_from_thread
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._stopped: Deferred[None] = Deferred()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, run: Run) -> Deferred[Any]:
        """See :class:`Writer`."""
        refusal = self.backlog.refusal()
        if refusal is not None:
            return fail(refusal)
        waiting: Deferred[Any] = Deferred()
        self._queue.put((run, waiting))
        return waiting

    def stop(self) -> Deferred[None]:
        """See :class:`Writer`. Called once."""
        self.backlog.closed = True
        self._queue.put(None)
        return self._stopped

    def _work(self) -> None:
        while group := self._take():
            results = self._commit.execute([run for run, _ in group])
            self._home(self.backlog.settle, group, results)
        try:
            self._commit.close()
        finally:
            self._home(self._finish)

    def _take(self) -> list[Waiting]:
        group: list[Waiting] = []
        first = self._queue.get()
        try:
            while first is not None:
                group.append(first)
                if len(group) == self._group:
                    return group
                first = self._queue.get_nowait()
        except Empty:
            return group
        if group:
            self._queue.put(None)
        return group

    def _finish(self) -> None:
        self._thread.join()
        self._stopped.callback(None)


class SynchronousWriter:
    """Runs each turn's writes as one group in the caller's thread, when its clock comes to it. For tests without a reactor.

    :ivar backlog: what it has accepted, with its counters.
    """

    def __init__(self, commit: GroupCommit, backlog: Backlog, clock: IReactorTime) -> None:
        self.backlog = backlog
        self._commit = commit
        self._clock = clock
        self._group: list[Waiting] = []
        self._turn: IDelayedCall | None = None

    def write(self, run: Run) -> Deferred[Any]:
        """See :class:`Writer`."""
        refusal = self.backlog.refusal()
        if refusal is not None:
            return fail(refusal)
        waiting: Deferred[Any] = Deferred()
        self._group.append((run, waiting))
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._flush)
        return waiting

    def stop(self) -> Deferred[None]:
        """See :class:`Writer`. Called once."""
        self.backlog.closed = True
        if self._turn is not None:
            self._turn.cancel()
            self._flush()
        self._commit.close()
        return succeed(None)

    def _flush(self) -> None:
        self._turn = None
        group, self._group = self._group, []
        self.backlog.settle(group, self._commit.execute([run for run, _ in group]))
