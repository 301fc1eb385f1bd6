"""The store's file: whose it is, in which version, and how a connection to it is made."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from ote_twisted.errors import StoreUnavailable
from ote_twisted.storage.sqlite.faults import corrupt, store_error

APPLICATION_ID = 0x4F544554
"""Marks our files in SQLite's header: ``OTET``."""

_MAGIC = b"SQLite format 3\x00"
_CHECKED_BYTES = 64 << 20


class FileLock:
    """Keeps a second process off a store. The kernel releases it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        :raise StoreUnavailable: another process has it (the text gives its id), or the place cannot be written.
        """
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{path}: cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise StoreUnavailable(
                f"{path}: the store is in use by process {holder or 'unknown'}; stop that one first, or use another directory"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Let others have the store. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def schema_files() -> list[str]:
    """The numbered schema files in order; the first makes an empty store, each later one upgrades by one."""
    folder = resources.files("ote_twisted.storage.sqlite") / "schema"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(folder / name).read_text("utf-8") for name in names]


def prepare(path: Path, schema: Sequence[str]) -> None:
    """Make the file, or check one that is there and bring it to the newest schema, with a backup first.

    :raise CorruptStore: damaged, of another program, or of a newer release. It was not changed.
    :raise StoreUnavailable: it cannot be read or written.
    """
    try:
        size = path.stat().st_size if path.exists() else 0
        if not size:
            _make_private(path)
        else:
            _check_header(path)
            _check_content(path, size)
        _upgrade(path, schema)
    except OSError as error:
        raise StoreUnavailable(f"{path}: cannot be opened: {error.strerror}") from None
    except sqlite3.Error as error:
        raise store_error(error) from None


def connect_writer(path: Path, file_bytes: int) -> sqlite3.Connection:
    """The one connection that writes: a write is on the disk when its commit returns."""
    db = _connect(path)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 1000")
    db.execute("PRAGMA journal_size_limit = 67108864")
    if file_bytes:
        page = db.execute("PRAGMA page_size").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {file_bytes // page}")
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads."""
    db = _connect(path)
    db.execute("PRAGMA query_only = ON")
    return db


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100 or not head.startswith(_MAGIC):
        raise corrupt(str(path), "this is no SQLite database")
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise corrupt(str(path), "this database belongs to another program")


def _check_content(path: Path, size: int) -> None:
    """Look for damage through a connection that cannot write; of files beyond 64 MiB only the schema, for a fast start."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0, isolation_level=None)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0] if size <= _CHECKED_BYTES else "ok"
    except sqlite3.DatabaseError as error:
        found = str(error)
    finally:
        db.close()
    if found != "ok":
        raise corrupt(str(path), f"the database is damaged ({found})")


def _upgrade(path: Path, schema: Sequence[str]) -> None:
    db = _connect(path)
    try:
        have = db.execute("PRAGMA user_version").fetchone()[0]
        if have > len(schema):
            raise corrupt(str(path), f"its schema is number {have}, of a newer release; this release knows up to {len(schema)}")
        if 0 < have < len(schema):
            _back_up(db, path.with_name(f"{path.name}.schema-{have}.backup"))
        for number in range(have, len(schema)):
            _apply(db, schema[number], number + 1)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        db.close()


def _apply(db: sqlite3.Connection, script: str, number: int) -> None:
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
    try:
        db.executescript(f"BEGIN IMMEDIATE; {script}\n{marks} COMMIT;")
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _make_private(path: Path) -> None:
    """An empty file for its owner only; SQLite gives its companions the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _back_up(db: sqlite3.Connection, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    _make_private(part)
    copy = sqlite3.connect(part)
    try:
        db.backup(copy)
    finally:
        copy.close()
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
