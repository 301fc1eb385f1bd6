"""The delivery journal against dictionaries, by a machine of random calls, restarts and crashes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.interfaces import IDeliveryJournal
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal
from ote_twisted.storage.sqlite.opening import SQLiteStorage, open_store
from ote_twisted.tasks.journal import Known, OutboxEntry, Performed
from ote_twisted.tasks.model import Answer
from tests.storage.building import new_path, pass_turns

UIDS = st.sampled_from(["u.1", "u.2", "u.3", "r.1"])
KEYS = st.sampled_from(["", "", "nodes", "pods"])
TIMES = st.integers(1, 9).map(float)
ANSWERS = st.builds(
    Answer, st.sampled_from([200, 404, 500]), st.binary(max_size=4), st.booleans(), st.integers(0, 9), st.booleans()
)
ENTRIES = st.builds(OutboxEntry, UIDS, st.binary(max_size=4), KEYS, TIMES)
SETTINGS = settings(max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))


class JournalMachine(RuleBasedStateMachine):
    """Every call, one at a time and many in one turn; the model is what a reader of the contract would keep."""

    def open(self) -> IDeliveryJournal:
        raise NotImplementedError

    @initialize()
    def begin_empty(self) -> None:
        self.clock = Clock()
        self.begun: dict[str, float] = {}
        self.performed: dict[str, Performed] = {}
        self.outbox: list[OutboxEntry] = []
        self.waiting: list[Any] = []
        self.journal = self.open()

    def settle(self) -> None:
        pass_turns(self.clock)
        results: list[Any] = []
        for one in self.waiting:
            one.addBoth(results.append)
        assert len(results) == len(self.waiting)
        self.waiting.clear()
        assert not [result for result in results if isinstance(result, Failure)]

    @rule(uid=UIDS, until=TIMES)
    def begin(self, uid: str, until: float) -> None:
        self.waiting.append(self.journal.begin(uid, until))
        if uid not in self.performed:
            self.begun[uid] = until

    @rule(uid=UIDS, answer=ANSWERS, until=TIMES, entry=st.none() | ENTRIES)
    def finish(self, uid: str, answer: Answer, until: float, entry: OutboxEntry | None) -> None:
        performed = Performed(uid, answer, until)
        self.waiting.append(self.journal.finish(performed, entry))
        self.begun.pop(uid, None)
        self.performed.setdefault(uid, performed)
        if entry is not None:
            self.owe(entry)

    @rule(entry=ENTRIES)
    def put(self, entry: OutboxEntry) -> None:
        putting = self.journal.put(entry)
        replaced = self.owe(entry)
        putting.addCallback(lambda found: self.same(list(found), replaced))
        self.waiting.append(putting)

    @rule(uids=st.lists(UIDS, max_size=3))
    def received(self, uids: list[str]) -> None:
        self.waiting.append(self.journal.received(uids))
        self.outbox = [entry for entry in self.outbox if entry.uid not in uids]

    @rule(uids=st.lists(UIDS, max_size=3))
    def forget(self, uids: list[str]) -> None:
        self.waiting.append(self.journal.forget(uids))
        self.outbox = [entry for entry in self.outbox if entry.uid not in uids]
        for uid in uids:
            self.begun.pop(uid, None)
            self.performed.pop(uid, None)

    @rule()
    def let_turns_pass(self) -> None:
        self.settle()

    def owe(self, entry: OutboxEntry) -> list[str]:
        replaced = [each.uid for each in self.outbox if entry.key and each.key == entry.key and each.uid != entry.uid]
        self.outbox = [each for each in self.outbox if each.uid not in (*replaced, entry.uid)] + [entry]
        return replaced

    def known(self) -> list[tuple[str, Known]]:
        return [(uid, Known(each.until, len(each.answer.body))) for uid, each in self.performed.items()]

    def same(self, found: object, expected: object) -> None:
        assert found == expected, (found, expected)

    @invariant()
    def journal_is_the_model(self) -> None:
        if self.__dict__.get("journal") is None or self.waiting:
            return
        loaded: list[Any] = []
        self.journal.load().addBoth(loaded.append)
        self.same(loaded[0].begun, self.begun)
        self.same(list(loaded[0].performed.items()), self.known())
        self.same(list(loaded[0].outbox), self.outbox)
        for uid, each in self.performed.items():
            answers: list[Any] = []
            self.journal.answer(uid).addBoth(answers.append)
            self.same(answers, [each.answer])


class JournalModelTests(SynchronousTestCase):
    """Both journals behave like dictionaries."""

    def test_memory_journal(self) -> None:
        """The journal in memory agrees with the model after any calls."""

        class Machine(JournalMachine):
            def open(self) -> IDeliveryJournal:
                return MemoryDeliveryJournal()

        run_state_machine_as_test(Machine, settings=SETTINGS)

    def test_sqlite_journal(self) -> None:
        """The journal on SQLite agrees with the model after any calls, orderly restarts and crashes."""
        case = self

        class Machine(JournalMachine):
            storage: SQLiteStorage

            def open(self) -> IDeliveryJournal:
                return self.use(new_path(case))

            def use(self, path: Path) -> IDeliveryJournal:
                self.storage = open_store(path, self.clock)
                return self.storage.journal

            @rule()
            def restart(self) -> None:
                case.successResultOf(self.storage.stopService())
                self.journal = self.use(self.storage.path)

            @rule()
            def crash(self) -> None:
                """What was settled is on the disk as it lies there; the process that wrote it never tidies up."""
                self.settle()
                here, there = self.storage.path, new_path(case)
                for end in ("", "-wal"):
                    shutil.copy(here.with_name(here.name + end), there.with_name(there.name + end))
                case.successResultOf(self.storage.stopService())
                self.journal = self.use(there)

            def teardown(self) -> None:
                if hasattr(self, "storage"):
                    case.successResultOf(self.storage.stopService())

        run_state_machine_as_test(Machine, settings=SETTINGS)
