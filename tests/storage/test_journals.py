"""Delivery journals and kept values keep their contracts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.storage.journal_memory import MemoryDeliveryJournal, MemoryKeptState
from ote_twisted.testing.contracts.journal import (
    JournalUnderTest,
    KeptUnderTest,
    make_journal_tests,
    make_kept_state_tests,
)


def build_memory_journal(case: SynchronousTestCase) -> JournalUnderTest:
    """One in memory."""
    journal = MemoryDeliveryJournal()
    return JournalUnderTest(journal, lambda: None, lambda: journal)


def build_memory_kept(case: SynchronousTestCase) -> KeptUnderTest:
    """One in memory."""
    kept = MemoryKeptState()
    return KeptUnderTest(kept, lambda: None, lambda: kept)


class MemoryDeliveryJournalTests(make_journal_tests(build_memory_journal)):  # type: ignore[misc]
    """The journal in memory."""


class MemoryKeptStateTests(make_kept_state_tests(build_memory_kept)):  # type: ignore[misc]
    """Values in memory."""
