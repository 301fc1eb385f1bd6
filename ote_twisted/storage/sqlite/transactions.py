"""Group commit: many writes in one transaction, each failing only by itself. Used by one thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson

from ote_twisted.errors import StoreError
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.sqlite.faults import store_error

FIRST_VERSION = 1
"""Version of a store that has never been written."""

_LOG = "INSERT INTO log (version, object) SELECT ?1 + key, value FROM json_each(?2)"
_LOG_DELETION = "UPDATE log SET resource = ?, namespace = ?, name = ?, labels = ?, value = ? WHERE version = ?"


class Transaction:
    """What a write may use while its group's transaction is open.

    :ivar cursor: executes SQL.
    """

    __slots__ = ("_deleted", "_logged", "_started", "_version", "cursor")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor
        self._started: int | None = None
        self._version = 0
        self._logged: list[int] = []
        self._deleted: list[tuple[str | bytes | int | None, ...]] = []

    def next_version(self) -> int:
        """The version that the next logged change will have."""
        if self._started is None:
            newest = self.cursor.execute("SELECT max(version) FROM log").fetchone()[0]
            self._started = self._version = newest or FIRST_VERSION
        return self._version + 1

    def log(self, number: int, *deleted: str | bytes | None) -> None:
        """Log the change of an object by its row number as :meth:`next_version`.

        :param deleted: what is left of a deleted object: resource, namespace, name, labels, value.
        """
        self._version += 1
        self._logged.append(number)
        if deleted:
            self._deleted.append((*deleted, self._version))

    def finish(self, kept: int) -> None:
        """Write the log, and forget changes beyond the newest ``kept``, a twentieth at a time."""
        if self._started is None:
            return
        # One statement for all rows: versions follow each other, and a statement per row would cost as much as the object's.
        self.cursor.execute(_LOG, (self._started + 1, orjson.dumps(self._logged).decode()))
        self.cursor.executemany(_LOG_DELETION, self._deleted)
        step = max(1, kept // 20)
        if self._started // step != self._version // step:
            self.cursor.execute("DELETE FROM log WHERE version <= ?", (self._version - kept,))


Run = Callable[[Transaction], Any]
"""A write. It raises a :class:`StoreError` before it has changed anything, or not at all; it may be run again."""


class GroupCommit:
    """Runs groups of writes.

    :ivar commits: transactions committed.
    :ivar retried: groups that failed as a whole and were repeated write by write.
    """

    def __init__(self, db: sqlite3.Connection, limits: Limits) -> None:
        """Write through ``db``, which is closed by :meth:`close`."""
        self._db = db
        self._cursor = db.cursor()
        self._kept = limits.kept_versions
        self.commits = 0
        self.retried = 0

    def execute(self, runs: Sequence[Run]) -> list[Any]:
        """The result of each write, durable, or the :class:`StoreError` that it met."""
        try:
            return self._together(runs)
        except Exception as error:
            with suppress(sqlite3.Error):
                self._roll_back()
            if len(runs) == 1:
                return [store_error(error)]
        self.retried += 1
        return [self.execute((run,))[0] for run in runs]

    def close(self) -> None:
        """Close the connection; the last one tidies the write-ahead log away."""
        self._db.close()

    def _together(self, runs: Sequence[Run]) -> list[Any]:
        self._roll_back()
        self._cursor.execute("BEGIN IMMEDIATE")
        transaction = Transaction(self._cursor)
        results = []
        for run in runs:
            try:
                results.append(run(transaction))
            except StoreError as refusal:
                results.append(refusal)
        transaction.finish(self._kept)
        self._cursor.execute("COMMIT")
        self.commits += 1
        return results

    def _roll_back(self) -> None:
        """Undo what a failed group has left open; the next group tries again and fails where it cannot be."""
        if self._db.in_transaction:
            self._cursor.execute("ROLLBACK")
