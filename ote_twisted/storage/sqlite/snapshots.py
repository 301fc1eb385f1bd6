"""Read connections, and those among them that hold an old version still for a paged list."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.storage.limits import Limits
from ote_twisted.storage.model import ResourceVersion
from ote_twisted.values import frozen

_IDLE = 2


@frozen
class _Held:
    db: sqlite3.Connection
    expiry: IDelayedCall


class Readers:
    """Lends read connections.

    :ivar expired: paged lists cut off by age, by number or by writes.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], clock: IReactorTime, limits: Limits) -> None:
        """``connect`` makes one more connection."""
        self.expired = 0
        self._connect = connect
        self._clock = clock
        self._limits = limits
        self._idle: list[sqlite3.Connection] = []
        self._held: dict[ResourceVersion, _Held] = {}

    @property
    def held(self) -> int:
        """How many snapshots are held."""
        return len(self._held)

    def lend(self) -> sqlite3.Connection:
        """A connection without a transaction."""
        return self._idle.pop() if self._idle else self._connect()

    def take_back(self, db: sqlite3.Connection) -> None:
        """A connection that is not needed any more; its transaction ends."""
        if db.in_transaction:
            db.execute("ROLLBACK")
        if len(self._idle) < _IDLE:
            self._idle.append(db)
        else:
            db.close()

    def snapshot(self, version: ResourceVersion) -> sqlite3.Connection | None:
        """The connection that still sees ``version``."""
        held = self._held.get(version)
        return None if held is None else held.db

    def hold(self, version: ResourceVersion, db: sqlite3.Connection) -> None:
        """Keep a connection whose open transaction sees ``version`` for later pages."""
        while len(self._held) >= self._limits.snapshots:
            self._expire(next(iter(self._held)))
        self._held[version] = _Held(db, self._clock.callLater(self._limits.snapshot_seconds, self._expire, version))

    def advance(self, version: ResourceVersion) -> None:
        """The store is at ``version``: end the snapshots that lie too far back."""
        while self._held and (oldest := next(iter(self._held))) < version - self._limits.snapshot_versions:
            self._expire(oldest)

    def close(self) -> None:
        """Close every connection that is not lent. Idempotent."""
        for held in self._held.values():
            if held.expiry.active():
                held.expiry.cancel()
            held.db.close()
        for db in self._idle:
            db.close()
        self._held.clear()
        self._idle.clear()

    def _expire(self, version: ResourceVersion) -> None:
        held = self._held.pop(version)
        self.expired += 1
        if held.expiry.active():
            held.expiry.cancel()
        self.take_back(held.db)
