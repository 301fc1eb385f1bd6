"""Opening the embedded store: the file is checked and locked, and its parts are put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from ote_twisted.storage.feed import Feed
from ote_twisted.storage.journal_sqlite import SQLiteDeliveryJournal, SQLiteKeptState
from ote_twisted.storage.ledger_sqlite import SQLiteTaskLedger
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.model import StoreEvent
from ote_twisted.storage.sqlite import files, reads
from ote_twisted.storage.sqlite.objects import LogHistory, SQLiteObjectStore
from ote_twisted.storage.sqlite.snapshots import Readers
from ote_twisted.storage.sqlite.transactions import GroupCommit
from ote_twisted.storage.sqlite.writers import Backlog, SynchronousWriter, ThreadWriter

AnyWriter = ThreadWriter | SynchronousWriter
MakeWriter = Callable[[GroupCommit, Backlog], AnyWriter]


class SQLiteStorage(Service):
    """An open store file. Usable at once; stopping finishes what is queued and closes the file.

    :ivar path: the file.
    :ivar objects: the object store.
    :ivar ledger: the task ledger.
    :ivar journal: the delivery journal.
    :ivar kept: small values that outlive the process.
    :ivar writer: who writes; its ``backlog`` count.
    :ivar commit: the transactions, with their counters.
    """

    def __init__(
        self, path: Path, objects: SQLiteObjectStore, writer: AnyWriter, commit: GroupCommit, lock: files.FileLock
    ) -> None:
        self.path = path
        self.objects = objects
        self.ledger = SQLiteTaskLedger(writer, objects.reader)
        self.journal = SQLiteDeliveryJournal(writer, objects.reader)
        self.kept = SQLiteKeptState(writer, objects.reader)
        self.writer = writer
        self.commit = commit
        self._lock = lock
        self._open = True

    def stopService(self) -> Deferred[None]:
        """Fires when every accepted write is durable and the file is closed. Idempotent."""
        self.running = 0
        if not self._open:
            return succeed(None)
        self._open = False
        return self.writer.stop().addCallback(self._closed)

    def _closed(self, _: None) -> None:
        self.objects.close()
        self._lock.release()


def open_store(
    path: Path | str, clock: IReactorTime, threads: IReactorFromThreads | None = None, limits: Limits | None = None
) -> SQLiteStorage:
    """Open the store in that file, making it if there is none. Blocks: call it before the reactor runs.

    :param path: the SQLite file; its ``-wal``, ``-shm`` and ``.lock`` lie beside it. The directory must exist.
    :param clock: gives turns to watches and time to paged lists.
    :param threads: with it, writes run in a thread of their own (the product); without, in the clock's turns (tests).
    :raise CorruptStore: the file is damaged or not ours; it was not changed and the text says what to do.
    :raise StoreUnavailable: another process has it, or it cannot be read or written.
    """
    bounds = limits or Limits()
    if threads is None:
        return _open(Path(path), clock, bounds, partial(SynchronousWriter, clock=clock))
    return _open(Path(path), clock, bounds, partial(ThreadWriter, limits=bounds, call_from_thread=threads.callFromThread))


def _open(path: Path, clock: IReactorTime, limits: Limits, make_writer: MakeWriter) -> SQLiteStorage:
    lock = files.FileLock(path.with_name(path.name + ".lock"))
    try:
        files.prepare(path, files.schema_files())
        commit = GroupCommit(files.connect_writer(path, limits.file_bytes), limits)
        readers = Readers(partial(files.connect_reader, path), clock, limits)
        return _assemble(path, clock, limits, make_writer, commit, readers, lock)
    except Exception:
        lock.release()
        raise


def _assemble(
    path: Path,
    clock: IReactorTime,
    limits: Limits,
    make_writer: MakeWriter,
    commit: GroupCommit,
    readers: Readers,
    lock: files.FileLock,
) -> SQLiteStorage:
    first = readers.lend()
    feed = Feed(clock, reads.newest(first), limits, LogHistory(readers))
    readers.take_back(first)

    def announce(events: Sequence[StoreEvent]) -> None:
        feed.announce(events)
        readers.advance(feed.version)

    writer = make_writer(commit, Backlog(announce, limits))
    objects = SQLiteObjectStore(writer, feed, readers)
    return SQLiteStorage(path, objects, writer, commit, lock)
