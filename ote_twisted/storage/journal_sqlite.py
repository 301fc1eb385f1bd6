"""The delivery journal and small kept values on the object store's SQLite file and writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import orjson
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from ote_twisted.interfaces import IDeliveryJournal, IKeptState
from ote_twisted.storage.ledger_rules import whole
from ote_twisted.storage.sqlite.faults import store_error
from ote_twisted.storage.sqlite.transactions import Transaction
from ote_twisted.storage.sqlite.writers import Writer
from ote_twisted.tasks.journal import Journal, Known, OutboxEntry, Performed
from ote_twisted.tasks.model import Answer

T = TypeVar("T")

_KEEP = "INSERT INTO kept (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_BEGIN = (
    "INSERT INTO begun (uid, until) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM performed WHERE uid = ?1)"
    " ON CONFLICT DO UPDATE SET until = excluded.until"
)
_FINISH = (
    "INSERT INTO performed (uid, until, code, body, truncated, full_length, unknown) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_ANSWER = "SELECT code, body, truncated, full_length, unknown FROM performed WHERE uid = ?"
_REPLACED = "SELECT uid FROM outbox WHERE key = ?1 AND key <> '' AND uid <> ?2 ORDER BY id"
_PUT = "INSERT INTO outbox (uid, key, until, message) VALUES (?, ?, ?, ?)"
_NAMED = "DELETE FROM {} WHERE uid IN (SELECT value FROM json_each(?))"


class _Reading:
    def __init__(self, writer: Writer, reader: Callable[[], sqlite3.Connection]) -> None:
        """``reader`` gives the connection for reads in the reactor's thread."""
        self._writer = writer
        self._reader = reader

    def _read(self, question: Callable[..., T], *arguments: object) -> Deferred[T]:
        try:
            return succeed(question(self._reader(), *arguments))
        except Exception as error:
            return fail(store_error(error))


@implementer(IKeptState)
class SQLiteKeptState(_Reading):
    """Keeps values in the table ``kept``."""

    def load(self) -> Deferred[Mapping[str, bytes]]:
        """See :meth:`IKeptState.load`."""
        return self._read(_values)

    def keep(self, name: str, value: bytes) -> Deferred[None]:
        """See :meth:`IKeptState.keep`."""
        return self._writer.write(partial(_keep, name=name, value=value))


@implementer(IDeliveryJournal)
class SQLiteDeliveryJournal(_Reading):
    """Keeps tasks and messages in the tables ``begun``, ``performed`` and ``outbox``."""

    def load(self) -> Deferred[Journal]:
        """See :meth:`IDeliveryJournal.load`."""
        return self._read(_load)

    def answer(self, uid: str) -> Deferred[Answer | None]:
        """See :meth:`IDeliveryJournal.answer`."""
        return self._read(_answer, uid)

    def begin(self, uid: str, until: float) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.begin`."""
        return self._writer.write(partial(_begin, uid=uid, until=until))

    def finish(self, performed: Performed, entry: OutboxEntry | None) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.finish`."""
        return self._writer.write(partial(_finish, performed=performed, entry=entry))

    def put(self, entry: OutboxEntry) -> Deferred[Sequence[str]]:
        """See :meth:`IDeliveryJournal.put`."""
        return self._writer.write(partial(_put, entry=entry))

    def received(self, uids: Sequence[str]) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.received`."""
        return self._writer.write(partial(_remove, uids=tuple(uids), tables=("outbox",)))

    def forget(self, uids: Sequence[str]) -> Deferred[None]:
        """See :meth:`IDeliveryJournal.forget`."""
        return self._writer.write(partial(_remove, uids=tuple(uids), tables=("begun", "performed", "outbox")))


def _keep(transaction: Transaction, name: str, value: bytes) -> None:
    transaction.cursor.execute(_KEEP, (name, value))


def _begin(transaction: Transaction, uid: str, until: float) -> None:
    transaction.cursor.execute(_BEGIN, (uid, until))


def _finish(transaction: Transaction, performed: Performed, entry: OutboxEntry | None) -> None:
    answer, cursor = performed.answer, transaction.cursor
    cursor.execute("DELETE FROM begun WHERE uid = ?", (performed.uid,))
    row = (whole(answer.code) or 0, answer.body, answer.truncated, whole(answer.full_length) or 0, answer.unknown)
    cursor.execute(_FINISH, (performed.uid, performed.until, *row))
    if entry is not None:
        _put(transaction, entry)


def _put(transaction: Transaction, entry: OutboxEntry) -> list[str]:
    cursor = transaction.cursor
    replaced = [uid for (uid,) in cursor.execute(_REPLACED, (entry.key, entry.uid))] if entry.key else []
    cursor.executemany("DELETE FROM outbox WHERE uid = ?", [(uid,) for uid in (*replaced, entry.uid)])
    cursor.execute(_PUT, (entry.uid, entry.key, entry.until, entry.message))
    return replaced


def _remove(transaction: Transaction, uids: tuple[str, ...], tables: tuple[str, ...]) -> None:
    named = (orjson.dumps(uids).decode(),)
    for table in tables:
        transaction.cursor.execute(_NAMED.format(table), named)


def _values(db: sqlite3.Connection) -> dict[str, bytes]:
    return dict(db.execute("SELECT name, value FROM kept ORDER BY name"))


def _load(db: sqlite3.Connection) -> Journal:
    begun = dict(db.execute("SELECT uid, until FROM begun ORDER BY uid"))
    rows = db.execute("SELECT uid, until, length(body) FROM performed ORDER BY id")
    performed = {uid: Known(until, size) for uid, until, size in rows}
    owed = db.execute("SELECT uid, message, key, until FROM outbox ORDER BY id")
    return Journal(begun, performed, [OutboxEntry(*row) for row in owed])


def _answer(db: sqlite3.Connection, uid: str) -> Answer | None:
    row = db.execute(_ANSWER, (uid,)).fetchone()
    if row is None:
        return None
    code, body, truncated, full_length, unknown = row
    return Answer(code, body, bool(truncated), full_length, bool(unknown))
