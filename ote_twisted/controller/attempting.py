"""Tasks at the shim: each gets an answer within its time, whatever the shim does."""

from __future__ import annotations

import base64
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import orjson
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ote_twisted.errors import ShimUnavailable, StoreUnavailable
from ote_twisted.interfaces import IClusterShim, IQueueingShim, IRepeatableShim
from ote_twisted.shim.answers import failure, from_wire
from ote_twisted.shim.repeating import safe
from ote_twisted.tasks.model import Answer, Task

RETRY = 0.25
"""How often a shim that is away is tried, seconds."""

NOT_PERFORMED = 503
"""The code of an answer that says that nothing was done: such a task is not remembered, and performed when it comes again."""


class NotBegun(Exception):
    """It could not be noted that a task begins, so nothing of it was performed."""


class Beginning:
    """Notes that a task begins, once: when the first call of it has its turn at the shim, however often that is tried."""

    def __init__(self, note: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._note = note
        self._noted = False

    def __call__(self) -> Deferred[None]:
        """Fires when it is noted; fails with :class:`NotBegun`."""
        return Deferred.fromCoroutine(self._begin())

    async def _begin(self) -> None:
        if self._noted:
            return
        try:
            await self._note()
        except StoreUnavailable as fault:
            raise NotBegun(str(fault)) from fault
        self._noted = True


class Attempts:
    """Gives tasks to one shim.

    :ivar performed: tasks given to it.
    """

    _log = Logger()

    def __init__(self, shim: IClusterShim | None, clock: IReactorTime, patience: float) -> None:
        """:param patience: how long the shim may be away before tasks are answered 503, seconds."""
        self.performed = 0
        self._shim = shim
        self._clock = clock
        self._patience = patience
        self._away_since: float | None = None

    def repeatable(self, tasks: Sequence[Task]) -> bool:
        """Performing all of these again has no effect beyond the first time."""
        shim = self._shim
        if shim is None:
            return True
        told = IRepeatableShim(shim).repeatable if IRepeatableShim.providedBy(shim) else safe
        return all(map(told, tasks))

    async def one(self, task: Task, seconds: float, begin: Beginning) -> Answer:
        """Perform one; the answer may say that it could not be.

        :raise NotBegun: nothing was performed.
        """
        if self._shim is None:
            return failure(501, "this controller has no cluster (shim none)")
        self.performed += 1
        try:
            attempt = Deferred.fromCoroutine(self._attempt(self._shim, task, begin))
            return from_wire(await attempt.addTimeout(seconds, self._clock))
        except ShimUnavailable as fault:
            return failure(NOT_PERFORMED, str(fault))
        except TimeoutError:
            return failure(504, f"the cluster gave no answer within {seconds:g} s")
        except (CancelledError, NotBegun):
            raise
        except Exception as fault:
            self._log.failure("the shim failed on {method} {uri}", method=task.method, uri=task.uri)
            return failure(500, f"the shim failed: {type(fault).__name__}")

    async def all(self, tasks: Sequence[Task], seconds: float, begin: Beginning) -> Answer:
        """In order, one after the other; a failure does not stop the rest. The worst code stands for all (F74)."""
        answers = [await self.one(task, seconds, begin) for task in tasks]
        parts = [{"code": answer.code, "body": _text(answer.body)} for answer in answers]
        return Answer(max((answer.code for answer in answers), default=200), orjson.dumps(parts))

    async def _attempt(self, shim: IClusterShim, task: Task, begin: Beginning) -> Answer:
        """Perform; a shim that is away for a moment only gets the time to come back."""
        while True:
            try:
                answer = await _performed(shim, task, begin)
            except ShimUnavailable:
                now = self._clock.seconds()
                self._away_since = now if self._away_since is None else self._away_since
                if now - self._away_since >= self._patience:
                    raise
                await deferLater(self._clock, RETRY)
            else:
                self._away_since = None
                return answer


async def _performed(shim: IClusterShim, task: Task, begin: Beginning) -> Answer:
    """Its answer. A shim that says nothing of turns performs at once."""
    if IQueueingShim.providedBy(shim):
        return await IQueueingShim(shim).perform_in_turn(task, begin)
    await begin()
    return await shim.perform(task)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()
