"""One task object from its first sight to its removal, through all its generations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.errors import StoreError
from ote_twisted.storage.model import ResourceVersion
from ote_twisted.tasks.declared import DeclaredTask
from ote_twisted.tasks.flight import SingleFlight
from ote_twisted.tasks.generation import Generation
from ote_twisted.tasks.model import LedgerEntry, TargetState
from ote_twisted.tasks.tools import Tools


class RunningTask:
    """Moves the present generation on, one step at a time, and replaces it by the next.

    :ivar task: newest generation seen.
    :ivar seen: newest version of the object that was read or written.
    :ivar closed: its deadline is over and its status is written; nothing else is kept in memory.
    """

    _log = Logger()

    def __init__(
        self,
        tools: Tools,
        task: DeclaredTask,
        seen: ResourceVersion,
        kept: Sequence[str],
        removed: Callable[[RunningTask], None],
    ) -> None:
        """
        :param kept: generations of this object that had books when the process started.
        :param removed: is told when :meth:`remove` has done its work.
        """
        self.task = task
        self.seen = seen
        self.closed = False
        self._tools = tools
        self._kept = frozenset(kept)
        self._stale = bool(kept) and task.uid not in self._kept
        self._removed = removed
        self._generation: Generation | None = None
        self._early: list[LedgerEntry] = []
        self._gone = False
        self._stopped = False
        self._flight = SingleFlight(self._step, self._failed)
        self._failures = 0
        self._retry_at = 0.0

    # ---- what happens to it

    def declare(self, task: DeclaredTask, seen: ResourceVersion) -> None:
        """The object changed; only a new generation matters."""
        self.seen = max(self.seen, seen)
        if task.uid != self.task.uid:
            self.task = task
            self.closed = False
            self._retire()

    def remove(self) -> None:
        """The object is gone: cancel what is unfinished and forget the books."""
        self._gone = True
        self._retire()

    def clusters_changed(self, appeared: Sequence[str]) -> None:
        """Clusters are online, or have other labels than before."""
        if self._generation is not None and self._generation.clusters_changed(appeared):
            self.wake()

    def undelivered(self, uid: str, clusters: Sequence[str], reason: str) -> None:
        """A hop could not pass the task on to targets."""
        if self._generation is not None and self._generation.task.uid == uid:
            self._generation.undelivered(clusters, reason)
            self.wake()

    def answered(self, entry: LedgerEntry) -> None:
        """An answer arrived. While books are being read it is held back."""
        counters = self._tools.counters
        if entry.uid != self.task.uid:
            counters.answers_unknown += 1
            self._tools.carrier.received(entry.uid, [entry.cluster])
        elif self.closed:
            counters.answers_duplicate += 1
            self._tools.carrier.received(entry.uid, [entry.cluster])
        elif self._generation is not None and not self._generation.retired:
            self._generation.answered(entry)
        elif len(self._early) < self._tools.settings.early_answers:
            self._early.append(entry)
        else:
            counters.answers_shed += 1

    def recorded(self, uid: str, entries: Iterable[LedgerEntry]) -> None:
        """The ledger took these answers."""
        if self._generation is not None and self._generation.task.uid == uid:
            self._generation.recorded(entries)
            self.wake()

    def wake(self) -> None:
        """Do what there is to do; after a failure not before its delay is over."""
        if self._stopped:
            return
        if self._failures and self._tools.now() < self._retry_at:
            self._tools.alarms.set(self, self._retry_at)
        else:
            self._flight.request()

    def stop(self) -> Deferred[None]:
        """Start nothing more; fires when nothing is under way."""
        self._stopped = True
        return self._flight.stop()

    def counts(self) -> dict[TargetState, int]:
        """Targets by state, as known in memory."""
        return {} if self._generation is None else self._generation.books.counts

    # ---- the steps

    def _retire(self) -> None:
        if self._generation is not None:
            self._generation.retired = True
        self.wake()

    async def _step(self) -> None:
        if self._gone:
            await self._forget()
            return
        if not self.closed:
            if self._generation is None or self._generation.retired:
                self._generation = await self._adopt(self.task)
                self._generation.retired = self._gone or self._generation.task.uid != self.task.uid
                self._deliver_early()
            await self._advance(self._generation)
        self._failures = 0

    async def _forget(self) -> None:
        self._abort()
        await self._tools.ledger.forget(f"{self.task.object_uid}.")
        self._tools.alarms.clear(self)
        self._removed(self)

    async def _adopt(self, task: DeclaredTask) -> Generation:
        self._abort()
        if self._stale:
            await self._tools.ledger.forget(f"{task.object_uid}.")
            self._stale = False
        generation = Generation(self._tools, task)
        if task.uid in self._kept:
            await self._tools.loading.run(lambda: Deferred.fromCoroutine(generation.load()))
        return generation

    def _abort(self) -> None:
        generation, self._generation = self._generation, None
        if generation is not None:
            generation.abort()
            self._stale = True

    def _deliver_early(self) -> None:
        early, self._early = self._early, []
        for entry in early:
            self.answered(entry)

    async def _advance(self, generation: Generation) -> None:
        written = await generation.advance()
        if written is not None:
            self.seen = max(self.seen, written)
        if generation.retired:
            return
        if generation.settled:
            self.closed, self._generation, self._stale = True, None, True
            self._tools.alarms.clear(self)
        else:
            self._tools.alarms.set(self, generation.next_time())

    def _failed(self, failure: Failure) -> None:
        self._failures += 1
        self._tools.counters.retries += 1
        if failure.check(StoreError) is None:
            self._log.failure("Task {task} met an unforeseen failure", failure, task=self.task.key.name)
        elif self._failures == 1:
            reason = failure.getErrorMessage()
            self._log.warn("Task {task} waits for the store: {reason}", task=self.task.key.name, reason=reason)
        self._retry_at = self._tools.now() + self._tools.settings.delay(self._failures)
        if not self._stopped:
            self._tools.alarms.set(self, self._retry_at)
