"""The task ledger on the object store's SQLite file and writer.

Books are clustered by task generation and cluster name. How many are in each state is kept with the generation, by the same
transaction, so that asking is one row whatever the number of targets.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from ote_twisted.interfaces import ITaskLedger
from ote_twisted.storage.ledger_rules import FIRST_FINAL, NUMBERS, STATES, whole
from ote_twisted.storage.sqlite.faults import store_error
from ote_twisted.storage.sqlite.transactions import Transaction
from ote_twisted.storage.sqlite.writers import Writer
from ote_twisted.tasks.model import LedgerEntry, TargetState

T = TypeVar("T")

_OPEN = "INSERT INTO books (generation, cluster, state) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_STATES = "SELECT cluster, state FROM books WHERE generation = ? AND cluster IN (SELECT value FROM json_each(?))"
_MARK = "UPDATE books SET state = ?, why = ? WHERE generation = ? AND cluster = ?"
_RECORD = (
    "UPDATE books SET state = ?, code = ?, body = ?, truncated = ?, why = ?, timestamp = ?, received = ?"
    " WHERE generation = ? AND cluster = ?"
)
_COUNTS = ", ".join(state.value for state in STATES)
_RECOUNT = f"UPDATE generations SET {', '.join(f'{state.value} = {state.value} + ?' for state in STATES)} WHERE id = ?"
_FORGOTTEN = "SELECT id FROM generations WHERE uid >= ?1 AND substr(uid, 1, ?2) = ?1"
_PAGE = """
SELECT cluster, books.state, code, body, truncated, why, timestamp, received
FROM generations JOIN books ON books.generation = generations.id
WHERE uid = ? AND cluster > ? AND books.state IN (SELECT value FROM json_each(?)) ORDER BY cluster LIMIT ?
"""


@implementer(ITaskLedger)
class SQLiteTaskLedger:
    """Keeps books in the tables ``generations`` and ``books``.

    :ivar recorded: answers written.
    :ivar ignored: answers that came after a final state, or of a cluster without a book.
    """

    def __init__(self, writer: Writer, reader: Callable[[], sqlite3.Connection]) -> None:
        """``reader`` gives the connection for reads in the reactor's thread."""
        self._writer = writer
        self._reader = reader
        self.recorded = 0
        self.ignored = 0

    def add(self, uid: str, clusters: Sequence[str], state: TargetState) -> Deferred[None]:
        """See :class:`ITaskLedger`."""
        return self._writer.write(partial(_add, uid=uid, clusters=tuple(clusters), number=NUMBERS[state]))

    def mark(self, uid: str, clusters: Sequence[str], state: TargetState, why: str = "") -> Deferred[None]:
        """See :class:`ITaskLedger`."""
        return self._writer.write(partial(_mark, uid=uid, clusters=tuple(clusters), number=NUMBERS[state], why=why))

    def record(self, entries: Sequence[LedgerEntry]) -> Deferred[Sequence[LedgerEntry]]:
        """See :class:`ITaskLedger`. Answers of clusters without a book are not written."""
        return self._writer.write(partial(_record, entries=tuple(entries))).addCallback(self._count, len(entries))

    def counts(self, uid: str) -> Deferred[dict[TargetState, int]]:
        """See :class:`ITaskLedger`."""
        return self._read(_counts, uid)

    def page(
        self, uid: str, limit: int, after: str | None = None, states: Iterable[TargetState] | None = None
    ) -> Deferred[Sequence[LedgerEntry]]:
        """See :class:`ITaskLedger`."""
        return self._read(_page, uid, limit, after or "", STATES if states is None else states)

    def forget(self, uid_prefix: str) -> Deferred[None]:
        """See :class:`ITaskLedger`."""
        return self._writer.write(partial(_forget, prefix=uid_prefix))

    def uids(self) -> Deferred[Sequence[str]]:
        """See :class:`ITaskLedger`."""
        return self._read(_uids)

    def _read(self, question: Callable[..., T], *arguments: object) -> Deferred[T]:
        try:
            return succeed(question(self._reader(), *arguments))
        except Exception as error:
            return fail(store_error(error))

    def _count(self, written: Sequence[LedgerEntry], asked: int) -> Sequence[LedgerEntry]:
        self.recorded += len(written)
        self.ignored += asked - len(written)
        return written


def _add(transaction: Transaction, uid: str, clusters: tuple[str, ...], number: int) -> None:
    if not clusters:
        return
    cursor = transaction.cursor
    cursor.execute("INSERT INTO generations (uid) VALUES (?) ON CONFLICT DO NOTHING", (uid,))
    generation = _generation(cursor, uid)
    opened = cursor.executemany(_OPEN, [(generation, cluster, number) for cluster in clusters]).rowcount
    _recount(cursor, generation, Counter({number: opened}))


def _mark(transaction: Transaction, uid: str, clusters: tuple[str, ...], number: int, why: str) -> None:
    cursor = transaction.cursor
    generation = _generation(cursor, uid)
    open_books = {name: old for name, old in _states(cursor, generation, clusters).items() if old < FIRST_FINAL}
    cursor.executemany(_MARK, [(number, why, generation, name) for name in open_books])
    moved = Counter({number: len(open_books)})
    moved.subtract(open_books.values())
    _recount(cursor, generation, moved)


def _record(transaction: Transaction, entries: tuple[LedgerEntry, ...]) -> list[LedgerEntry]:
    by_uid: dict[str, list[LedgerEntry]] = {}
    for entry in entries:
        by_uid.setdefault(entry.uid, []).append(entry)
    written = [entry for uid, answers in by_uid.items() for entry in _record_one(transaction.cursor, uid, answers)]
    if len(by_uid) > 1:
        kept = set(map(id, written))
        return [entry for entry in entries if id(entry) in kept]
    return written


def _record_one(cursor: sqlite3.Cursor, uid: str, answers: list[LedgerEntry]) -> list[LedgerEntry]:
    generation = _generation(cursor, uid)
    states = _states(cursor, generation, [entry.cluster for entry in answers])
    written, rows, moved = [], [], Counter[int]()
    for entry in answers:
        old = states.get(entry.cluster, FIRST_FINAL)
        if old >= FIRST_FINAL:
            continue
        new = states[entry.cluster] = NUMBERS[entry.state]
        moved[old] -= 1
        moved[new] += 1
        written.append(entry)
        rows.append(_row(generation, new, entry))
    cursor.executemany(_RECORD, rows)
    _recount(cursor, generation, moved)
    return written


def _row(generation: int | None, number: int, entry: LedgerEntry) -> tuple[Any, ...]:
    return (
        number,
        whole(entry.code),
        entry.body,
        entry.truncated,
        entry.why,
        whole(entry.timestamp),
        entry.received,
        generation,
        entry.cluster,
    )


def _forget(transaction: Transaction, prefix: str) -> None:
    cursor = transaction.cursor
    found = cursor.execute(_FORGOTTEN, (prefix, len(prefix))).fetchall()
    cursor.executemany("DELETE FROM books WHERE generation = ?", found)
    cursor.executemany("DELETE FROM generations WHERE id = ?", found)


def _generation(cursor: sqlite3.Cursor, uid: str) -> int | None:
    row = cursor.execute("SELECT id FROM generations WHERE uid = ?", (uid,)).fetchone()
    return None if row is None else row[0]


def _states(cursor: sqlite3.Cursor, generation: int | None, clusters: Sequence[str]) -> dict[str, int]:
    return dict(cursor.execute(_STATES, (generation, orjson.dumps(clusters).decode())).fetchall())


def _recount(cursor: sqlite3.Cursor, generation: int | None, moved: Counter[int]) -> None:
    if any(moved.values()):
        cursor.execute(_RECOUNT, (*(moved[number] for number in range(len(STATES))), generation))


def _counts(db: sqlite3.Connection, uid: str) -> dict[TargetState, int]:
    row = db.execute(f"SELECT {_COUNTS} FROM generations WHERE uid = ?", (uid,)).fetchone()
    return dict(zip(STATES, row or (0,) * len(STATES), strict=True))


def _page(db: sqlite3.Connection, uid: str, limit: int, after: str, states: Iterable[TargetState]) -> list[LedgerEntry]:
    numbers = orjson.dumps([NUMBERS[state] for state in states]).decode()
    rows = db.execute(_PAGE, (uid, after, numbers, limit))
    return [
        LedgerEntry(uid, cluster, STATES[number], code, body, bool(cut), *rest)
        for cluster, number, code, body, cut, *rest in rows
    ]


def _uids(db: sqlite3.Connection) -> list[str]:
    return [uid for (uid,) in db.execute("SELECT uid FROM generations ORDER BY uid")]
