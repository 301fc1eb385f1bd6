"""Runs calls at once, but not too many, and those of one object in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.python.failure import Failure

from ote_twisted.errors import ShimUnavailable
from ote_twisted.tasks.model import Answer


class _Job:
    __slots__ = ("call", "given_up", "inner", "key", "outer")

    def __init__(self, key: Hashable, call: Callable[[], Deferred[Answer]], outer: Deferred[Answer]) -> None:
        self.key = key
        self.call = call
        self.outer = outer
        self.inner: Deferred[Answer] | None = None
        self.given_up = False


class Lanes:
    """Bounded concurrency with one first-in-first-out lane per key.

    :ivar active: calls under way.
    :ivar waiting: calls not begun.
    :ivar refused: calls that found ``waiting`` at its bound.
    """

    def __init__(self, limit: int = 32, waiting_limit: int = 4096) -> None:
        """
        :param limit: calls under way at once.
        :param waiting_limit: calls that may wait; a further one is refused.
        """
        self._limit = limit
        self._waiting_limit = waiting_limit
        self._lanes: dict[Hashable, deque[_Job]] = {}
        self._ready: deque[_Job] = deque()
        self._starting = False
        self.active = 0
        self.waiting = 0
        self.refused = 0

    def run(self, key: Hashable, call: Callable[[], Deferred[Answer]]) -> Deferred[Answer]:
        """Make the call once all earlier ones of the same key are through, and give its result.

        Cancelling gives the call up, begun or not. Fails with ShimUnavailable when too many are waiting.
        """
        if self.waiting >= self._waiting_limit:
            self.refused += 1
            return fail(ShimUnavailable(f"{self.waiting} tasks are waiting for the shim already"))
        outer: Deferred[Answer] = Deferred(lambda _: self._give_up(job))
        job = _Job(key, call, outer)
        lane = self._lanes.setdefault(key, deque())
        lane.append(job)
        self.waiting += 1
        if len(lane) == 1:
            self._ready.append(job)
            self._start()
        return outer

    def _start(self) -> None:
        if self._starting:
            return
        self._starting = True
        while self._ready and self.active < self._limit:
            self._begin(self._ready.popleft())
        self._starting = False

    def _begin(self, job: _Job) -> None:
        if job.given_up:
            self._leave(job)
            return
        self.waiting -= 1
        self.active += 1
        job.inner = maybeDeferred(job.call)
        job.inner.addBoth(self._done, job)

    def _done(self, result: Answer | Failure, job: _Job) -> None:
        self.active -= 1
        self._leave(job)
        job.outer.callback(result)  # a Failure makes it an errback
        self._start()

    def _leave(self, job: _Job) -> None:
        lane = self._lanes[job.key]
        lane.popleft()
        if lane:
            self._ready.append(lane[0])
        else:
            del self._lanes[job.key]

    def _give_up(self, job: _Job) -> None:
        if job.inner is not None:
            job.inner.cancel()
        elif not job.given_up:
            job.given_up = True
            self.waiting -= 1
