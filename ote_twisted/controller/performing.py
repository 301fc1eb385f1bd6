"""Performing tasks on the own cluster: once per task, a bounded number at a time, each within its deadline."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.controller.attempting import NOT_PERFORMED, Attempts, Beginning, NotBegun
from ote_twisted.controller.remembering import TaskMemory
from ote_twisted.controller.waiting import WaitingTasks
from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.answers import failure, limited
from ote_twisted.tasks.journal import OutboxEntry
from ote_twisted.tasks.model import Answer
from ote_twisted.tasks.performed import Done, Running
from ote_twisted.values import frozen
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


UNKNOWN = evolve(
    failure(
        500,
        "nobody knows whether the task took effect: its cluster's controller ended while it was performed, and performing it "
        "again could do harm; look at the cluster, and write a new task if it did not",
    ),
    unknown=True,
)
"""The answer to a task that must not be performed twice and was interrupted."""


class Answering(Protocol):
    """Where answers go."""

    def owed(self, head: pb.MessageHead, answer: Answer, left: float) -> OutboxEntry | None:
        """What has to be noted with the answer to the request with this head, so that it is not lost; ``left`` as in the head."""

    def performed(self, head: pb.MessageHead, answer: Answer, entry: OutboxEntry | None) -> None:
        """Hand the answer over; ``entry`` is what was noted."""

    def repeated(self, head: pb.MessageHead, answer: Answer) -> None:
        """Hand over the answer of a task that came again."""

    def returned(self, head: pb.MessageHead, reason: str) -> bool:
        """Give the request back, to be sent again later; false if its owner cannot be told so."""

    def holds(self, head: pb.MessageHead) -> bool:
        """The answer to the request with this head would find no room on its way; see :meth:`Performer.resume`."""


class Performer:
    """Performs requests on one shim and hands over their answers.

    :ivar memory: what was performed already.
    :ivar refused: tasks answered 503 because too many waited.
    :ivar malformed: requests whose body is no task.
    :ivar unknown: tasks of which nobody knows whether they took effect.
    :ivar returned: tasks given back because they could not be noted.
    """

    _log = Logger()

    def __init__(
        self, shim: IClusterShim | None, memory: TaskMemory, clock: IReactorTime, limits: PerformingLimits, answered: Answering
    ) -> None:
        self.memory = memory
        self.refused = 0
        self.malformed = 0
        self.unknown = 0
        self.returned = 0
        self._clock = clock
        self._limits = limits
        self._answered = answered
        self._attempts = Attempts(shim, clock, limits.patience)
        self._waiting = WaitingTasks(limits.waiting, limits.waiting_bytes)
        self._running: dict[int, tuple[str, Deferred[None]]] = {}
        self._serial = 0
        self._starting = False
        self._stopped = False
        self._quiet: Deferred[None] | None = None

    @property
    def performed(self) -> int:
        """Tasks given to the shim."""
        return self._attempts.performed

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
        verdict = self.memory.verdict(head.Uid)
        if isinstance(verdict, Running):
            return
        full = len(self._running) >= self._limits.concurrency
        if self._answered.holds(head):
            self._wait(request, now, isinstance(verdict, Done))
        elif isinstance(verdict, Done):
            self._repeat(head, verdict)
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
        self.memory.abandon(uid)
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
            self._not_performed(request.Head, "too many tasks wait at this cluster")

    def _not_performed(self, head: pb.MessageHead, reason: str) -> None:
        self.memory.abandon(head.Uid)
        self._answered.performed(head, failure(NOT_PERFORMED, reason), None)

    def _repeat(self, head: pb.MessageHead, done: Done) -> None:
        if done.answer is not None:
            self._answered.repeated(head, done.answer)
        else:
            self._run(head, self._recall(head))

    async def _recall(self, head: pb.MessageHead) -> None:
        answer = await self.memory.answer(head.Uid)
        self.unknown += answer is None
        self._answered.repeated(head, UNKNOWN if answer is None else answer)

    def _start(self, request: pb.ClusterMessage, arrived: float) -> None:
        self._run(request.Head, self._work(request, arrived))

    def _run(self, head: pb.MessageHead, working: Coroutine[Deferred[Any], Any, None]) -> None:
        self._serial += 1
        serial = self._serial
        work = Deferred.fromCoroutine(working)
        work.addErrback(self._failed, head)
        self._running[serial] = (head.Uid, work)
        work.addBoth(self._ended, serial)

    def _failed(self, fault: Failure, head: pb.MessageHead) -> None:
        if self._stopped:
            self.memory.table.interrupt(head.Uid)
        else:
            self.memory.abandon(head.Uid)
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
        while len(self._running) < self._limits.concurrency and (waiting := self._waiting.take(self._answered.holds)) is not None:
            if waiting.repeat:
                self.perform(waiting.request)
            else:
                self._start(waiting.request, waiting.arrived)
        self._starting = False

    async def _work(self, request: pb.ClusterMessage, arrived: float) -> None:
        head = request.Head
        answer = await self._answer(request, arrived)
        if answer is None:
            return
        if answer.code == NOT_PERFORMED and head.Command == pb.ControlReq:
            self.memory.abandon(head.Uid)
            self._answered.performed(head, answer, None)
            return
        answer = limited(answer, self._limits.answer_body)
        wanted = head.Command != pb.ControlMultiReq or bool(head.Uid)
        entry = self._answered.owed(head, answer, self._left(head, arrived)) if wanted else None
        await self.memory.finish(head.Uid, answer, self._left(head, arrived), entry)
        if wanted:
            self._answered.performed(head, answer, entry)

    def _left(self, head: pb.MessageHead, arrived: float) -> float:
        """Seconds until its deadline, 0 where it has none; what it waited counts."""
        return (
            max(0.0, head.DeadlineMilliseconds / 1000 - (self._clock.seconds() - arrived)) if head.DeadlineMilliseconds else 0.0
        )

    async def _answer(self, request: pb.ClusterMessage, arrived: float) -> Answer | None:
        """Its answer, nothing if it was given back."""
        head, multi = request.Head, request.Head.Command == pb.ControlMultiReq
        try:
            tasks = multi_task_of(request) if multi else [task_of(request)]
        except MalformedMessage as fault:
            self.malformed += 1
            return failure(400, str(fault))
        if head.DeadlineMilliseconds and not self._left(head, arrived):
            return failure(504, "the deadline of the task was over before its turn came")
        repeatable = self._attempts.repeatable(tasks)
        if not repeatable and self.memory.table.was_begun(head.Uid):
            self.unknown += 1
            return UNKNOWN
        begin = Beginning(lambda: self.memory.begin(head.Uid, self._left(head, arrived), needed=not repeatable))
        seconds = min(self._left(head, arrived) or self._limits.seconds, self._limits.seconds)
        try:
            return await (self._attempts.all(tasks, seconds, begin) if multi else self._attempts.one(tasks[0], seconds, begin))
        except NotBegun as fault:
            return self._give_back(head, str(fault))

    def _give_back(self, head: pb.MessageHead, reason: str) -> Answer | None:
        """A task that cannot be noted is not performed."""
        self.returned += 1
        if not self._answered.returned(head, reason):
            return failure(NOT_PERFORMED, reason)
        self.memory.abandon(head.Uid)
        return None
