"""The table of performed tasks."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.model import Answer
from ote_twisted.tasks.performed import Done, New, PerformedTasks, Running

ANSWER = Answer(200, b"ok")


class PerformedTasksTests(SynchronousTestCase):
    """What is performed, and what is answered from memory."""

    def setUp(self):
        self.performed = PerformedTasks(limit=2, limit_bytes=10, age=60.0)

    def test_first_time(self):
        """A uid that was never seen is to be performed."""
        self.assertEqual(self.performed.begin("a", 0.0), New())

    def test_repeat_while_running(self):
        """A repeat of what is under way needs nothing."""
        self.performed.begin("a", 0.0)
        self.assertEqual((self.performed.begin("a", 1.0), self.performed.repeats), (Running(), 1))

    def test_repeat_when_done(self):
        """A repeat of what is done gets the same answer."""
        self.performed.begin("a", 0.0)
        self.performed.finish("a", ANSWER, 1.0)
        self.assertEqual(self.performed.begin("a", 2.0), Done(ANSWER))

    def test_abandoned(self):
        """What was given up is performed when it is repeated."""
        self.performed.begin("a", 0.0)
        self.performed.abandon("a")
        self.assertEqual(self.performed.begin("a", 1.0), New())

    def test_age(self):
        """Answers are kept for a time."""
        self.performed.begin("a", 0.0)
        self.performed.finish("a", ANSWER, 1.0)
        self.assertEqual((self.performed.begin("a", 60.9), self.performed.begin("a", 61.0)), (Done(ANSWER), New()))

    def test_number(self):
        """More answers than the bound push out the oldest."""
        for uid in "abc":
            self.performed.begin(uid, 0.0)
            self.performed.finish(uid, Answer(200), 0.0)
        self.assertEqual((self.performed.kept, self.performed.evicted, self.performed.begin("a", 1.0)), (2, 1, New()))

    def test_bytes(self):
        """More bytes than the bound push out the oldest."""
        for uid in "ab":
            self.performed.begin(uid, 0.0)
            self.performed.finish(uid, Answer(200, b"123456"), 0.0)
        self.assertEqual((self.performed.begin("b", 1.0), self.performed.kept), (Done(Answer(200, b"123456")), 1))

    def test_without_uid(self):
        """A task of an owner that names none is always performed."""
        self.performed.begin("", 0.0)
        self.assertEqual((self.performed.begin("", 0.0), self.performed.running), (New(), 0))


class PerformedMachine(RuleBasedStateMachine):
    """Against a model that forgets nothing: nothing running is performed twice, and answers are the right ones."""

    uids = st.sampled_from("abcdef")

    def __init__(self):
        super().__init__()
        self.performed = PerformedTasks(limit=3, limit_bytes=20, age=5.0)
        self.running: set[str] = set()
        self.answers: dict[str, Answer] = {}
        self.now = 0.0

    @rule(uid=uids)
    def begin(self, uid):
        verdict = self.performed.begin(uid, self.now)
        assert isinstance(verdict, Running) == (uid in self.running)
        if isinstance(verdict, Done):
            assert verdict.answer == self.answers[uid]
        if isinstance(verdict, New):
            self.running.add(uid)

    @rule(uid=uids, body=st.binary(max_size=8))
    def finish(self, uid, body):
        self.performed.finish(uid, Answer(200, body), self.now)
        if uid in self.running:
            self.running.discard(uid)
            self.answers[uid] = Answer(200, body)

    @rule(uid=uids)
    def abandon(self, uid):
        self.performed.abandon(uid)
        self.running.discard(uid)

    @rule(seconds=st.floats(0, 6))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def bounded(self):
        assert self.performed.running == len(self.running)
        assert self.performed.kept <= 3


PerformedMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


class PerformedHistoryTests(SynchronousTestCase):
    """Any order of events."""

    def test_any_history(self):
        """Nothing that runs is performed again, every remembered answer is the right one, and bounds are kept."""
        PerformedMachine.TestCase("runTest").runTest()
