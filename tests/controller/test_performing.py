"""Tasks on the own cluster: once each, a bounded number at a time, each with an answer within its time."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.performing import Performer, PerformingLimits
from ote_twisted.errors import ShimUnavailable
from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.guard import GuardedShim
from ote_twisted.tasks.model import Answer
from ote_twisted.testing.shim import MemoryHost, MemoryShim
from ote_twisted.wire import clustermessage_pb2 as pb
from tests.controller.building import ControllerTestCase, RecordingAnswers, memory_of, request


class PerformerTestCase(SynchronousTestCase):
    """A performer over a dictionary."""

    limits = PerformingLimits(concurrency=2, waiting=3, seconds=30.0, answer_body=1000, patience=0.0)

    def setUp(self) -> None:
        """Build it."""
        self.clock = Clock()
        self.shim = MemoryShim(self.clock)
        self.answering = RecordingAnswers()
        self.answers = self.answering.answers
        self.performer = self.make(self.shim)

    def make(self, shim: IClusterShim | None) -> Performer:
        """A performer whose answers are kept."""
        return Performer(shim, memory_of(self.clock), self.clock, self.limits, self.answering)

    def perform(self, *uids: str, **fields: Any) -> None:
        """Ask for tasks."""
        for uid in uids:
            self.performer.perform(request("north", uid=uid, uri=f"/{uid}", **fields))

    @property
    def codes(self) -> list[tuple[str, int]]:
        """Uid and code of each answer, in order."""
        return [(uid, answer.code) for uid, answer in self.answers]

    @property
    def performed(self) -> list[str]:
        """URIs that the shim was given, in order."""
        return [task.uri for task in self.shim.performed]


class OnceTests(PerformerTestCase):
    """A task takes effect once."""

    def test_a_repeat_is_answered_from_memory(self) -> None:
        """A task that comes again is answered with what it was answered before, and not performed (F49)."""
        self.perform("u1.1", "u1.1")
        self.assertEqual((self.performed, self.codes), (["/u1.1"], [("u1.1", 201), ("u1.1", 201)]))

    def test_a_repeat_of_what_runs_waits_for_its_answer(self) -> None:
        """A task that comes again while it is performed has one answer."""
        self.shim.script(delay=5)
        self.perform("u1.1", "u1.1")
        self.clock.advance(5)
        self.assertEqual((self.performed, self.codes), (["/u1.1"], [("u1.1", 201)]))

    def test_a_new_generation_is_performed(self) -> None:
        """Another generation of the same object is another task (F56)."""
        self.perform("u1.1", "u1.2")
        self.assertEqual(self.performed, ["/u1.1", "/u1.2"])

    def test_tasks_of_originals_have_no_identity(self) -> None:
        """A task without a uid is performed each time it comes."""
        self.perform("", "")
        self.assertEqual(len(self.performed), 2)


class BoundTests(PerformerTestCase):
    """A bounded number at a time."""

    def test_some_run_and_some_wait(self) -> None:
        """As many as allowed run, the next ones wait for their turn in order (F70, F71)."""
        for _ in range(4):
            self.shim.script(delay=1)
        self.perform("u1", "u2", "u3", "u4")
        self.assertEqual((self.shim.running, self.performer.running), (2, 2))
        self.clock.advance(1)
        self.assertEqual((self.shim.running, self.codes), (2, [("u1", 201), ("u2", 201)]))
        self.clock.advance(1)
        self.assertEqual(self.performed, ["/u1", "/u2", "/u3", "/u4"])

    def test_too_many_are_refused(self) -> None:
        """One more than may wait is answered 503 at once, counted, and performed when it comes again."""
        for _ in range(5):
            self.shim.script(delay=1)
        self.perform("u1", "u2", "u3", "u4", "u5", "u6")
        self.assertEqual((self.codes, self.performer.refused), ([("u6", 503)], 1))
        self.clock.pump([1, 1, 1])
        self.perform("u6")
        self.assertEqual(self.codes[-1], ("u6", 201))

    def test_any_number_may_wait(self) -> None:
        """Thousands of waiting tasks that end at once are performed without digging into the stack."""
        self.limits = PerformingLimits(concurrency=1, waiting=10_000)
        self.performer = self.make(self.shim)
        self.shim.script(delay=1)
        self.perform(*(f"u{number}" for number in range(5000)))
        self.clock.advance(1)
        self.assertEqual((len(self.answers), self.performer.running), (5000, 0))

    def test_long_answers_are_cut_and_marked(self) -> None:
        """An answer over the limit is cut, says so, and tells how long it was (F59)."""
        self.shim.script(outcome=Answer(200, b"x" * 5000))
        self.perform("u1")
        answer = self.answers[0][1]
        self.assertEqual((len(answer.body), answer.truncated, answer.full_length), (1000, True, 5000))


class DeadlineTests(PerformerTestCase):
    """Within its time."""

    def test_a_task_without_an_answer_is_given_up(self) -> None:
        """A task that takes longer than any may is answered 504 and cancelled at the shim (F77)."""
        self.shim.script(delay=100)
        self.perform("u1")
        self.clock.advance(30)
        self.assertEqual((self.codes, len(self.shim.cancelled)), ([("u1", 504)], 1))

    def test_the_deadline_comes_first(self) -> None:
        """A task whose deadline is nearer is given up then."""
        self.shim.script(delay=100)
        self.perform("u1", DeadlineMilliseconds=1500)
        self.clock.advance(1.5)
        self.assertEqual(self.codes, [("u1", 504)])

    def test_waiting_counts(self) -> None:
        """A task whose deadline is over when its turn comes is answered 504 and not performed."""
        for _ in range(2):
            self.shim.script(delay=10)
        self.perform("u1", "u2")
        self.perform("u3", DeadlineMilliseconds=5000)
        self.perform("u4", DeadlineMilliseconds=11_000)
        self.shim.script(delay=5)
        self.clock.advance(10)
        self.clock.advance(1)
        self.assertEqual(sorted(self.codes), [("u1", 201), ("u2", 201), ("u3", 504), ("u4", 504)])
        self.assertEqual(self.performed, ["/u1", "/u2", "/u4"])


class CancelTests(PerformerTestCase):
    """Withdrawn tasks."""

    def test_what_waits_is_dropped_and_what_runs_is_given_up(self) -> None:
        """A cancelled task has no answer, whether it ran or waited; the others go on."""
        for _ in range(3):
            self.shim.script(delay=1)
        self.perform("u1", "u2", "u3", "u4")
        self.performer.cancel("u3")
        self.performer.cancel("u1")
        self.performer.cancel("")
        self.performer.cancel("never heard of")
        self.clock.pump([1, 1])
        self.assertEqual(sorted(self.codes), [("u2", 201), ("u4", 201)])
        self.assertEqual(len(self.shim.cancelled), 1)

    def test_a_cancelled_task_may_come_again(self) -> None:
        """A task that was given up is performed when it comes again."""
        self.shim.script(delay=1)
        self.perform("u1")
        self.performer.cancel("u1")
        self.perform("u1")
        self.assertEqual(self.codes, [("u1", 201)])

    def test_stopping_gives_everything_up(self) -> None:
        """When the controller stops nothing is answered, nothing runs on and nothing is started."""
        for _ in range(3):
            self.shim.script(delay=1)
        self.perform("u1", "u2", "u3")
        self.performer.stop()
        self.perform("u4")
        self.assertEqual((self.performer.running, self.shim.running, self.answers), (0, 0, []))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class FailureTests(PerformerTestCase):
    """Shims that fail, and requests that are none."""

    def test_a_shim_that_is_away(self) -> None:
        """A shim that cannot be reached is a 503 with the reason (F81)."""
        self.shim.script(outcome=ShimUnavailable("the cluster does not answer"))
        self.perform("u1")
        self.assertEqual(self.answers[0][1].code, 503)
        self.assertIn("does not answer", json.loads(self.answers[0][1].body)["message"])

    def test_a_shim_that_raises(self) -> None:
        """A shim that raises costs one 500 without its insides, and is logged; the next task is performed."""
        self.shim.script(outcome=RuntimeError("secret"))
        self.perform("u1", "u2")
        self.assertEqual(self.codes, [("u1", 500), ("u2", 201)])
        self.assertNotIn(b"secret", self.answers[0][1].body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_codes_that_http_does_not_know(self) -> None:
        """An answer with a code that is none becomes a 502, so that it can be written down (F77)."""
        for code in (0, -1, 10**12):
            self.shim.script(outcome=Answer(code, b""))
        self.perform("u1", "u2", "u3")
        self.assertEqual([code for _, code in self.codes], [502, 502, 502])

    def test_no_cluster(self) -> None:
        """A controller without a shim says so with a 501."""
        self.performer = self.make(None)
        self.perform("u1")
        self.assertEqual(self.codes, [("u1", 501)])

    def test_a_body_that_is_no_task(self) -> None:
        """A request with garbage as body is answered 400 with what is wrong, and counted (F61, T27, T58)."""
        broken = request("north", uid="u1")
        broken.Body = b"\xff\xff"
        self.performer.perform(broken)
        self.assertEqual((self.codes, self.performer.malformed), ([("u1", 400)], 1))

    def test_codes_survive(self) -> None:
        """404 and 405 of the cluster are the answer, as they are with a remote shim (F58)."""
        guarded = GuardedShim(self.shim, self.clock)
        self.successResultOf(guarded.start("north", MemoryHost()))
        self.performer = self.make(guarded)
        for uid, task in (
            ("u1", pb.ControllerTask(Destination="api", Method="GET", URI="/nothing")),
            ("u2", pb.ControllerTask(Destination="api", Method="BREW", URI="/pot")),
            ("u3", pb.ControllerTask(Destination="nowhere", Method="GET", URI="/")),
        ):
            message = request("north", uid=uid)
            message.Body = task.SerializeToString()
            self.performer.perform(message)
        self.assertEqual(self.codes, [("u1", 404), ("u2", 405), ("u3", 404)])


class MultiTests(PerformerTestCase):
    """Many calls in one request."""

    def multi(self, uid: str, *bodies: bytes) -> pb.ClusterMessage:
        """A ControlMultiReq."""
        message = request("north", uid=uid, Command=pb.ControlMultiReq)
        task = pb.ControlMultiTask(Destination="api", Method="PUT", URI="/a", Body=bodies)
        message.Body = task.SerializeToString()
        return message

    def test_all_are_performed_in_order(self) -> None:
        """Each body is one call, in order; a failure does not stop the rest, the worst code stands for all (F74, T49, T59)."""
        self.shim.script(outcome=Answer(409, b"\xff"))
        self.performer.perform(self.multi("u1", b"1", b"2"))
        answer = self.answers[0][1]
        self.assertEqual([task.body for task in self.shim.performed], [b"1", b"2"])
        self.assertEqual(
            (answer.code, json.loads(answer.body)), (409, [{"code": 409, "body": "/w=="}, {"code": 201, "body": "2"}])
        )

    def test_originals_get_no_answer(self) -> None:
        """Without a uid it comes from an original, which knows no answer to it."""
        self.performer.perform(self.multi("", b"1"))
        self.assertEqual((len(self.shim.performed), self.answers), (1, []))


class SlowClusterTests(ControllerTestCase):
    """Routing does not wait for the own cluster."""

    def test_routing_goes_on(self) -> None:
        """While a local call hangs, requests for others pass through at once (F71)."""
        parent, a = self.parent(), self.child("a")
        self.shim.script(delay=60)
        parent.receive(request("north"), request("a", uid="u2.1"))
        self.assertEqual((self.shim.running, len(a.take())), (1, 1))
        self.clock.advance(60)
        self.assertEqual(len(parent.take()), 1)

    def test_a_cancellation_from_above_reaches_the_shim(self) -> None:
        """A Cancel that names us gives up what runs; its owner gets no answer."""
        parent = self.parent()
        self.shim.script(delay=60)
        parent.receive(request("north"), request("north", Command=pb.Cancel))
        self.assertEqual((len(self.shim.cancelled), parent.take()), (1, []))
