"""What every task ledger must do.

class MyLedgerTests(make_task_ledger_tests(build_mine)):
    \"\"\"My ledger keeps the contract.\"\"\"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.interfaces import ITaskLedger
from ote_twisted.tasks.model import LedgerEntry, TargetState

PENDING, SENT, DONE, FAILED, EXPIRED = TargetState
UID = "0c1f.1"


@frozen
class LedgerUnderTest:
    """An empty ledger and how to let its time pass.

    :ivar settle: returns when nothing is under way.
    """

    ledger: ITaskLedger
    settle: Callable[[], None]


def make_task_ledger_tests(build: Callable[[SynchronousTestCase], LedgerUnderTest]) -> Any:
    """A test case for the ledgers that ``build`` makes."""

    class TaskLedgerTests(_Books, _Pages):
        """The contract of ITaskLedger."""

        def under_test(self) -> LedgerUnderTest:
            return build(self)

    return TaskLedgerTests


def answer(cluster: str, uid: str = UID, state: TargetState = DONE, code: int | None = 200, **more: Any) -> LedgerEntry:
    """An answer for tests."""
    return LedgerEntry(uid, cluster, state, code, **more)


class _Base(SynchronousTestCase):
    def under_test(self) -> LedgerUnderTest:
        raise NotImplementedError

    def setUp(self) -> None:
        made = self.under_test()
        self.ledger = made.ledger
        self.settle = made.settle

    def result(self, waiting: Deferred[Any]) -> Any:
        self.settle()
        return self.successResultOf(waiting)

    def counts(self, uid: str = UID) -> dict[str, int]:
        """Counts that are not 0."""
        found: dict[TargetState, int] = self.result(self.ledger.counts(uid))
        self.assertEqual(set(found), set(TargetState))
        return {state.value: count for state, count in found.items() if count}

    def add(self, *clusters: str, uid: str = UID, state: TargetState = PENDING) -> None:
        self.result(self.ledger.add(uid, clusters, state))

    def record(self, *entries: LedgerEntry) -> list[str]:
        written: Sequence[LedgerEntry] = self.result(self.ledger.record(entries))
        return [entry.cluster for entry in written]

    def page(self, limit: int = 100, **how: Any) -> list[LedgerEntry]:
        return list(self.result(self.ledger.page(UID, limit, **how)))


class _Books(_Base):
    def test_provides_the_interface(self) -> None:
        """The ledger provides ITaskLedger."""
        verifyObject(ITaskLedger, self.ledger)

    def test_opened_books_are_counted(self) -> None:
        """Opened books are in the state given."""
        self.add("a", "b")
        self.add("c", state=SENT)
        self.assertEqual(self.counts(), {"pending": 2, "sent": 1})
        self.assertEqual(self.page(), [LedgerEntry(UID, *book) for book in (("a", PENDING), ("b", PENDING), ("c", SENT))])

    def test_books_there_already_are_left(self) -> None:
        """Opening books again changes none of them."""
        self.add("a", "b")
        self.record(answer("a"))
        self.add("a", "b", "c", "c", state=SENT)
        self.assertEqual(self.counts(), {"pending": 1, "sent": 1, "done": 1})

    def test_answer_is_kept_whole(self) -> None:
        """Every field of an answer is read back."""
        self.add("a")
        full = LedgerEntry(UID, "a", FAILED, 507, b"\x00\xff", True, "the disk is full", 1_700_000_000, 1_700_000_001.5)
        self.assertEqual(self.record(full), ["a"])
        self.assertEqual(self.page(), [full])

    def test_first_final_state_wins(self) -> None:
        """A second answer of a target is not written, in the same call or a later one."""
        self.add("a", "b")
        self.assertEqual(self.record(answer("a", body=b"first"), answer("a", body=b"second")), ["a"])
        self.assertEqual(self.record(answer("a", state=FAILED, code=500), answer("b")), ["b"])
        self.assertEqual([entry.body for entry in self.page()], [b"first", b""])
        self.assertEqual(self.counts(), {"done": 2})

    def test_written_entries_come_back_in_order(self) -> None:
        """The entries written come back as given, over several tasks."""
        self.add("a", "b", "c")
        self.add("a", uid="other")
        self.record(answer("b"))
        entries = [answer("c"), answer("a", uid="other"), answer("b"), answer("a")]
        self.assertEqual(list(self.result(self.ledger.record(entries))), [entries[0], entries[1], entries[3]])

    def test_answer_of_a_cluster_without_a_book_is_not_written(self) -> None:
        """An answer nobody asked for is not kept."""
        self.add("a")
        self.assertEqual(self.record(answer("stranger"), answer("a", uid="unknown")), [])
        self.assertEqual(self.counts(), {"pending": 1})
        self.assertEqual(self.result(self.ledger.uids()), [UID])

    def test_number_beyond_64_bits_costs_its_answer_only(self) -> None:
        """A peer's absurd time stamp is dropped; the answers beside it are kept."""
        self.add("a", "b")
        self.assertEqual(self.record(answer("a", timestamp=1 << 70), answer("b", timestamp=5)), ["a", "b"])
        self.assertEqual([entry.timestamp for entry in self.page()], [None, 5])

    def test_marking_spares_final_books(self) -> None:
        """A mark changes targets that are not final, and opens none."""
        self.add("a", "b", "c")
        self.record(answer("a"))
        self.result(self.ledger.mark(UID, ["a", "b", "unknown"], SENT))
        self.assertEqual(self.counts(), {"done": 1, "sent": 1, "pending": 1})
        self.result(self.ledger.mark(UID, ["a", "b", "c"], EXPIRED, "the deadline has passed"))
        self.assertEqual(self.counts(), {"done": 1, "expired": 2})
        self.assertEqual([entry.why for entry in self.page()], ["", "the deadline has passed", "the deadline has passed"])

    def test_marking_an_unknown_task(self) -> None:
        """A mark of a task without books does nothing."""
        self.result(self.ledger.mark("unknown", ["a"], SENT))
        self.assertEqual(self.counts("unknown"), {})

    def test_answer_after_expiry_is_too_late(self) -> None:
        """An expired target stays expired."""
        self.add("a")
        self.result(self.ledger.mark(UID, ["a"], EXPIRED))
        self.assertEqual(self.record(answer("a")), [])

    def test_forgetting_by_prefix(self) -> None:
        """All generations of an object are forgotten by its uid; another that merely sorts near stays."""
        for uid in ("u.1", "u.2", "u2.1", "t.1", "u_.1", "U.1"):
            self.add("a", uid=uid)
        self.result(self.ledger.forget("u."))
        self.assertEqual(self.result(self.ledger.uids()), ["U.1", "t.1", "u2.1", "u_.1"])
        self.assertEqual(self.counts("u.1"), {})
        self.add("a", uid="u.1")
        self.assertEqual(self.counts("u.1"), {"pending": 1})

    def test_no_books_no_uid(self) -> None:
        """A task opened for nobody has no books."""
        self.add()
        self.assertEqual(self.result(self.ledger.uids()), [])

    def test_ten_thousand_targets(self) -> None:
        """Ten thousand books are opened and answered, and counted exactly."""
        names = [f"c{number:05}" for number in range(10_000)]
        self.add(*names)
        self.assertEqual(len(self.record(*(answer(name) for name in names[:9_999]))), 9_999)
        self.assertEqual(self.counts(), {"pending": 1, "done": 9_999})


class _Pages(_Base):
    def test_pages_follow_each_other(self) -> None:
        """Entries come in order of cluster name, each page after the last name of the one before."""
        self.add("b", "d", "a", "c")
        self.assertEqual([entry.cluster for entry in self.page(3)], ["a", "b", "c"])
        self.assertEqual([entry.cluster for entry in self.page(3, after="c")], ["d"])
        self.assertEqual(self.page(3, after="d"), [])

    def test_page_of_some_states(self) -> None:
        """States narrow the page."""
        self.add("a", "b", "c")
        self.record(answer("a"), answer("b", state=FAILED, code=404))
        self.assertEqual([entry.cluster for entry in self.page(states=[DONE, FAILED])], ["a", "b"])
        self.assertEqual([entry.cluster for entry in self.page(1, states=[FAILED, PENDING], after="b")], ["c"])
        self.assertEqual(self.page(states=[]), [])

    def test_page_of_an_unknown_task(self) -> None:
        """A task without books has no entries."""
        self.assertEqual(list(self.result(self.ledger.page("unknown", 5))), [])
