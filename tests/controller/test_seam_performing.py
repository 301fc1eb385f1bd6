"""Where performing meets the shim, the uplink, the owner's memory and the end of the process."""

from __future__ import annotations

import json
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.objects import key_of
from ote_twisted.controller.performing import Performer, PerformingLimits
from ote_twisted.errors import ShimUnavailable
from ote_twisted.tasks.model import Answer
from ote_twisted.tasks.performed import Done, PerformedTasks
from ote_twisted.testing.links import MemoryLink
from ote_twisted.testing.shim import MemoryShim
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import edge_report
from tests.controller.building import WALL, ControllerTestCase, RecordingAnswers, answer_to, commands, memory_of, request
from tests.controller.trees import TreeTestCase

FILLER = edge_report("north", b"x" * 100_000)
AWAY = ShimUnavailable("the shim at edge7:8262 is not reached")


class PerformerTestCase(SynchronousTestCase):
    """A performer over a dictionary, whose answers may be held."""

    limits = PerformingLimits(concurrency=2, waiting=10, waiting_bytes=10_000, patience=15.0, seconds=60.0)

    def setUp(self) -> None:
        """Build it."""
        self.clock = Clock()
        self.shim = MemoryShim(self.clock)
        self.history = PerformedTasks()
        self.answering = RecordingAnswers()
        self.answers = self.answering.answers
        memory = memory_of(self.clock, table=self.history)
        self.performer = Performer(self.shim, memory, self.clock, self.limits, self.answering)

    def perform(self, *uids: str, **fields: Any) -> None:
        """Ask for tasks."""
        for uid in uids:
            self.performer.perform(request("north", uid=uid, uri=f"/{uid}", **fields))

    @property
    def codes(self) -> list[tuple[str, int]]:
        """Uid and code of each answer, in order."""
        return [(uid, answer.code) for uid, answer in self.answers]


class AwayTests(PerformerTestCase):
    """A shim that is away."""

    def test_a_moment_costs_nothing(self) -> None:
        """A shim that is away for less than the patience costs a task some time only: its restart fails nobody."""
        for _ in range(8):
            self.shim.script(outcome=AWAY)
        self.perform("u1")
        self.clock.pump([0.25] * 7)
        self.assertEqual(self.codes, [])
        self.clock.advance(0.25)
        self.assertEqual((self.codes, self.performer.performed), ([("u1", 201)], 1))

    def test_longer_is_told(self) -> None:
        """A shim that stays away is a 503 with its reason, for the first tasks after the patience and at once for later ones."""
        for _ in range(100):
            self.shim.script(outcome=AWAY)
        self.perform("u1")
        self.clock.pump([0.25] * 60)
        self.perform("u2")
        self.assertEqual(self.codes, [("u1", 503), ("u2", 503)])
        self.assertIn("edge7:8262 is not reached", json.loads(self.answers[0][1].body)["message"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_next_absence_has_its_own_patience(self) -> None:
        """A shim that was there in between gets the whole time again."""
        self.shim.script(outcome=AWAY)
        self.perform("u1")
        self.clock.advance(0.25)
        self.clock.advance(100)
        self.shim.script(outcome=AWAY)
        self.perform("u2")
        self.clock.advance(0.25)
        self.assertEqual(self.codes, [("u1", 201), ("u2", 201)])

    def test_waiting_for_it_can_be_cancelled(self) -> None:
        """A task that waits for its shim is withdrawn like any other."""
        self.shim.script(outcome=AWAY)
        self.perform("u1")
        self.performer.cancel("u1")
        self.clock.advance(1)
        self.assertEqual((self.codes, self.performer.running, self.clock.getDelayedCalls()), ([], 0, []))


class MemoryTests(PerformerTestCase):
    """What counts as performed."""

    def test_what_was_not_performed_is_not_remembered(self) -> None:
        """A 503 says that nothing was done, so the same task is performed when it comes again."""
        self.shim.script(outcome=Answer(503, b""))
        self.perform("u1", "u1")
        self.assertEqual(self.codes, [("u1", 503), ("u1", 201)])

    def test_what_may_have_been_performed_is_remembered(self) -> None:
        """After a 500, 502 or 504 nobody knows what was done, so a repeat gets the same answer and is not performed."""
        for code in (500, 502, 504):
            self.shim.script(outcome=Answer(code, b""))
            self.perform(f"u{code}", f"u{code}")
        self.assertEqual([code for _, code in self.codes], [500, 500, 502, 502, 504, 504])
        self.assertEqual(len(self.shim.performed), 3)

    def test_a_task_given_up_is_remembered(self) -> None:
        """A task that got no answer in time may have taken effect: a repeat is answered 504 and not performed."""
        self.shim.script(delay=100)
        self.perform("u1", DeadlineMilliseconds=1000)
        self.clock.advance(1)
        self.perform("u1")
        self.assertEqual((self.codes, len(self.shim.performed)), ([("u1", 504), ("u1", 504)], 1))

    def test_as_long_as_the_deadline(self) -> None:
        """A task with a deadline of a month that comes again after three weeks without a link is not performed twice."""
        self.perform("u1", DeadlineMilliseconds=30 * 86_400_000)
        self.clock.advance(21 * 86_400)
        self.perform("u1")
        self.assertEqual((self.codes, len(self.shim.performed)), ([("u1", 201), ("u1", 201)], 1))
        self.clock.advance(10 * 86_400)
        self.assertNotIsInstance(self.history.begin("u1", WALL + self.clock.seconds()), Done)


class WaitingTests(PerformerTestCase):
    """Bounds of what waits."""

    def test_bytes_are_bounded(self) -> None:
        """Few large tasks find the queue full as many small ones do: the next one is answered 503, and the others go on."""
        for _ in range(5):
            self.shim.script(delay=1)
        for number in range(6):
            message = request("north", uid=f"u{number}")
            message.Body += pb.ControllerTask(Body=b"x" * 4000).SerializeToString()
            self.performer.perform(message)
        self.assertEqual((self.codes, self.performer.refused, self.performer.waiting), ([("u4", 503), ("u5", 503)], 2, 2))
        self.clock.pump([1, 1])
        self.assertEqual([uid for uid, _ in self.codes], ["u4", "u5", "u0", "u1", "u2", "u3"])

    def test_without_room_for_answers_nothing_is_begun(self) -> None:
        """While the uplink takes no more, tasks wait, repeats too; then all go on in order."""
        self.perform("u1")
        self.answering.full = True
        self.perform("u2", "u1", "u3")
        self.clock.advance(1)
        self.assertEqual((self.codes, self.performer.waiting), ([("u1", 201)], 3))
        self.answering.full = False
        self.performer.resume()
        self.assertEqual([uid for uid, _ in self.codes], ["u1", "u2", "u1", "u3"])
        self.assertEqual(([task.uri for task in self.shim.performed], self.performer.waiting), (["/u1", "/u2", "/u3"], 0))

    def test_each_answer_looks_for_room(self) -> None:
        """When one answer fills the uplink again, the next task waits again."""
        self.answering.full = True
        self.perform("u1", "u2")
        self.answering.fills = True
        for expected in (1, 2):
            self.answering.full = False
            self.performer.resume()
            self.assertEqual(len(self.codes), expected)

    def test_own_tasks_pass_those_that_wait(self) -> None:
        """A task whose answer stays here does not wait for the uplink."""
        self.answering.full = True
        self.perform("u1", "own")
        self.assertEqual(self.codes, [("own", 201)])

    def test_a_held_task_can_be_withdrawn(self) -> None:
        """A task that waits for room is dropped when it is cancelled."""
        self.answering.full = True
        self.perform("u1", "u2")
        self.performer.cancel("u1")
        self.answering.full = False
        self.performer.resume()
        self.assertEqual(self.codes, [("u2", 201)])


class DrainTests(PerformerTestCase):
    """The end in good order."""

    def test_what_runs_is_answered(self) -> None:
        """Draining lets what runs end with its answer and begins nothing more; then it fires."""
        for _ in range(3):
            self.shim.script(delay=1)
        self.perform("u1", "u2", "u3")
        drained = self.performer.drain()
        self.perform("u4")
        self.assertNoResult(drained)
        self.clock.advance(1)
        self.successResultOf(drained)
        self.assertEqual((self.codes, len(self.shim.performed)), ([("u1", 201), ("u2", 201)], 2))

    def test_nothing_to_wait_for(self) -> None:
        """Draining an idle performer is done at once."""
        self.successResultOf(self.performer.drain())

    def test_what_does_not_end_is_given_up(self) -> None:
        """A stop after a drain that took too long cancels what still runs, without an answer."""
        self.shim.script(delay=100)
        self.perform("u1")
        waiting: list[object] = []
        self.performer.drain().addTimeout(5, self.clock).addErrback(waiting.append)
        self.clock.advance(5)
        self.performer.stop()
        self.assertEqual((len(waiting), self.performer.running, self.codes, len(self.shim.cancelled)), (1, 0, [], 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PressureTests(ControllerTestCase):
    """Who is paused while the uplink is congested."""

    def congested(self) -> MemoryLink:
        """A parent that takes nothing."""
        parent = self.parent()
        parent.send(FILLER)
        self.assertTrue(parent.congested)
        return parent

    def test_only_whoever_sends_up(self) -> None:
        """A child whose messages go up is paused; one whose answers stay here is not."""
        up, here = self.child("up"), self.child("here")
        self.congested()
        up.resume_reading()
        here.resume_reading()
        up.receive(answer_to(request("up"), "up"))
        here.receive(answer_to(request("here", parent="north"), "here"))
        self.assertEqual((up.reading, here.reading, len(self.owner.answers)), (False, True, 1))

    def test_the_loss_of_the_parent_ends_it(self) -> None:
        """Children that were paused for a parent that is lost meanwhile are read again, and own tasks go on."""
        parent, up = self.parent(), self.child("up")
        parent.send(FILLER)
        up.receive(answer_to(request("up"), "up"))
        parent.receive(request("north", uid="u1"))
        self.assertEqual((up.reading, self.shim.performed), (False, []))
        parent.end("lost")
        self.assertEqual((up.reading, len(self.shim.performed)), (True, 1))
        self.assertEqual((len(self.controller.uplink), len(self.controller.outbox)), (2, 1))

    def test_answers_wait_for_a_parent_that_reads(self) -> None:
        """Tasks of a parent that does not take their answers are performed as fast as it takes them."""
        parent = self.parent()
        parent.send(FILLER)
        parent.receive(request("north", uid="u1"), request("north", uid="u2"))
        self.assertEqual(self.shim.performed, [])
        parent.move()
        self.assertEqual(commands(parent.take())[-2:], [pb.ControlResp, pb.ControlResp])


class TreeTests(TreeTestCase):
    """The same in whole trees."""

    def test_a_restart_of_the_edge_fails_no_task(self) -> None:
        """A site whose shim takes seconds to come up after a kill performs the task that it was killed with, without a 503."""
        self.chain("root", "mid", "leaf")
        leaf = self.tree.node("leaf")
        leaf.shim.script(delay=60)
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle(1)
        leaf.crash()
        leaf.start()
        for _ in range(20):
            leaf.shim.script(outcome=AWAY)
        self.until(lambda: self.condition("root", "t")[0] == "True", 20)
        self.assertEqual(self.tree.node("root").status("t")["clusters"]["leaf"]["code"], 201)

    def test_large_answers_over_a_slow_link(self) -> None:
        """A hundred answers of a megabyte, asked for at once over a link that stalls, cost no link and arrive all."""
        self.chain("root", "leaf")
        leaf, root = self.tree.node("leaf"), self.tree.node("root")
        for number in range(100):
            leaf.shim.script(delay=1, outcome=Answer(200, b"x" * 1_000_000))
            root.submit(f"t{number}", "leaf", "PUT", f"/t{number}", "x")
        self.tree.network.advance(0.5)
        self.tree.network.partition("root", "leaf")
        self.tree.network.advance(8)
        self.tree.network.heal()
        self.until(lambda: all(root.status(f"t{number}")["done"] == "1/1" for number in range(100)), 60)
        self.assertEqual((leaf.edge.counters.slow_readers, leaf.edge.counters.links_lost), (0, 0))

    def test_a_label_on_an_offline_cluster(self) -> None:
        """A user's label on a cluster that is offline makes it a target at once; it gets the task when it is back (F49)."""
        self.chain("root", "mid", "leaf")
        self.tree.node("leaf").stop()
        self.tree.settle()
        root = self.tree.node("root")
        root.submit("t", "[wanted]", "PUT", "/t", "x")
        self.tree.settle()
        value = root.cluster("leaf")
        value["metadata"]["labels"]["wanted"] = "yes"
        root.store.update(key_of("leaf"), orjson.loads(orjson.dumps(value)), None)
        self.tree.settle()
        entry = root.status("t")["clusters"]["leaf"]
        self.assertEqual((entry["state"], entry["why"]), ("pending", "offline; it gets the task when it is online again"))
        self.tree.node("leaf").start()
        self.until(lambda: self.condition("root", "t")[0] == "True")
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1})

    def test_draining_answers_before_the_link_ends(self) -> None:
        """A site that is stopped in good order answers what it performs before it goes, so that nothing is done twice."""
        self.chain("root", "leaf")
        leaf = self.tree.node("leaf")
        leaf.shim.script(delay=2)
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle(1)
        drained: list[Deferred[None]] = [leaf.controller.drain()]
        self.tree.settle(2)
        self.successResultOf(drained[0])
        leaf.stop()
        self.tree.settle(1)
        leaf.start()
        self.tree.settle()
        self.assertEqual((self.condition("root", "t")[0], self.tree.performers("/t")), ("True", {}))
        self.assertEqual(leaf.performed, ["/t"])
