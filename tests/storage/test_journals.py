"""Delivery journals and kept values keep their contracts."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import StoreUnavailable
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal, MemoryKeptState
from ote_twisted.storage.sqlite.opening import SQLiteStorage
from ote_twisted.tasks.journal import Performed
from ote_twisted.tasks.model import Answer
from ote_twisted.testing.contracts.journal import (
    JournalUnderTest,
    KeptUnderTest,
    make_journal_tests,
    make_kept_state_tests,
    owed,
)
from tests.storage.building import full_store, open_here, open_threaded, pass_turns


def build_memory_journal(case: SynchronousTestCase) -> JournalUnderTest:
    """One in memory."""
    journal = MemoryDeliveryJournal()
    return JournalUnderTest(journal, lambda: None, lambda: journal)


def build_memory_kept(case: SynchronousTestCase) -> KeptUnderTest:
    """One in memory."""
    kept = MemoryKeptState()
    return KeptUnderTest(kept, lambda: None, lambda: kept)


class Reopening:
    """A store file that is closed and opened again."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.case = case
        self.clock = Clock()
        self.storage, _ = open_here(case, clock=self.clock)

    def settle(self) -> None:
        """Let writes happen."""
        pass_turns(self.clock)

    def reopen(self) -> SQLiteStorage:
        """What a new process has."""
        self.case.successResultOf(self.storage.stopService())
        self.storage, _ = open_here(self.case, self.storage.path, self.clock)
        return self.storage


def build_sqlite_journal(case: SynchronousTestCase) -> JournalUnderTest:
    """One on SQLite whose writes run in the clock's turns."""
    made = Reopening(case)
    return JournalUnderTest(made.storage.journal, made.settle, lambda: made.reopen().journal)


def build_threaded_journal(case: SynchronousTestCase) -> JournalUnderTest:
    """One on SQLite with its writer thread; what a new process would see is read from the file, too."""
    storage, settle = open_threaded(case)
    return JournalUnderTest(storage.journal, settle, lambda: storage.journal)


def build_sqlite_kept(case: SynchronousTestCase) -> KeptUnderTest:
    """Values in the store's file."""
    made = Reopening(case)
    return KeptUnderTest(made.storage.kept, made.settle, lambda: made.reopen().kept)


class MemoryDeliveryJournalTests(make_journal_tests(build_memory_journal)):  # type: ignore[misc]
    """The journal in memory."""


class MemoryKeptStateTests(make_kept_state_tests(build_memory_kept)):  # type: ignore[misc]
    """Values in memory."""


class SQLiteDeliveryJournalTests(make_journal_tests(build_sqlite_journal)):  # type: ignore[misc]
    """The journal in the store's file."""


class ThreadedDeliveryJournalTests(make_journal_tests(build_threaded_journal)):  # type: ignore[misc]
    """The journal in the store's file, with the writer thread."""


class SQLiteKeptStateTests(make_kept_state_tests(build_sqlite_kept)):  # type: ignore[misc]
    """Values in the store's file."""


class SharedCommitTests(SynchronousTestCase):
    """The journal shares the store's writer."""

    def test_writes_of_a_turn_share_one_commit(self) -> None:
        """A hundred tasks that finish in one turn cost one transaction."""
        storage, clock = open_here(self)
        before = storage.commit.commits
        waiting = [storage.journal.finish(Performed(f"u.{n}", Answer(200), 9.0), owed(f"u.{n}")) for n in range(100)]
        pass_turns(clock)
        for one in waiting:
            self.successResultOf(one)
        self.assertEqual(storage.commit.commits - before, 1)

    def test_a_full_disk_refuses_and_recovers(self) -> None:
        """Without room nothing is written and StoreUnavailable says so; with room again writes work."""
        storage, clock, free = full_store(self)
        writes = [storage.journal.put(owed("r.1", "", b"x" * 50_000)), storage.kept.keep("big", b"x" * 50_000)]
        pass_turns(clock)
        for one in writes:
            self.failureResultOf(one, StoreUnavailable)
        free()
        again = storage.journal.put(owed("r.1", "", b"x" * 50_000))
        pass_turns(clock)
        self.successResultOf(again)
        self.assertEqual([entry.uid for entry in self.successResultOf(storage.journal.load()).outbox], ["r.1"])
