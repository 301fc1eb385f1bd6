"""What every delivery journal and every keeper of small values must do.

class MyJournalTests(make_journal_tests(build_mine)):
    \"\"\"My journal keeps the contract.\"\"\"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.interfaces import IDeliveryJournal, IKeptState
from ote_twisted.tasks.journal import Journal, Known, OutboxEntry, Performed
from ote_twisted.tasks.model import Answer


@frozen
class JournalUnderTest:
    """An empty journal, and how to let its time pass.

    :ivar settle: returns when nothing is under way.
    :ivar reopen: gives the journal that a new process would have.
    """

    journal: IDeliveryJournal
    settle: Callable[[], None]
    reopen: Callable[[], IDeliveryJournal]


@frozen
class KeptUnderTest:
    """An empty keeper of values; see :class:`JournalUnderTest`."""

    kept: IKeptState
    settle: Callable[[], None]
    reopen: Callable[[], IKeptState]


def make_journal_tests(build: Callable[[SynchronousTestCase], JournalUnderTest]) -> Any:
    """A test case for the journals that ``build`` makes."""

    class JournalTests(_Journals):
        """The contract of IDeliveryJournal."""

        def under_test(self) -> JournalUnderTest:
            return build(self)

    return JournalTests


def make_kept_state_tests(build: Callable[[SynchronousTestCase], KeptUnderTest]) -> Any:
    """A test case for the keepers that ``build`` makes."""

    class KeptStateTests(_Kept):
        """The contract of IKeptState."""

        def under_test(self) -> KeptUnderTest:
            return build(self)

    return KeptStateTests


def owed(uid: str, key: str = "", message: bytes = b"message") -> OutboxEntry:
    """An entry for tests."""
    return OutboxEntry(uid, message, key, 99.0)


class _Kept(SynchronousTestCase):
    def under_test(self) -> KeptUnderTest:
        raise NotImplementedError

    def setUp(self) -> None:
        """Build one."""
        self.made = self.under_test()

    def result(self, deferred: Deferred[Any]) -> Any:
        """What a Deferred gives."""
        self.made.settle()
        return self.successResultOf(deferred)

    def test_provides_the_interface(self) -> None:
        """It has every method."""
        verifyObject(IKeptState, self.made.kept)

    def test_values_outlive_the_process(self) -> None:
        """The last value written under a name is there after a restart."""
        self.assertEqual(self.result(self.made.kept.load()), {})
        for name, value in (("a", b"1"), ("b", b"\x00\xff"), ("a", b"2")):
            self.result(self.made.kept.keep(name, value))
        self.assertEqual(self.result(self.made.reopen().load()), {"a": b"2", "b": b"\x00\xff"})


class _Journals(SynchronousTestCase):
    def under_test(self) -> JournalUnderTest:
        raise NotImplementedError

    def setUp(self) -> None:
        """Build one."""
        self.made = self.under_test()
        self.journal = self.made.journal

    def result(self, deferred: Deferred[Any]) -> Any:
        """What a Deferred gives."""
        self.made.settle()
        return self.successResultOf(deferred)

    def reopened(self) -> Journal:
        """What a new process finds."""
        self.journal = self.made.reopen()
        journal: Journal = self.result(self.journal.load())
        return journal

    def test_provides_the_interface(self) -> None:
        """It has every method."""
        verifyObject(IDeliveryJournal, self.journal)

    def test_a_new_journal_is_empty(self) -> None:
        """Nothing is begun, performed or owed."""
        found: Journal = self.result(self.journal.load())
        self.assertEqual((found.begun, found.performed, list(found.outbox)), ({}, {}, []))

    def test_begun_tasks_are_found_after_a_crash(self) -> None:
        """A task that was begun and not finished is known, with its time."""
        self.result(self.journal.begin("u.1", 50.0))
        self.assertEqual(self.reopened().begun, {"u.1": 50.0})

    def test_a_finished_task_has_its_answer_and_is_owed(self) -> None:
        """Answer and owed message are kept together, and the task is begun no more."""
        answer = Answer(500, b"\x00body", True, 99, True)
        self.result(self.journal.begin("u.1", 50.0))
        self.result(self.journal.finish(Performed("u.1", answer, 60.0), owed("u.1")))
        found = self.reopened()
        self.assertEqual((found.begun, found.performed, list(found.outbox)), ({}, {"u.1": Known(60.0, 5)}, [owed("u.1")]))
        self.assertEqual(self.result(self.journal.answer("u.1")), answer)

    def test_nothing_is_owed_for_an_own_task(self) -> None:
        """A task may be finished without a message."""
        self.result(self.journal.finish(Performed("u.1", Answer(200), 60.0), None))
        self.assertEqual(list(self.reopened().outbox), [])

    def test_the_first_answer_stands(self) -> None:
        """A task that is finished again keeps its first answer, and is not begun anew."""
        self.result(self.journal.finish(Performed("u.1", Answer(201), 60.0), None))
        self.result(self.journal.finish(Performed("u.1", Answer(500), 70.0), None))
        self.result(self.journal.begin("u.1", 80.0))
        self.assertEqual(self.result(self.journal.answer("u.1")), Answer(201))
        self.assertEqual(self.reopened().begun, {})

    def test_an_unknown_task_has_no_answer(self) -> None:
        """Asking for what was never performed gives nothing."""
        self.assertIsNone(self.result(self.journal.answer("u.1")))

    def test_the_outbox_keeps_its_order(self) -> None:
        """Owed messages come back in the order in which they were put, answers and reports alike."""
        self.result(self.journal.put(owed("r.1", "nodes")))
        self.result(self.journal.finish(Performed("u.1", Answer(200), 60.0), owed("u.1")))
        self.result(self.journal.put(owed("r.2", "pods")))
        self.assertEqual([entry.uid for entry in self.reopened().outbox], ["r.1", "u.1", "r.2"])

    def test_a_newer_report_replaces_the_older(self) -> None:
        """Of two entries with one key the newer is owed, at the end of the queue."""
        self.assertEqual(list(self.result(self.journal.put(owed("r.1", "nodes")))), [])
        self.result(self.journal.put(owed("r.2", "pods")))
        self.assertEqual(list(self.result(self.journal.put(owed("r.3", "nodes", b"newer")))), ["r.1"])
        self.assertEqual(list(self.reopened().outbox), [owed("r.2", "pods"), owed("r.3", "nodes", b"newer")])

    def test_what_was_received_is_owed_no_more(self) -> None:
        """A receipt removes the message, not the memory of the task; unknown uids are ignored."""
        self.result(self.journal.finish(Performed("u.1", Answer(200), 60.0), owed("u.1")))
        self.result(self.journal.received(["u.1", "never"]))
        found = self.reopened()
        self.assertEqual((found.performed, list(found.outbox)), ({"u.1": Known(60.0, 0)}, []))

    def test_forgotten_tasks_are_gone(self) -> None:
        """Begun and performed tasks can be forgotten, with the messages owed for them."""
        self.result(self.journal.begin("u.1", 50.0))
        self.result(self.journal.finish(Performed("u.2", Answer(200), 60.0), owed("u.2")))
        self.result(self.journal.put(owed("r.1", "nodes")))
        self.result(self.journal.forget(["u.1", "u.2", "never"]))
        found = self.reopened()
        self.assertEqual((found.begun, found.performed, [entry.uid for entry in found.outbox]), ({}, {}, ["r.1"]))
