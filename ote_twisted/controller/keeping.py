"""The delivery journal as the controller uses it: what the disk refuses for a while is held and written later, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.errors import StoreError, StoreUnavailable
from ote_twisted.interfaces import IDeliveryJournal
from ote_twisted.tasks.journal import Journal, OutboxEntry, Performed
from ote_twisted.tasks.model import Answer
from ote_twisted.values import frozen

RETRY = 5.0
"""How often a disk that refuses writes is tried, seconds."""

HELD = 10_000
"""Writes that are held at most."""


@frozen(eq=False)
class _Late:
    write: Callable[[], Deferred[Any]]
    size: int = 0
    performed: Performed | None = None
    entry: OutboxEntry | None = None


class Keeper:
    """Keeps the journal up to date as far as the disk allows; works without a journal as well, then it keeps nothing.

    :ivar held_bytes: bytes of what is held.
    :ivar lost: writes that the bound on what is held cost, and those that can never be made.
    """

    _log = Logger()

    def __init__(self, journal: IDeliveryJournal | None, clock: IReactorTime, chronicle: Chronicle, limit: int) -> None:
        """:param limit: bytes of answers and messages that are held while the disk refuses them."""
        self.held_bytes = 0
        self.lost = 0
        self._journal = journal
        self._clock = clock
        self._chronicle = chronicle
        self._limit = limit
        self._late: deque[_Late] = deque()
        self._answers: dict[str, Answer] = {}
        self._newest: dict[str, str] = {}
        self._call: IDelayedCall | None = None
        self._writing: Deferred[None] | None = None
        self._stopped = False

    @property
    def held(self) -> int:
        """Writes that wait for the disk."""
        return len(self._late)

    @property
    def durable(self) -> bool:
        """There is a journal."""
        return self._journal is not None

    def load(self) -> Deferred[Journal]:
        """See :meth:`IDeliveryJournal.load`."""
        return succeed(Journal({}, {}, ())) if self._journal is None else self._journal.load()

    def begin(self, uid: str, until: float) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.begin`: it fails, because a task must not be performed unrecorded."""
        return succeed(None) if self._journal is None else self._journal.begin(uid, until)

    async def answer(self, uid: str) -> Answer | None:
        """The answer of a finished task, if it can be had."""
        if uid in self._answers or self._journal is None:
            return self._answers.get(uid)
        try:
            return await self._journal.answer(uid)
        except StoreError as fault:
            self._log.error("the answer of task {uid} cannot be read: {fault}", uid=uid, fault=str(fault))
            return None

    async def finish(self, performed: Performed, entry: OutboxEntry | None) -> None:
        """See :meth:`IDeliveryJournal.finish`. Returns when it is durable, or held because the disk refuses it."""
        if self._journal is not None:
            size = len(performed.answer.body) + (len(entry.message) if entry is not None else 0)
            await self._keep(_Late(partial(self._journal.finish, performed, entry), size, performed))

    async def put(self, entry: OutboxEntry) -> None:
        """See :meth:`IDeliveryJournal.put`; as :meth:`finish`."""
        if self._journal is not None:
            if entry.key:
                self._newest[entry.key] = entry.uid
            await self._keep(_Late(partial(self._journal.put, entry), len(entry.message), entry=entry))

    def received(self, uids: Sequence[str]) -> None:
        """See :meth:`IDeliveryJournal.received`; nobody waits for it."""
        if self._journal is not None and uids:
            self._soon(_Late(partial(self._journal.received, uids)))

    def forget(self, uids: Sequence[str]) -> None:
        """See :meth:`IDeliveryJournal.forget`; nobody waits for it."""
        if self._journal is not None and uids:
            self._soon(_Late(partial(self._journal.forget, uids)))

    def stop(self) -> Deferred[None]:
        """Try once more to write what is held; fires when that is done or has failed."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._retry()
        return succeed(None) if self._writing is None else self._writing

    def _soon(self, late: _Late) -> None:
        Deferred.fromCoroutine(self._keep(late)).addErrback(lambda fault: self._log.failure("a write failed", failure=fault))

    async def _keep(self, late: _Late) -> None:
        if self._late or not await self._written(late):
            self._hold(late)

    async def _written(self, late: _Late) -> bool:
        """Whether nothing is left to do about it: it is durable, or it never will be."""
        if late.entry is not None and late.entry.uid != self._newest.get(late.entry.key, late.entry.uid):
            return True
        try:
            await late.write()
        except StoreUnavailable as fault:
            if not self._late:
                self._chronicle.journal_refused(str(fault))
            return False
        except StoreError as fault:
            self.lost += 1
            self._log.error("a write to the delivery journal failed: {fault}", fault=str(fault))
        return True

    def _hold(self, late: _Late) -> None:
        self._late.append(late)
        self.held_bytes += late.size
        if late.performed is not None:
            self._answers[late.performed.uid] = late.performed.answer
        while len(self._late) > HELD or self.held_bytes > self._limit:
            self._release(self._late.popleft())
            self.lost += 1
        if self._call is None and self._writing is None and not self._stopped:
            self._call = self._clock.callLater(RETRY, self._retry)

    def _release(self, late: _Late) -> None:
        self.held_bytes -= late.size
        if late.performed is not None:
            self._answers.pop(late.performed.uid, None)

    def _retry(self) -> None:
        self._call = None
        self._writing = Deferred()
        Deferred.fromCoroutine(self._write_late()).addBoth(self._retried)

    async def _write_late(self) -> None:
        while self._late:
            late = self._late[0]
            if not await self._written(late):
                return
            if self._late and self._late[0] is late:
                self._release(self._late.popleft())
        self._chronicle.journal_taken()

    def _retried(self, result: object) -> None:
        writing, self._writing = self._writing, None
        if self._late and not self._stopped:
            self._call = self._clock.callLater(RETRY, self._retry)
        if writing is not None:
            writing.callback(None)
