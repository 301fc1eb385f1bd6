"""Every store and ledger keeps its contract."""

from __future__ import annotations

from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.storage.ledger_memory import MemoryTaskLedger
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.testing.contracts.ledger import LedgerUnderTest, make_task_ledger_tests
from ote_twisted.testing.contracts.store import CONTRACT_LIMITS, StoreUnderTest, make_object_store_tests
from tests.storage.building import open_here, open_threaded, pass_turns


def memory_store(test: SynchronousTestCase) -> StoreUnderTest:
    """A store in memory."""
    clock = Clock()
    store = MemoryObjectStore(clock, CONTRACT_LIMITS)
    test.addCleanup(lambda: test.assertEqual(clock.getDelayedCalls(), []))
    test.addCleanup(store.stop)
    return StoreUnderTest(store, partial(pass_turns, clock))


def sqlite_store(test: SynchronousTestCase) -> StoreUnderTest:
    """A store on SQLite whose writes run in the clock's turns."""
    storage, clock = open_here(test)
    return StoreUnderTest(storage.objects, partial(pass_turns, clock))


def threaded_store(test: SynchronousTestCase) -> StoreUnderTest:
    """A store on SQLite with its writer thread."""
    storage, settle = open_threaded(test)
    return StoreUnderTest(storage.objects, settle)


def memory_ledger(test: SynchronousTestCase) -> LedgerUnderTest:
    """A ledger in memory."""
    return LedgerUnderTest(MemoryTaskLedger(), lambda: None)


def sqlite_ledger(test: SynchronousTestCase) -> LedgerUnderTest:
    """A ledger on SQLite whose writes run in the clock's turns."""
    storage, clock = open_here(test)
    return LedgerUnderTest(storage.ledger, partial(pass_turns, clock))


def threaded_ledger(test: SynchronousTestCase) -> LedgerUnderTest:
    """A ledger on SQLite with the writer thread."""
    storage, settle = open_threaded(test)
    return LedgerUnderTest(storage.ledger, settle)


class MemoryObjectStoreTests(make_object_store_tests(memory_store)):  # type: ignore[misc]
    """The memory store keeps the contract."""


class SQLiteObjectStoreTests(make_object_store_tests(sqlite_store)):  # type: ignore[misc]
    """The SQLite store keeps the contract."""


class ThreadedObjectStoreTests(make_object_store_tests(threaded_store)):  # type: ignore[misc]
    """The SQLite store with its writer thread keeps the contract."""


class MemoryTaskLedgerTests(make_task_ledger_tests(memory_ledger)):  # type: ignore[misc]
    """The memory ledger keeps the contract."""


class SQLiteTaskLedgerTests(make_task_ledger_tests(sqlite_ledger)):  # type: ignore[misc]
    """The SQLite ledger keeps the contract."""


class ThreadedTaskLedgerTests(make_task_ledger_tests(threaded_ledger)):  # type: ignore[misc]
    """The SQLite ledger with its writer thread keeps the contract."""
