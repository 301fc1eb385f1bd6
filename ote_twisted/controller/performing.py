"""Performing tasks on the own cluster: once per task, a bounded number at a time, each within its deadline."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import orjson
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.controller.waiting import WaitingTasks
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
    :ivar waiting_bytes: bytes that they may have together, likewise.
    :ivar patience: how long a shim may be away before tasks are answered 503, seconds: a restart of it costs no task.
    :ivar seconds: longest time for one task, less if its deadline comes first.
    :ivar answer_body: longest answer body that is carried, bytes; longer ones are cut and marked (F59).
    """

    concurrency: int = 64
    waiting: int = 10_000
    waiting_bytes: int = 64 * 1024 * 1024
    patience: float = 15.0
    seconds: float = 120.0
    answer_body: int = 1024 * 1024


Answered = Callable[[pb.MessageHead, Answer], None]

RETRY = 0.25
"""How often a shim that is away is tried, seconds."""

NOT_PERFORMED = 503
"""The code of an answer that says that nothing was done: such a task is not remembered, and performed when it comes again."""


class Performer:
    """Performs requests on one shim and hands over their answers.

    :ivar history: what was performed already.
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
        held: Callable[[pb.MessageHead], bool] = lambda head: False,
    ) -> None:
        """
        :param answered: takes the request's head and the answer.
        :param held: the answer to the request with this head would find no room on its way; see :meth:`resume`.
        """
        self.history = history
        self.performed = 0
        self.refused = 0
        self.malformed = 0
        self._shim = shim
        self._clock = clock
        self._limits = limits
        self._answered = answered
        self._held_back = held
        self._waiting = WaitingTasks(limits.waiting, limits.waiting_bytes)
        self._running: dict[int, tuple[str, Deferred[None]]] = {}
        self._serial = 0
        self._starting = False
        self._stopped = False
        self._away_since: float | None = None
        self._quiet: Deferred[None] | None = None

    @property
    def running(self) -> int:
        """Tasks under way."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Tasks that wait for their turn."""
        return len(self._waiting)

    def perform(self, request: pb.ClusterMessage) -> None:
        """Take one ControlReq or ControlMultiReq; its answer is handed over, now or later, exactly once.

        A repeat of a task that is under way gets nothing: the answer of the first serves it.
        """
        if self._stopped:
            return
        now, head = self._clock.seconds(), request.Head
        verdict = self.history.begin(head.Uid, now)
        if isinstance(verdict, Running):
            return
        full = len(self._running) >= self._limits.concurrency
        if self._held_back(head):
            self._wait(request, now, isinstance(verdict, Done))
        elif isinstance(verdict, Done):
            self._answered(head, verdict.answer)
        elif full:
            self._wait(request, now, False)
        else:
            self._start(request, now)

    def resume(self) -> None:
        """Answers find room again: go on with what was held back."""
        self._waiting.release()
        self._go_on()

    def cancel(self, uid: str) -> None:
        """The owner withdrew a task: what waits is dropped, what runs is given up, nothing is answered."""
        if not uid:
            return
        self.history.abandon(uid)
        self._waiting.drop(uid)
        for running, deferred in list(self._running.values()):
            if running == uid:
                deferred.cancel()

    def drain(self) -> Deferred[None]:
        """Begin nothing more; fires when what runs is answered. What waited is sent again by its owner, later."""
        self._stopped = True
        self._waiting.clear()
        if not self._running:
            return succeed(None)
        self._quiet = Deferred()
        return self._quiet

    def stop(self) -> None:
        """Give up what is under way; its owner sends it again."""
        self.drain()
        for _, deferred in list(self._running.values()):
            deferred.cancel()

    def _wait(self, request: pb.ClusterMessage, arrived: float, repeat: bool) -> None:
        if not self._waiting.put(request, arrived, repeat):
            self.refused += 1
            self.history.abandon(request.Head.Uid)
            self._answered(request.Head, failure(NOT_PERFORMED, "too many tasks wait at this cluster"))

    def _start(self, request: pb.ClusterMessage, arrived: float) -> None:
        self._serial += 1
        serial = self._serial
        work = Deferred.fromCoroutine(self._work(request, arrived))
        work.addErrback(self._failed, request.Head)
        self._running[serial] = (request.Head.Uid, work)
        work.addBoth(self._ended, serial)

    def _failed(self, fault: Failure, head: pb.MessageHead) -> None:
        self.history.abandon(head.Uid)
        if not fault.check(CancelledError):
            self._log.failure("task {uid} failed", failure=fault, uid=head.Uid)

    def _ended(self, result: object, serial: int) -> None:
        del self._running[serial]
        self._go_on()
        if self._quiet is not None and not self._running:
            quiet, self._quiet = self._quiet, None
            quiet.callback(None)

    def _go_on(self) -> None:
        """Start what waits and may; one that ends at once must not start the next from within."""
        if self._starting:
            return
        self._starting = True
        while len(self._running) < self._limits.concurrency and (waiting := self._waiting.take(self._held_back)) is not None:
            if waiting.repeat:
                self.perform(waiting.request)
            else:
                self._start(waiting.request, waiting.arrived)
        self._starting = False

    async def _work(self, request: pb.ClusterMessage, arrived: float) -> None:
        head = request.Head
        answer = limited(await self._answer(request, self._seconds(head, arrived)), self._limits.answer_body)
        now = self._clock.seconds()
        if answer.code == NOT_PERFORMED and head.Command == pb.ControlReq:
            self.history.abandon(head.Uid)
        else:
            self.history.finish(head.Uid, answer, now, head.DeadlineMilliseconds / 1000 - (now - arrived))
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
            return from_wire(await Deferred.fromCoroutine(self._attempt(self._shim, task)).addTimeout(seconds, self._clock))
        except ShimUnavailable as fault:
            return failure(NOT_PERFORMED, str(fault))
        except TimeoutError:
            return failure(504, f"the cluster gave no answer within {seconds:g} s")
        except CancelledError:
            raise
        except Exception as fault:
            self._log.failure("the shim failed on {method} {uri}", method=task.method, uri=task.uri)
            return failure(500, f"the shim failed: {type(fault).__name__}")

    async def _attempt(self, shim: IClusterShim, task: Task) -> Answer:
        """Perform; a shim that is away for a moment only gets the time to come back."""
        while True:
            try:
                answer = await shim.perform(task)
            except ShimUnavailable:
                now = self._clock.seconds()
                self._away_since = now if self._away_since is None else self._away_since
                if now - self._away_since >= self._limits.patience:
                    raise
                await deferLater(self._clock, RETRY)
            else:
                self._away_since = None
                return answer

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
