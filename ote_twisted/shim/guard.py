"""What every shim has round it, in the controller's process and in a shim server alike."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.errors import ShimUnavailable
from ote_twisted.interfaces import IClusterShim, IQueueingShim, IRepeatableShim, IShimHost
from ote_twisted.shim.answers import BODY_LIMIT, failure, fault, limited
from ote_twisted.shim.lanes import Lanes
from ote_twisted.shim.repeating import safe
from ote_twisted.shim.tasks import object_key
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.values import frozen

_STARTING = "the shim is starting"


@frozen
class GuardLimits:
    """Bounds on what one shim does.

    :ivar task_seconds: a task that takes longer is given up with a 504.
    :ivar body_bytes: longer answers are cut.
    """

    task_seconds: float = 60.0
    body_bytes: int = BODY_LIMIT


@implementer(IClusterShim, IQueueingShim, IRepeatableShim)
class GuardedShim:
    """A shim that keeps the whole contract, whatever the one inside does.

    Tasks are performed at once, but in order for one object; each has an answer within its time, of bounded
    size; a shim that raises costs one 500; a shim that is not started or is stopped performs nothing.

    :ivar lanes: its queues.
    :ivar crashed: tasks whose performance raised something unforeseen.
    :ivar timed_out: tasks given up.
    :ivar truncated: answers cut.
    """

    _log = Logger()

    def __init__(
        self, inner: IClusterShim, clock: IReactorTime, lanes: Lanes | None = None, limits: GuardLimits | None = None
    ) -> None:
        """
        :param lanes: to be shared by shims of the same cluster.
        """
        self._inner = inner
        self._clock = clock
        self.lanes = Lanes() if lanes is None else lanes
        self._limits = limits or GuardLimits()
        self._open: set[Deferred[Answer]] = set()
        self._why_not = "the shim is not started"
        self.crashed = 0
        self.timed_out = 0
        self.truncated = 0

    def start(self, cluster: str, host: IShimHost) -> Deferred[None]:
        """See :meth:`IClusterShim.start`."""
        self._why_not = _STARTING
        return maybeDeferred(self._inner.start, cluster, host).addCallback(self._started)

    def stop(self) -> Deferred[None]:
        """See :meth:`IClusterShim.stop`. Tasks under way fail with ShimUnavailable."""
        self._why_not = "the shim was stopped"
        for performing in list(self._open):
            performing.cancel()
        return maybeDeferred(self._inner.stop)

    def perform(self, task: Task) -> Deferred[Answer]:
        """See :meth:`IClusterShim.perform`."""
        return self.perform_in_turn(task, lambda: succeed(None))

    def perform_in_turn(self, task: Task, first: Callable[[], Deferred[None]]) -> Deferred[Answer]:
        """See :meth:`IQueueingShim.perform_in_turn`. The time of the task begins after ``first``."""
        if self._why_not:
            return fail(ShimUnavailable(self._why_not))
        if (refused := fault(task)) is not None:
            return succeed(refused)
        performing = self.lanes.run(object_key(task), lambda: self._take_turn(task, first))
        self._open.add(performing)
        performing.addBoth(self._closed, performing)
        return performing

    def repeatable(self, task: Task) -> bool:
        """See :meth:`IRepeatableShim.repeatable`. A shim that says nothing may repeat what changes nothing."""
        told = IRepeatableShim(self._inner).repeatable if IRepeatableShim.providedBy(self._inner) else safe
        return fault(task) is not None or told(task)

    def describe(self) -> Deferred[JSON]:
        """See :meth:`IClusterShim.describe`."""
        return maybeDeferred(self._inner.describe)

    def _started(self, _: object) -> None:
        if self._why_not is _STARTING:
            self._why_not = ""

    def _closed(self, result: Answer | Failure, performing: Deferred[Answer]) -> Answer | Failure:
        self._open.discard(performing)
        if isinstance(result, Failure) and result.check(CancelledError) and self._why_not:
            return Failure(ShimUnavailable(self._why_not))
        return result

    def _take_turn(self, task: Task, first: Callable[[], Deferred[None]]) -> Deferred[Answer]:
        if self._why_not:
            return fail(ShimUnavailable(self._why_not))
        return maybeDeferred(first).addCallback(lambda _: self._attempt(task))

    def _attempt(self, task: Task) -> Deferred[Answer]:
        if self._why_not:
            return fail(ShimUnavailable(self._why_not))
        attempt = maybeDeferred(self._inner.perform, task)
        attempt.addTimeout(self._limits.task_seconds, self._clock)
        return attempt.addCallback(self._checked).addErrback(self._failed, task)

    def _checked(self, answer: Answer) -> Answer:
        kept = limited(answer, self._limits.body_bytes)
        self.truncated += kept is not answer
        return kept

    def _failed(self, reason: Failure, task: Task) -> Answer:
        if reason.check(ShimUnavailable, CancelledError):
            reason.raiseException()
        if reason.check(TimeoutError):
            self.timed_out += 1
            return failure(504, f"the cluster did not answer within {self._limits.task_seconds:g} s")
        self.crashed += 1
        self._log.failure(
            "{method} {uri} of destination {destination}: the shim failed",
            reason,
            method=task.method,
            uri=task.uri,
            destination=task.destination,
        )
        return failure(500, "the shim failed while it performed the task; its log has the reason")
