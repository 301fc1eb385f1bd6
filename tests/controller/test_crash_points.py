"""Tasks across crashes of their cluster's controller: each crash point between the request and its confirmation."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.performing import Performer, PerformingLimits
from ote_twisted.errors import ShimUnavailable
from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.guard import GuardedShim
from ote_twisted.shim.lanes import Lanes
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal
from ote_twisted.tasks.journal import Journal, Performed
from ote_twisted.tasks.model import Answer
from ote_twisted.tasks.performed import PerformedTasks
from ote_twisted.testing.shim import MemoryHost, MemoryShim
from ote_twisted.wire import clustermessage_pb2 as pb
from tests.controller.building import WALL, RecordingAnswers, memory_of, request
from tests.storage.building import open_here, pass_turns


class CrashTestCase(SynchronousTestCase):
    """Performers, one after the other, on one journal and one cluster."""

    limits = PerformingLimits(concurrency=2, seconds=60.0, patience=0.0)

    def setUp(self) -> None:
        """The first life."""
        self.clock = Clock()
        self.journal = MemoryDeliveryJournal()
        self.shim = MemoryShim(self.clock)
        self.start()

    def start(self, limit: int = 10_000) -> None:
        """Another life, on what the one before left."""
        self.answering = RecordingAnswers()
        self.table = PerformedTasks(limit)
        memory = memory_of(self.clock, self.journal, self.table)
        self.performer = Performer(self.cluster(), memory, self.clock, self.limits, self.answering)

    def cluster(self) -> IClusterShim:
        """The shim as the performer sees it."""
        return self.shim

    def crash(self) -> None:
        """The life ends, and nothing of it is written any more."""
        self.journal.broken = True
        self.performer.stop()
        self.journal.broken = False
        self.start()

    def ask(self, uid: str, method: str = "DELETE", **fields: Any) -> None:
        """A task comes; DELETE is not repeatable here, PUT is."""
        message = request("north", uid=uid, **fields)
        message.Body = pb.ControllerTask(Destination="api", Method=method, URI=f"/{uid}", Body=b"x").SerializeToString()
        self.performer.perform(message)

    @property
    def times(self) -> int:
        """How often the cluster was asked to do something."""
        return len(self.shim.performed)

    @property
    def answers(self) -> list[tuple[str, int, bool]]:
        """Uid, code and doubt of the answers of this life."""
        return [(uid, answer.code, answer.unknown) for uid, answer in self.answering.answers]

    def kept(self) -> Journal:
        """What is on the disk."""
        journal: Journal = self.successResultOf(self.journal.load())
        return journal


class CrashPointTests(CrashTestCase):
    """A crash, then the same task again."""

    def test_before_it_was_begun(self) -> None:
        """A task that waited for its turn left nothing behind, and is performed when it comes again."""
        for _ in range(2):
            self.shim.script(delay=10)
        for uid in ("u1", "u2", "u3"):
            self.ask(uid)
        self.crash()
        self.assertEqual(sorted(self.kept().begun), ["u1", "u2"])
        self.ask("u3")
        self.assertEqual(self.answers, [("u3", 404, False)])

    def test_while_it_was_performed(self) -> None:
        """A task that was being performed and must not be performed twice is answered as unknown, once and for all."""
        self.shim.script(delay=10)
        self.ask("u1")
        self.crash()
        self.ask("u1")
        self.assertEqual((self.times, self.answers), (1, [("u1", 500, True)]))
        self.assertIn(b"nobody knows whether", self.answering.answers[0][1].body)
        self.crash()
        self.ask("u1")
        self.assertEqual((self.times, self.answers, self.kept().begun), (1, [("u1", 500, True)], {}))

    def test_while_it_was_performed_and_may_be_again(self) -> None:
        """A task that does no harm a second time is performed again."""
        self.shim.script(delay=10)
        self.ask("u1", "PUT")
        self.assertEqual(self.kept().begun, {})
        self.crash()
        self.ask("u1", "PUT")
        self.assertEqual((self.times, self.answers), (2, [("u1", 201, False)]))

    def test_after_it_was_performed_and_before_it_was_noted(self) -> None:
        """An answer that could not be noted any more leaves a task of which nobody knows."""
        self.shim.script(delay=10)
        self.ask("u1")
        self.journal.broken = True
        self.clock.advance(10)
        self.crash()
        self.ask("u1")
        self.assertEqual((self.times, self.answers), (1, [("u1", 500, True)]))

    def test_after_it_was_noted(self) -> None:
        """An answer that was noted, sent or not, is owed, and given to repeats; the task is not performed again."""
        for method in ("PUT", "DELETE"):
            self.ask(f"u-{method}", method)
        self.crash()
        self.assertEqual([entry.uid for entry in self.kept().outbox], ["u-PUT", "u-DELETE"])
        for method in ("DELETE", "PUT"):
            self.ask(f"u-{method}", method)
        self.assertEqual((self.times, self.answers), (2, [("u-DELETE", 404, False), ("u-PUT", 201, False)]))

    def test_after_it_was_confirmed(self) -> None:
        """A task whose answer was confirmed is remembered still, because a repeat may be on its way."""
        self.ask("u1")
        self.journal.received(["u1"])
        self.crash()
        self.ask("u1")
        self.assertEqual((self.times, self.answers, list(self.kept().outbox)), (1, [("u1", 404, False)], []))

    def test_an_answer_that_is_lost(self) -> None:
        """If the answer of a finished task cannot be had any more nobody can say what it was, and it is not performed again."""
        self.ask("u1")
        self.journal.forget(["u1"])
        self.ask("u1")
        self.assertEqual((self.times, self.answers[1:]), (1, [("u1", 500, True)]))
        self.assertEqual(self.performer.unknown, 1)


class TurnTests(CrashTestCase):
    """A cluster that performs one task at a time: the others wait at its guard for their turn."""

    limits = PerformingLimits(concurrency=5, seconds=60.0, patience=1.0)

    def cluster(self) -> IClusterShim:
        """The shim with its guard."""
        guarded = GuardedShim(self.shim, self.clock, Lanes(1))
        self.successResultOf(guarded.start("north", MemoryHost()))
        return guarded

    def ask_some(self) -> None:
        """One that is performed for ten seconds, and two that wait for their turn."""
        self.shim.script(delay=10)
        for uid in ("u1", "u2", "u3"):
            self.ask(uid)

    def test_a_crash_while_they_wait(self) -> None:
        """Tasks that waited for their turn were not begun: only the one that had it is unknown, the others are performed."""
        self.ask_some()
        self.assertEqual((self.performer.running, list(self.kept().begun)), (3, ["u1"]))
        self.crash()
        for uid in ("u1", "u2", "u3"):
            self.ask(uid)
        self.assertEqual(self.answers, [("u1", 500, True), ("u2", 404, False), ("u3", 404, False)])

    def test_an_orderly_stop_while_they_wait(self) -> None:
        """A stop that does not wait leaves no doubt about them either."""
        self.ask_some()
        self.performer.stop()
        self.assertEqual((list(self.kept().begun), self.performer.running), (["u1"], 0))

    def test_draining_waits_for_their_turn(self) -> None:
        """What was taken is performed and answered before the controller is quiet."""
        self.ask_some()
        quiet = self.performer.drain()
        self.assertNoResult(quiet)
        self.clock.advance(10)
        self.successResultOf(quiet)
        self.assertEqual((len(self.answers), self.kept().begun), (3, {}))

    def test_withdrawn_while_they_wait(self) -> None:
        """A task that is withdrawn before its turn is not begun, not performed and not answered; it may come again."""
        self.ask_some()
        self.performer.cancel("u2")
        self.clock.advance(10)
        self.assertEqual(([uid for uid, _, _ in self.answers], self.kept().begun), (["u1", "u3"], {}))
        self.ask("u2")
        self.assertEqual(self.answers[-1], ("u2", 404, False))

    def test_their_deadline(self) -> None:
        """A task whose turn does not come within its deadline is answered 504, was not begun, and is not performed later."""
        self.shim.script(delay=10)
        self.ask("u1")
        self.ask("u2", DeadlineMilliseconds=5000)
        self.clock.advance(5)
        self.assertEqual((self.answers, list(self.kept().begun)), ([("u2", 504, False)], ["u1"]))
        self.clock.advance(5)
        self.assertEqual((self.times, self.answers[1:]), (1, [("u1", 404, False)]))

    def test_a_disk_that_is_full_when_their_turn_comes(self) -> None:
        """A task that cannot be noted when its turn has come goes back to its owner; what may be repeated is performed."""
        self.ask_some()
        self.ask("u4", "PUT")
        self.journal.broken = True
        self.clock.advance(10)
        self.assertEqual([uid for uid, _ in self.answering.back], ["u2", "u3"])
        self.assertEqual([task.uri for task in self.shim.performed], ["/u1", "/u4"])
        self.journal.broken = False
        self.ask("u2")
        self.assertEqual((self.answers[-1], self.performer.returned), (("u2", 404, False), 2))

    def test_a_shim_that_is_away_for_a_moment(self) -> None:
        """However often a task is tried, it is noted once; if the shim stays away nothing of it remains."""
        begun, begin = list[str](), self.journal.begin

        def counted(uid: str, until: float) -> Deferred[None]:
            begun.append(uid)
            return begin(uid, until)

        self.patch(self.journal, "begin", counted)
        for _ in range(3):
            self.shim.script(outcome=ShimUnavailable("away"))
        self.ask("u1")
        self.clock.pump([0.25] * 3)
        self.assertEqual((begun, self.answers), (["u1"], [("u1", 404, False)]))
        for _ in range(9):
            self.shim.script(outcome=ShimUnavailable("away"))
        self.ask("u2")
        self.clock.pump([0.25] * 4)
        self.assertEqual((begun, self.answers[1:], self.kept().begun), (["u1", "u2"], [("u2", 503, False)], {}))

    def test_many_calls_of_one_task(self) -> None:
        """A task of many calls is noted once, before the first; if that cannot be it goes back whole."""
        message = request("north", uid="u1", Command=pb.ControlMultiReq)
        calls = pb.ControlMultiTask(Destination="api", Method="DELETE", URI="/a", Body=[b"1", b"2"])
        message.Body = calls.SerializeToString()
        self.journal.broken = True
        self.performer.perform(message)
        self.assertEqual((self.times, self.answers, len(self.answering.back)), (0, [], 1))
        self.journal.broken = False
        self.shim.script(delay=10)
        self.performer.perform(message)
        self.assertEqual((self.times, list(self.kept().begun)), (1, ["u1"]))
        self.clock.advance(10)
        self.assertEqual((self.times, self.answers, self.kept().begun), (2, [("u1", 404, False)], {}))


class EndTests(CrashTestCase):
    """Tasks that end in another way."""

    def test_what_was_not_performed_leaves_no_doubt(self) -> None:
        """A shim that was away, and a cancellation, leave nothing behind: the task is performed when it comes again."""
        self.shim.script(outcome=ShimUnavailable("away"))
        self.ask("u1")
        self.shim.script(delay=10)
        self.ask("u2")
        self.performer.cancel("u2")
        self.assertEqual(self.kept().begun, {})
        self.crash()
        for uid in ("u1", "u2"):
            self.ask(uid)
        self.assertEqual([code for _, code, _ in self.answers], [404, 404])

    def test_an_orderly_stop_that_does_not_wait(self) -> None:
        """A task that is given up because the controller stops is unknown afterwards, as after a crash."""
        self.shim.script(delay=10)
        self.ask("u1")
        self.performer.stop()
        self.start()
        self.ask("u1")
        self.assertEqual(self.answers, [("u1", 500, True)])

    def test_tasks_of_originals(self) -> None:
        """A task without a uid is neither noted nor remembered nor owed."""
        self.ask("", "DELETE")
        found = self.kept()
        self.assertEqual((found.begun, found.performed, list(found.outbox), self.times), ({}, {}, [], 1))

    def test_the_order_of_one_burst_stays(self) -> None:
        """While one task is being noted, those behind it wait for that as well: they reach the cluster in the order given."""
        storage, _ = open_here(self, clock=self.clock)
        memory = memory_of(self.clock, storage.journal)
        self.limits = PerformingLimits()
        self.performer = Performer(self.shim, memory, self.clock, self.limits, self.answering)
        for uid, method in (("u1", "PUT"), ("u2", "DELETE"), ("u3", "PUT")):
            self.ask(uid, method)
        pass_turns(self.clock)
        self.assertEqual([task.uri for task in self.shim.performed], ["/u1", "/u2", "/u3"])
        self.assertEqual(sorted(uid for uid, _, _ in self.answers), ["u1", "u2", "u3"])


class BoundTests(CrashTestCase):
    """What is remembered is bounded."""

    def test_the_oldest_go(self) -> None:
        """Beyond the bound the oldest tasks are forgotten, counted, and removed from the journal some at a time."""
        self.start(limit=10)
        for number in range(100):
            self.ask(f"u{number}")
        self.assertEqual((self.table.kept, self.table.evicted), (10, 90))
        self.assertLessEqual(len(self.kept().performed), 10 + 64)
        self.start(limit=10)
        self.assertEqual(sorted(self.kept().performed), [f"u{number}" for number in range(90, 100)])

    def test_a_clock_that_was_set_forgets_nothing(self) -> None:
        """A restart after which the wall clock is years ahead keeps what was performed for two hours more."""
        self.journal.finish(Performed("u1", Answer(200, b"old"), 5.0), None)
        self.start()
        self.clock.advance(7000)
        self.ask("u1")
        self.assertEqual((self.times, self.answers), (0, [("u1", 200, False)]))

    def test_time_goes_by(self) -> None:
        """Two hours after its deadline a task is forgotten; one that was begun is, too, at a start after that."""
        self.ask("u1", DeadlineMilliseconds=1000)
        self.journal.begin("u2", WALL)
        self.clock.advance(7202)
        self.ask("u1")
        self.assertEqual(self.times, 2)
        self.start()
        self.assertEqual(self.kept().begun, {})


class FullDiskTests(CrashTestCase):
    """A disk that takes no writes."""

    def setUp(self) -> None:
        """It is full."""
        super().setUp()
        self.journal.broken = True

    def test_what_must_not_be_performed_unnoted_is_given_back(self) -> None:
        """A task that cannot be noted goes back to its owner, who sends it again; it was not performed."""
        self.ask("u1")
        self.assertEqual((self.times, self.answers), (0, []))
        self.assertEqual(self.answering.back, [("u1", "the store takes no writes")])
        self.journal.broken = False
        self.ask("u1")
        self.assertEqual((self.answers, self.performer.returned), ([("u1", 404, False)], 1))

    def test_an_original_is_answered(self) -> None:
        """An owner that cannot be told so gets a 503, which says that nothing was done."""
        self.answering.original = True
        self.ask("u1")
        self.assertEqual((self.times, self.answers), (0, [("u1", 503, False)]))

    def test_what_may_be_repeated_is_performed(self) -> None:
        """A task that may be repeated is performed and answered; its answer is held, and given to repeats."""
        self.ask("u1", "PUT")
        self.ask("u1", "PUT")
        self.assertEqual((self.times, self.answers), (1, [("u1", 201, False)] * 2))

    def test_room_again(self) -> None:
        """What was held is written when there is room, and is there after a crash."""
        self.ask("u1", "PUT")
        self.clock.advance(5)
        self.journal.broken = False
        self.clock.advance(5)
        self.crash()
        self.assertEqual([entry.uid for entry in self.kept().outbox], ["u1"])
        self.ask("u1", "PUT")
        self.assertEqual((self.times, self.clock.getDelayedCalls()), (1, []))
