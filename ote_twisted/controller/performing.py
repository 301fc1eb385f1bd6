"""Performing tasks on the own cluster: once per task, a bounded number at a time, each within its deadline."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Sequence

import orjson
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.errors import MalformedMessage, ShimUnavailable
from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.answers import failure, from_wire, limited
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.tasks.performed import Done, PerformedTasks, Running
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import multi_task_of, task_of


@frozen
class PerformingLimits:
    """Bounds of local work.

    :ivar concurrency: tasks performed at the same time.
    :ivar waiting: tasks that may wait for their turn; one more is answered 503.
    :ivar seconds: longest time for one task, less if its deadline comes first.
    :ivar answer_body: longest answer body that is carried, bytes; longer ones are cut and marked (F59).
    """

    concurrency: int = 64
    waiting: int = 10_000
    seconds: float = 120.0
    answer_body: int = 1024 * 1024


Answered = Callable[[pb.MessageHead, Answer], None]


class Performer:
    """Performs requests on one shim and hands over their answers.

    :ivar performed: tasks given to the shim.
    :ivar refused: tasks answered 503 because too many waited.
    :ivar malformed: requests whose body is no task.
    """

    _log = Logger()

    def __init__(
        self,
        shim: IClusterShim | None,
        history: PerformedTasks,
        clock: IReactorTime,
        limits: PerformingLimits,
        answered: Answered,
    ) -> None:
        """:param answered: takes the request's head and the answer."""
        self.performed = 0
        self.refused = 0
        self.malformed = 0
        self._shim = shim
        self._history = history
        self._clock = clock
        self._limits = limits
        self._answered = answered
        self._waiting: deque[tuple[pb.ClusterMessage, float]] = deque()
        self._running: dict[int, tuple[str, Deferred[None]]] = {}
        self._serial = 0
        self._starting = False
        self._stopped = False

    @property
    def running(self) -> int:
        """Tasks under way."""
        return len(self._running)

    def perform(self, request: pb.ClusterMessage) -> None:
        """Take one ControlReq or ControlMultiReq; its answer is handed over, now or later, exactly once.

        A repeat of a task that is under way gets nothing: the answer of the first serves it.
        """
        if self._stopped:
            return
        head = request.Head
        verdict = self._history.begin(head.Uid, self._clock.seconds())
        if isinstance(verdict, Done):
            self._answered(head, verdict.answer)
        elif not isinstance(verdict, Running):
            self._accept(request)

    def cancel(self, uid: str) -> None:
        """The owner withdrew a task: what waits is dropped, what runs is given up, nothing is answered."""
        if not uid:
            return
        self._history.abandon(uid)
        self._waiting = deque(waiting for waiting in self._waiting if waiting[0].Head.Uid != uid)
        for running, deferred in list(self._running.values()):
            if running == uid:
                deferred.cancel()

    def stop(self) -> None:
        """Give up what is under way; its owner sends it again."""
        self._stopped = True
        self._waiting.clear()
        for _, deferred in list(self._running.values()):
            deferred.cancel()

    def _accept(self, request: pb.ClusterMessage) -> None:
        now = self._clock.seconds()
        if len(self._running) < self._limits.concurrency:
            self._start(request, now)
        elif len(self._waiting) < self._limits.waiting:
            self._waiting.append((request, now))
        else:
            self.refused += 1
            self._history.abandon(request.Head.Uid)
            self._answered(request.Head, failure(503, "too many tasks wait at this cluster"))

    def _start(self, request: pb.ClusterMessage, arrived: float) -> None:
        self._serial += 1
        serial = self._serial
        work = Deferred.fromCoroutine(self._work(request, arrived))
        work.addErrback(self._failed, request.Head)
        self._running[serial] = (request.Head.Uid, work)
        work.addBoth(self._ended, serial)

    def _failed(self, fault: Failure, head: pb.MessageHead) -> None:
        self._history.abandon(head.Uid)
        if not fault.check(CancelledError):
            self._log.failure("task {uid} failed", failure=fault, uid=head.Uid)

    def _ended(self, result: object, serial: int) -> None:
        del self._running[serial]
        if self._starting:
            return
        self._starting = True  # one that ends at once must not start the next from within
        while self._waiting and len(self._running) < self._limits.concurrency and not self._stopped:
            self._start(*self._waiting.popleft())
        self._starting = False

    async def _work(self, request: pb.ClusterMessage, arrived: float) -> None:
        head = request.Head
        answer = await self._answer(request, self._seconds(head, arrived))
        answer = limited(answer, self._limits.answer_body)
        self._history.finish(head.Uid, answer, self._clock.seconds())
        if head.Command != pb.ControlMultiReq or head.Uid:
            self._answered(head, answer)

    def _seconds(self, head: pb.MessageHead, arrived: float) -> float:
        """How long it may take; what it waited counts against its deadline."""
        if not head.DeadlineMilliseconds:
            return self._limits.seconds
        left = head.DeadlineMilliseconds / 1000 - (self._clock.seconds() - arrived)
        return min(left, self._limits.seconds)

    async def _answer(self, request: pb.ClusterMessage, seconds: float) -> Answer:
        if seconds <= 0:
            return failure(504, "the deadline of the task was over before its turn came")
        try:
            if request.Head.Command == pb.ControlMultiReq:
                return await self._all_of(multi_task_of(request), seconds)
            return await self._one(task_of(request), seconds)
        except MalformedMessage as fault:
            self.malformed += 1
            return failure(400, str(fault))

    async def _one(self, task: Task, seconds: float) -> Answer:
        if self._shim is None:
            return failure(501, "this controller has no cluster (shim none)")
        self.performed += 1
        try:
            return from_wire(await self._shim.perform(task).addTimeout(seconds, self._clock))
        except ShimUnavailable as fault:
            return failure(503, str(fault))
        except TimeoutError:
            return failure(504, f"the cluster gave no answer within {seconds:g} s")
        except CancelledError:
            raise
        except Exception as fault:
            self._log.failure("the shim failed on {method} {uri}", method=task.method, uri=task.uri)
            return failure(500, f"the shim failed: {type(fault).__name__}")

    async def _all_of(self, tasks: Sequence[Task], seconds: float) -> Answer:
        """In order, one after the other; a failure does not stop the rest. The worst code stands for all (F74)."""
        answers = [await self._one(task, seconds) for task in tasks]
        parts = [{"code": answer.code, "body": _text(answer.body)} for answer in answers]
        return Answer(max((answer.code for answer in answers), default=200), orjson.dumps(parts))


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()
