"""Books, plan, alarms and single flights."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.alarms import Alarms
from ote_twisted.tasks.books import UNFINISHED, Books, object_uid_of, uid_of
from ote_twisted.tasks.flight import SingleFlight
from ote_twisted.tasks.model import LedgerEntry, TargetState
from ote_twisted.tasks.plan import Expire, Open, Park, Send, WaitUntil, plan

PENDING, SENT, DONE, FAILED, EXPIRED = TargetState
NAMES = tuple("abcde")


class UidTests(SynchronousTestCase):
    """Identity of generations."""

    def test_there_and_back(self):
        """The object is read back from the generation; what is no generation has none."""
        self.assertEqual(object_uid_of(uid_of("ab-cd", 12)), "ab-cd")
        self.assertEqual(object_uid_of("nonsense"), "")


class BooksMachine(RuleBasedStateMachine):
    """Counts are always those of the states, final states stay, and what is ready is unfinished."""

    names = st.sets(st.sampled_from(NAMES)).map(sorted)

    def __init__(self):
        super().__init__()
        self.books = Books("u.1")
        self.now = 0.0
        self.final = {}

    @rule(names=names, state=st.sampled_from((PENDING, SENT)))
    def open(self, names, state):
        self.books.open(names, state)

    @rule(names=names)
    def sent(self, names):
        assert all(self.books.state(name) is SENT for name in self.books.sent(names))

    @rule(names=names)
    def bounced(self, names):
        self.books.bounced(names, self.now, 1.0, 8.0)

    @rule(names=names)
    def wake(self, names):
        self.books.wake(names)

    @rule(names=names)
    def park(self, names):
        self.books.park(names)

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from((DONE, FAILED)))
    def settle(self, name, state):
        if self.books.state(name) in UNFINISHED:
            self.books.settle([LedgerEntry("u.1", name, state)])
            self.final[name] = state

    @rule(seconds=st.floats(0, 10))
    def release(self, seconds):
        self.now += seconds
        self.books.release(self.now)
        after = self.books.next_release()
        assert after is None or after > self.now

    @invariant()
    def consistent(self):
        states = {name: self.books.state(name) for name in NAMES if name in self.books}
        assert self.books.counts == {state: list(states.values()).count(state) for state in TargetState}
        assert all(states[name] is state for name, state in self.final.items())
        assert all(states[name] in UNFINISHED for name in self.books.ready)
        assert self.books.finished == (not self.books.unfinished())


BooksMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class BooksTests(SynchronousTestCase):
    """The books of one generation."""

    def test_any_history(self):
        """After any history counts are those of the states, final states stay, and what is ready is unfinished."""
        BooksMachine.TestCase("runTest").runTest()

    def test_bounced_while_being_sent(self):
        """A target that comes back from its sending at once is held back, not taken for sent."""
        books = Books("u.1")
        books.open(["a"], PENDING)
        books.bounced(["a"], 0.0, 1.0, 60.0)
        self.assertEqual((books.sent(["a"]), books.state("a"), books.next_release()), ([], PENDING, 1.0))

    def test_told_twice(self):
        """Two reports about one sending are one delay."""
        books = Books("u.1")
        books.open(["a"], SENT)
        self.assertEqual(books.bounced(["a"], 0.0, 1.0, 60.0), ["a"])
        self.assertEqual((books.bounced(["a"], 0.5, 1.0, 60.0), books.next_release()), ([], 1.0))


class PlanTests(SynchronousTestCase):
    """What to do next."""

    def plan(self, books, selection=None, online=NAMES, now=0.0):
        """Plan with a deadline at 100."""
        return plan(books, selection, lambda name: name in online, now, 100.0)

    def test_nothing(self):
        """Without targets there is only the deadline to wait for."""
        self.assertEqual(self.plan(Books("u.1")), (WaitUntil(100.0),))

    def test_first_selection(self):
        """Those online are opened as sent and sent; those offline are opened as pending and parked."""
        self.assertEqual(
            self.plan(Books("u.1"), ["b", "a"], online="b"),
            (Open(("b",), SENT), Open(("a",), PENDING), Send(("b",)), Park(("a",)), WaitUntil(100.0)),
        )

    def test_known_targets_are_not_opened_again(self):
        """Only newcomers are opened, and what is under way is left alone."""
        books = Books("u.1")
        books.open(["a"], SENT)
        books.sent(["a"])
        self.assertEqual(self.plan(books, ["a", "b"]), (Open(("b",), SENT), Send(("b",)), WaitUntil(100.0)))

    def test_delays_are_waited_for(self):
        """The next delay that ends is the time to look again."""
        books = Books("u.1")
        books.open(["a"], SENT)
        books.bounced(["a"], 10.0, 1.0, 60.0)
        self.assertEqual(self.plan(books, now=10.0), (WaitUntil(11.0),))

    def test_deadline(self):
        """At the deadline the task ends, whatever could be sent."""
        self.assertEqual(self.plan(Books("u.1"), ["a"], now=100.0), (Expire(),))


class Sleeper:
    """Remembers when it was woken."""

    def __init__(self, clock):
        self.clock = clock
        self.woken = []

    def wake(self):
        self.woken.append(self.clock.seconds())


class AlarmsTests(SynchronousTestCase):
    """Many alarms on one delayed call."""

    def setUp(self):
        self.clock = Clock()
        self.alarms = Alarms(self.clock, self.clock.seconds)
        self.one, self.other = Sleeper(self.clock), Sleeper(self.clock)

    def test_each_in_its_time(self):
        """Sleepers wake in their order, on one delayed call."""
        self.alarms.set(self.one, 5.0)
        self.alarms.set(self.other, 2.0)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([1.0] * 6)
        self.assertEqual((self.one.woken, self.other.woken, self.clock.getDelayedCalls()), ([5.0], [2.0], []))

    def test_replaced(self):
        """Setting an alarm again replaces it, earlier or later."""
        self.alarms.set(self.one, 3.0)
        self.alarms.set(self.one, 1.0)
        self.alarms.set(self.other, 1.0)
        self.alarms.set(self.other, 2.0)
        self.clock.pump([1.0] * 4)
        self.assertEqual((self.one.woken, self.other.woken), ([1.0], [2.0]))

    def test_cleared(self):
        """A cleared alarm does not ring."""
        self.alarms.set(self.one, 1.0)
        self.alarms.clear(self.one)
        self.clock.pump([1.0] * 3)
        self.assertEqual(self.one.woken, [])

    def test_stopped(self):
        """After stop nothing is pending."""
        self.alarms.set(self.one, 1.0)
        self.alarms.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_far_away(self):
        """An alarm far away rings in its time although the clock is looked at in between."""
        self.alarms.set(self.one, 1000.0)
        self.clock.pump([10.0] * 101)
        self.assertEqual(self.one.woken, [1000.0])


class SingleFlightTests(SynchronousTestCase):
    """One coroutine at a time."""

    def setUp(self):
        self.waiting: list[Deferred[None]] = []
        self.failures: list[Failure] = []
        self.flight = SingleFlight(self.work, self.failures.append)

    async def work(self):
        waiting: Deferred[None] = Deferred()
        self.waiting.append(waiting)
        await waiting

    def test_requests_during_a_run_are_one_more_run(self):
        """However often it is asked for meanwhile, the work runs once more."""
        for _ in range(3):
            self.flight.request()
        self.waiting[0].callback(None)
        self.assertEqual(len(self.waiting), 2)
        self.waiting[1].callback(None)
        self.assertEqual(len(self.waiting), 2)

    def test_failure_is_told_and_over(self):
        """A failure is told; the next request runs again."""
        self.flight.request()
        self.waiting[0].errback(ValueError("no"))
        self.flight.request()
        self.assertEqual((len(self.failures), len(self.waiting)), (1, 2))

    def test_stop_waits_for_the_run(self):
        """Stop fires when the run is over, and nothing runs after it."""
        self.flight.request()
        self.flight.request()
        stopped = self.flight.stop()
        self.assertNoResult(stopped)
        self.waiting[0].callback(None)
        self.successResultOf(stopped)
        self.flight.request()
        self.assertEqual(len(self.waiting), 1)
