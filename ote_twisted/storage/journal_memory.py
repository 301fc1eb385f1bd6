"""A delivery journal and kept values in memory, for tests and for trees in virtual time; they outlive a controller only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from ote_twisted.errors import StoreUnavailable
from ote_twisted.interfaces import IDeliveryJournal, IKeptState
from ote_twisted.tasks.journal import Journal, Known, OutboxEntry, Performed
from ote_twisted.tasks.model import Answer


@implementer(IKeptState)
class MemoryKeptState:
    """Keeps values in a dictionary.

    :ivar broken: every write fails.
    """

    def __init__(self) -> None:
        self.broken = False
        self._values: dict[str, bytes] = {}

    def load(self) -> Deferred[Mapping[str, bytes]]:
        """See :meth:`IKeptState.load`."""
        return succeed(dict(self._values))

    def keep(self, name: str, value: bytes) -> Deferred[None]:
        """See :meth:`IKeptState.keep`."""
        if self.broken:
            return fail(StoreUnavailable("the store takes no writes"))
        self._values[name] = value
        return succeed(None)


@implementer(IDeliveryJournal)
class MemoryDeliveryJournal:
    """Keeps everything in dictionaries.

    :ivar broken: every write fails.
    """

    def __init__(self) -> None:
        self.broken = False
        self._begun: dict[str, float] = {}
        self._performed: dict[str, Performed] = {}
        self._outbox: dict[str, OutboxEntry] = {}

    def load(self) -> Deferred[Journal]:
        """See :meth:`IDeliveryJournal.load`."""
        performed = {uid: Known(each.until, len(each.answer.body)) for uid, each in self._performed.items()}
        return succeed(Journal(dict(self._begun), performed, list(self._outbox.values())))

    def answer(self, uid: str) -> Deferred[Answer | None]:
        """See :meth:`IDeliveryJournal.answer`."""
        performed = self._performed.get(uid)
        return succeed(None if performed is None else performed.answer)

    def begin(self, uid: str, until: float) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.begin`."""
        if self.broken:
            return self._refuse()
        if uid not in self._performed:
            self._begun[uid] = until
        return succeed(None)

    def finish(self, performed: Performed, entry: OutboxEntry | None) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.finish`."""
        if self.broken:
            return self._refuse()
        self._begun.pop(performed.uid, None)
        self._performed.setdefault(performed.uid, performed)
        if entry is not None:
            self._put(entry)
        return succeed(None)

    def put(self, entry: OutboxEntry) -> Deferred[Sequence[str]]:
        """See :meth:`IDeliveryJournal.put`."""
        return fail(_unavailable()) if self.broken else succeed(self._put(entry))

    def received(self, uids: Sequence[str]) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.received`."""
        if self.broken:
            return self._refuse()
        for uid in uids:
            self._outbox.pop(uid, None)
        return succeed(None)

    def forget(self, uids: Sequence[str]) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.forget`."""
        if self.broken:
            return self._refuse()
        for kept in (self._begun, self._performed, self._outbox):
            for uid in uids:
                kept.pop(uid, None)
        return succeed(None)

    def _put(self, entry: OutboxEntry) -> list[str]:
        replaced = [uid for uid, older in self._outbox.items() if entry.key and older.key == entry.key and uid != entry.uid]
        for uid in (*replaced, entry.uid):
            self._outbox.pop(uid, None)
        self._outbox[entry.uid] = entry
        return replaced

    def _refuse(self) -> Deferred[None]:
        return fail(_unavailable())


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable("the store takes no writes")
