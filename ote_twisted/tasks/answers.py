"""Answers on their way into the ledger: all of a turn in one write, held back while the store cannot write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.errors import StoreError
from ote_twisted.interfaces import ITaskLedger
from ote_twisted.tasks.model import LedgerEntry
from ote_twisted.tasks.settings import TaskCounters, TaskSettings

Target = tuple[str, str]


class AnswerBuffer:
    """Collects entries and has them written, one write under way at a time; at most one entry per target is held.

    :ivar held_bytes: bytes of answer bodies that are not written yet.
    """

    _log = Logger()

    def __init__(
        self,
        ledger: ITaskLedger,
        clock: IReactorTime,
        settings: TaskSettings,
        counters: TaskCounters,
        recorded: Callable[[Sequence[LedgerEntry]], None],
        durable: Callable[[Iterable[LedgerEntry]], None],
    ) -> None:
        """
        :param recorded: is told the entries that the ledger took.
        :param durable: is told all entries of a write that is durable, those that it did not take too: they had been there.
        """
        self._ledger = ledger
        self._clock = clock
        self._settings = settings
        self._counters = counters
        self._recorded = recorded
        self._durable = durable
        self._held: dict[Target, LedgerEntry] = {}
        self._writing: dict[Target, LedgerEntry] = {}
        self._call: IDelayedCall | None = None
        self._failures = 0
        self._stopping: Deferred[None] | None = None
        self.held_bytes = 0

    @property
    def full(self) -> bool:
        """Too much is held back already."""
        return self.held_bytes > self._settings.held_bytes

    def add(self, entry: LedgerEntry) -> bool:
        """Take an entry; ``False`` if one for the same target is held."""
        target = (entry.uid, entry.cluster)
        if target in self._held or target in self._writing:
            return False
        self._held[target] = entry
        self.held_bytes += len(entry.body)
        if self._call is None and not self._writing:
            self._call = self._clock.callLater(0, self._write)
        return True

    def drop(self, uid: str) -> None:
        """Forget what is held for a task generation that is gone."""
        for target in [target for target in self._held if target[0] == uid]:
            self.held_bytes -= len(self._held.pop(target).body)

    def stop(self) -> Deferred[None]:
        """Write what is held, once; fires when that has succeeded or failed. What is lost is asked for after a restart."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if not self._held and not self._writing:
            return succeed(None)
        self._stopping = Deferred()
        stopped = self._stopping
        if not self._writing:
            self._write()
        return stopped

    def _write(self) -> None:
        self._call = None
        self._writing, self._held = self._held, {}
        writing = self._ledger.record(list(self._writing.values()))
        writing.addCallbacks(self._written, self._failed)
        writing.addErrback(lambda failure: self._log.failure("Recorded answers could not be told", failure))

    def _written(self, taken: Sequence[LedgerEntry]) -> None:
        batch, self._writing = self._writing, {}
        self._failures = 0
        self.held_bytes -= sum(len(entry.body) for entry in batch.values())
        self._counters.answers_duplicate += len(batch) - len(taken)
        if self._held:
            self._continue()
        elif self._stopping is not None:
            self._stopping.callback(None)
        self._recorded(taken)
        self._durable(batch.values())

    def _continue(self) -> None:
        if self._stopping is None:
            self._call = self._clock.callLater(0, self._write)
        else:
            self._write()

    def _failed(self, failure: Failure) -> None:
        self._held = {**self._writing, **self._held}
        self._writing = {}
        self._failures += 1
        self._counters.retries += 1
        self._tell(failure)
        if self._stopping is not None:
            self._stopping.callback(None)
        else:
            self._call = self._clock.callLater(self._settings.delay(self._failures), self._write)

    def _tell(self, failure: Failure) -> None:
        if failure.check(StoreError) is None:
            self._log.failure("Answers could not be recorded", failure)
        elif self._failures == 1:
            self._log.warn("The store does not take answers now: {reason}; trying again", reason=failure.getErrorMessage())
