"""What SQLite's errors mean for the caller. Pure."""

from __future__ import annotations

import sqlite3

from ote_twisted.errors import CorruptStore, StoreError, StoreUnavailable

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk under the store is full: nothing was written; free some space, writes then work again",
    sqlite3.SQLITE_IOERR: "the disk under the store failed: nothing was written",
    sqlite3.SQLITE_READONLY: "the store's file is read-only: nothing was written",
    sqlite3.SQLITE_BUSY: "another program holds the store's file: nothing was written",
    sqlite3.SQLITE_NOMEM: "out of memory: nothing was written",
}


def store_error(error: BaseException) -> StoreError:
    """The error to give the caller for one met at the database."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, UnicodeError):
        return StoreError("names and values must be valid Unicode text")
    if isinstance(error, sqlite3.Error):
        return _database_error(error)
    return StoreError(f"the store met a fault of its own: {type(error).__name__}")


def corrupt(path: str, what: str) -> CorruptStore:
    """The error for a file that must not be used, with what to do."""
    return CorruptStore(
        f"{path}: {what}. It was not changed. Restore it from a backup, or move it away (with its -wal file) to start empty."
    )


def _database_error(error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGED:
        return CorruptStore(f"the store's file is damaged ({error}): stop the controller and restore the file from a backup")
    if code == sqlite3.SQLITE_TOOBIG:
        return StoreError("the object is too large for the store")
    return StoreUnavailable(_SENTENCES.get(code, f"the store cannot be used now: {error}"))
