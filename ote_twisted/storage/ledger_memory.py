"""The task ledger in memory: the same contract, nothing survives the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from ote_twisted.errors import StoreUnavailable
from ote_twisted.interfaces import ITaskLedger
from ote_twisted.storage.ledger_rules import STATES, is_final, whole
from ote_twisted.tasks.model import LedgerEntry, TargetState


@implementer(ITaskLedger)
class MemoryTaskLedger:
    """Keeps books in dictionaries.

    :ivar broken: every write fails.
    """

    def __init__(self) -> None:
        self.broken = False
        self._books: dict[str, dict[str, LedgerEntry]] = {}

    def add(self, uid: str, clusters: Sequence[str], state: TargetState) -> Deferred[None]:
        """See :class:`ITaskLedger`."""
        if self.broken:
            return _refused()
        if clusters:
            books = self._books.setdefault(uid, {})
            for cluster in clusters:
                books.setdefault(cluster, LedgerEntry(uid, cluster, state))
        return succeed(None)

    def mark(self, uid: str, clusters: Sequence[str], state: TargetState, why: str = "") -> Deferred[None]:
        """See :class:`ITaskLedger`."""
        if self.broken:
            return _refused()
        books = self._books.get(uid, {})
        for cluster in clusters:
            entry = books.get(cluster)
            if entry is not None and not is_final(entry.state):
                books[cluster] = evolve(entry, state=state, why=why)
        return succeed(None)

    def record(self, entries: Sequence[LedgerEntry]) -> Deferred[Sequence[LedgerEntry]]:
        """See :class:`ITaskLedger`. Answers of clusters without a book are not written."""
        if self.broken:
            return fail(StoreUnavailable("the store takes no writes"))
        return succeed([entry for entry in entries if self._write(entry)])

    def counts(self, uid: str) -> Deferred[dict[TargetState, int]]:
        """See :class:`ITaskLedger`."""
        found = Counter(entry.state for entry in self._books.get(uid, {}).values())
        return succeed({state: found[state] for state in STATES})

    def page(
        self, uid: str, limit: int, after: str | None = None, states: Iterable[TargetState] | None = None
    ) -> Deferred[Sequence[LedgerEntry]]:
        """See :class:`ITaskLedger`."""
        chosen = set(STATES if states is None else states)
        books = self._books.get(uid, {})
        names = sorted(name for name, entry in books.items() if (after is None or name > after) and entry.state in chosen)
        return succeed([books[name] for name in names[:limit]])

    def forget(self, uid_prefix: str) -> Deferred[None]:
        """See :class:`ITaskLedger`."""
        if self.broken:
            return _refused()
        for uid in [uid for uid in self._books if uid.startswith(uid_prefix)]:
            del self._books[uid]
        return succeed(None)

    def uids(self) -> Deferred[Sequence[str]]:
        """See :class:`ITaskLedger`."""
        return succeed(sorted(self._books))

    def _write(self, entry: LedgerEntry) -> bool:
        books = self._books.get(entry.uid, {})
        present = books.get(entry.cluster)
        if present is None or is_final(present.state):
            return False
        books[entry.cluster] = evolve(entry, code=whole(entry.code), timestamp=whole(entry.timestamp))
        return True


def _refused() -> Deferred[None]:
    return fail(StoreUnavailable("the store takes no writes"))
