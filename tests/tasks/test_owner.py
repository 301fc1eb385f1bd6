"""The owner of tasks over a memory store, a memory ledger and a recorded tree."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.interfaces import ITaskOwner
from ote_twisted.tasks.model import Answer, TargetState
from tests.tasks.world import World


class OwnerCase(SynchronousTestCase):
    """A started owner and three clusters, two of them online."""

    def setUp(self) -> None:
        self.world = World(self)
        for name in ("c1", "c2", "c3"):
            self.world.carrier.join(name)
        self.world.carrier.leave("c3")
        self.world.start()


class DispatchTests(OwnerCase):
    """Who gets a task, and when."""

    def test_interface(self):
        """The owner provides its whole interface."""
        self.assertTrue(verifyObject(ITaskOwner, self.world.owner))

    def test_online_targets_get_it_at_once(self):
        """A new task is sent to every selected cluster that is online, once, with the time that is left."""
        self.world.create(deadlineSeconds=90, body="x")
        (sent,) = self.world.carrier.dispatched
        self.assertEqual((sent.name, sent.targets, sent.seconds_left), ("t", ("c1", "c2"), 90.0))
        self.assertEqual((sent.task.method, sent.task.uri, sent.task.body, sent.task.uid), ("GET", "/version", b"x", "0001.1"))

    def test_only_selected_clusters_get_it(self):
        """Exactly the clusters that the selector chooses become targets."""
        self.world.create(selector="c1")
        self.assertEqual(self.world.carrier.reached(), ["c1"])
        self.assertEqual(self.world.books(self.world.uid()), {"c1": "sent"})

    def test_offline_target_waits(self):
        """An offline target stays pending, says why, and gets the task when it is online again."""
        self.world.create()
        self.assertEqual(self.world.states(), {"c1": "sent", "c2": "sent", "c3": "pending"})
        self.assertIn("offline", self.world.status()["clusters"]["c3"]["why"])
        self.world.join("c3")
        self.assertEqual(self.world.carrier.reached(), ["c1", "c2", "c3"])
        self.assertEqual(self.world.states()["c3"], "sent")

    def test_late_joiner_gets_it(self):
        """A cluster that joins before the deadline and matches gets the task."""
        self.world.create(selector="c*,!c9")
        self.world.answer("c1")
        self.world.join("c4", "c9", "d1")
        self.world.wait(0.1)
        self.assertEqual(self.world.carrier.reached(), ["c1", "c2", "c4"])

    def test_late_joiner_reopens_a_complete_task(self):
        """Complete is about the targets known now: a late joiner makes it false until that has answered."""
        self.world.create(selector="c1,c4")
        self.world.answer("c1")
        self.assertTrue(self.world.complete())
        self.world.join("c4")
        self.assertFalse(self.world.complete())
        self.world.answer("c4")
        self.assertTrue(self.world.complete())

    def test_relabelled_cluster_gets_it(self):
        """A cluster that is given a label that the selector asks for gets the task."""
        self.world.create(selector="[gpu=true]")
        self.assertEqual(self.world.carrier.reached(), [])
        self.world.join("c1", gpu="true")
        self.world.wait(0.1)
        self.assertEqual(self.world.carrier.reached(), ["c1"])

    def test_finished_target_is_not_sent_again(self):
        """A cluster that has answered and comes back gets nothing."""
        self.world.create()
        self.world.answer("c1")
        self.world.leave("c1", "c2")
        self.world.join("c1", "c2")
        self.assertEqual(self.world.carrier.reached(), ["c1", "c2", "c2"])

    def test_unanswered_target_is_sent_again_after_an_outage(self):
        """What was sent and not answered when the link was lost is sent again when the cluster is back."""
        self.world.create(selector="c1")
        self.world.leave("c1")
        self.assertEqual(self.world.carrier.reached(), ["c1"])
        self.world.join("c1")
        self.assertEqual(self.world.carrier.reached(), ["c1", "c1"])

    def test_join_while_books_are_being_opened(self):
        """A cluster that comes online while its book is being written is not forgotten."""
        self.world.ledger.gate.waiting = []
        self.world.create(selector="c3")
        self.world.join("c3")
        self.assertEqual(self.world.carrier.reached(), [])
        self.world.ledger.gate.open()
        self.world.wait(0.2)
        self.assertEqual(self.world.carrier.reached(), ["c3"])

    def test_nothing_is_sent_before_the_books_are_durable(self):
        """A target is sent only after the ledger holds it."""
        self.world.ledger.gate.waiting = []
        self.world.create()
        self.assertEqual(self.world.carrier.dispatched, [])
        self.world.ledger.gate.open()
        self.assertEqual(self.world.carrier.reached(), ["c1", "c2"])

    def test_many_changes_in_a_turn_are_one_selection(self):
        """A thousand joins in one turn resolve a selector once."""
        self.world.create()
        self.world.wait(1.0)
        before = self.world.carrier.selections
        for number in range(1000):
            self.world.carrier.join(f"n{number}")
            self.world.owner.clusters_changed([f"n{number}"], [])
        self.world.turn()
        self.assertEqual(self.world.carrier.selections, before + 1)
        self.assertEqual(len(self.world.carrier.reached()), 1002)

    def test_known_clusters_cost_no_selection(self):
        """Targets that come back are sent without resolving the selector."""
        self.world.create()
        before = self.world.carrier.selections
        self.world.leave("c1")
        self.world.join("c1")
        self.assertEqual(self.world.carrier.selections, before)


class UndeliveredTests(OwnerCase):
    """What a hop could not pass on."""

    def test_undelivered_target_is_pending_with_the_reason(self):
        """A target that a hop could not reach is pending again and says why."""
        self.world.create(selector="c1")
        self.world.owner.undelivered(self.world.uid(), ["c1"], "north has lost c1")
        self.world.wait(0.5)
        entry = self.world.value()["status"]["clusters"]["c1"]
        self.assertEqual((entry["state"], entry["why"]), ("pending", "north has lost c1"))

    def test_undelivered_target_is_tried_again_ever_more_slowly(self):
        """While it stays online it is sent again after 1, 2, 4 seconds."""
        self.world.create(selector="c1")
        for delay, times in ((1, 2), (2, 3), (4, 4)):
            self.world.owner.undelivered(self.world.uid(), ["c1"], "no")
            self.world.wait(delay - 0.1)
            self.assertEqual(len(self.world.carrier.reached()), times - 1)
            self.world.wait(0.2)
            self.assertEqual(len(self.world.carrier.reached()), times)

    def test_return_ends_the_delay(self):
        """A cluster that comes back is sent the task at once, delay or not."""
        self.world.create(selector="c1")
        self.world.leave("c1")
        self.world.owner.undelivered(self.world.uid(), ["c1"], "no")
        self.world.join("c1")
        self.assertEqual(len(self.world.carrier.reached()), 2)
        self.world.wait(5)
        self.assertEqual(len(self.world.carrier.reached()), 2)

    def test_undelivered_after_the_answer_changes_nothing(self):
        """A final state stays."""
        self.world.create(selector="c1")
        self.world.answer("c1")
        self.world.owner.undelivered(self.world.uid(), ["c1"], "no")
        self.assertEqual(self.world.states(), {"c1": "done"})

    def test_undelivered_of_an_unknown_task_is_ignored(self):
        """A hop may speak of tasks that are gone."""
        self.world.owner.undelivered("ffff.1", ["c1"], "no")
        self.assertEqual(self.world.owner.counters.targets_bounced, 0)


class AnswerTests(OwnerCase):
    """What comes back."""

    def test_answer_is_kept(self):
        """An answer is in the status with its code, body, its sender's time, and when it was recorded."""
        self.world.create(selector="c1")
        self.world.answer("c1", code=201, body=b'{"a":1}')
        self.assertEqual(
            self.world.status()["clusters"]["c1"],
            {
                "state": "done",
                "timestamp": 1_600_000_000,
                "received": "2023-11-14T22:13:20Z",
                "code": 201,
                "body": '{"a":1}',
            },
        )

    def test_complete_and_not_failed(self):
        """When every target is done the task is complete and not failed."""
        self.world.create(selector="c1,c2")
        self.assertFalse(self.world.complete())
        self.world.answer("c1", "c2")
        self.assertEqual(self.world.condition("Complete")["reason"], "AllDone")
        self.assertEqual(self.world.condition("Failed")["status"], "False")
        self.assertEqual(self.world.status()["done"], "2/2")

    def test_error_answer_fails_the_target(self):
        """A code from 400 on is a failure with its code and body; the task is complete and failed."""
        self.world.create(selector="c1,c2")
        self.world.answer("c1")
        self.world.answer("c2", code=404, body=b"no such thing")
        entry = self.world.status()["clusters"]["c2"]
        self.assertEqual((entry["state"], entry["code"], entry["body"]), ("failed", 404, "no such thing"))
        self.assertEqual(entry["why"], "answered 404 Not Found")
        self.assertEqual(self.world.condition("Failed")["message"], "1 cluster failed")
        self.assertTrue(self.world.complete())

    def test_answer_without_http_code_fails_the_target(self):
        """Code 0, which says that no HTTP answer was had, is a failure."""
        self.world.create(selector="c1")
        self.world.answer("c1", code=0)
        self.assertEqual(self.world.states(), {"c1": "failed"})

    def test_first_answer_wins(self):
        """A second answer of a cluster is counted and changes nothing, whatever its clock says."""
        self.world.create(selector="c1")
        self.world.answer("c1", body=b"first")
        self.world.answer("c1", body=b"second", code=500)
        self.assertEqual(self.world.status()["clusters"]["c1"]["body"], "first")
        self.assertEqual(self.world.owner.counters.answers_duplicate, 1)

    def test_two_answers_in_one_turn_are_one(self):
        """Of two answers in one turn the first is recorded."""
        self.world.create(selector="c1")
        self.world.answer("c1", "c1")
        self.assertEqual((self.world.owner.counters.answers_duplicate, self.world.ledger.rows["record"]), (1, 1))

    def test_equal_timestamps_lose_nothing(self):
        """Answers of one second, from clocks that are set back, all count."""
        self.world.create(selector="c1,c2")
        self.world.answer("c2", "c1")
        self.assertEqual(set(self.world.states().values()), {"done"})

    def test_answer_of_a_cluster_that_is_no_target(self):
        """Only targets answer; others are counted and dropped."""
        self.world.create(selector="c1")
        self.world.answer("c2")
        self.assertEqual((self.world.states(), self.world.owner.counters.answers_unknown), ({"c1": "sent"}, 1))

    def test_answer_to_an_unknown_task_is_cheap(self):
        """An answer to no task reads and writes nothing."""
        before = dict(self.world.ledger.gate.calls)
        self.world.answer("c1", uid="ffff.1")
        self.world.answer("c1", task="", uid="")
        self.assertEqual(self.world.owner.counters.answers_unknown, 2)
        self.assertEqual(dict(self.world.ledger.gate.calls), before)

    def test_answer_without_uid_goes_by_name(self):
        """A peer that does not echo the uid is understood by the task's name."""
        self.world.create(selector="c1")
        self.world.answer("c1", uid="")
        self.assertEqual(self.world.states(), {"c1": "done"})

    def test_answer_without_uid_needs_a_name_of_one_task(self):
        """Where two tasks have the name, an answer without uid belongs to none."""
        self.world.create(selector="c1")
        self.world.create(selector="c1", namespace="other")
        self.world.answer("c1", uid="")
        self.assertEqual((self.world.states(), self.world.owner.counters.answers_unknown), ({"c1": "sent"}, 1))

    def test_uid_of_nobody_is_not_looked_up_by_name(self):
        """An answer with an old uid is never attached to a new task of the same name."""
        self.world.create(selector="c1")
        old = self.world.uid()
        self.world.delete()
        self.world.create(selector="c1")
        self.world.answer("c1", uid=old)
        self.assertEqual(self.world.states(), {"c1": "sent"})

    def test_answers_before_the_books_are_read(self):
        """Answers that arrive while a restarted owner still reads are not lost."""
        self.world.create(selector="c1")
        uid = self.world.uid()
        self.world.ledger.gate.full = True
        self.world.restart()
        self.world.answer("c1", uid=uid)
        self.world.ledger.gate.full = False
        self.world.wait(2)
        self.assertEqual(self.world.states(), {"c1": "done"})

    def test_truncated_body_is_marked(self):
        """A body that the edge has cut says so in the status."""
        self.world.create(selector="c1")
        self.world.owner.answered(self.world.uid(), "t", "c1", Answer(200, b"x", True, 5), 1)
        self.assertTrue(self.world.status()["clusters"]["c1"]["truncated"])


class RestartTests(OwnerCase):
    """What survives the process."""

    def test_exactly_the_missing_targets_get_it(self):
        """After a restart those that have answered get nothing, those that have not get it again."""
        self.world.create()
        self.world.answer("c1")
        self.world.restart()
        self.assertEqual(self.world.carrier.reached(), ["c1", "c2", "c2"])

    def test_pending_targets_survive(self):
        """A target that was offline before the restart gets the task after it."""
        self.world.create(selector="c3")
        self.world.restart()
        self.world.join("c3")
        self.assertEqual(self.world.carrier.reached(), ["c3"])

    def test_counts_survive(self):
        """The status after a restart tells the same counts."""
        self.world.create()
        self.world.answer("c1", code=500)
        before = self.world.status()
        self.world.restart()
        self.assertEqual(self.world.status(), before)

    def test_nothing_is_written_when_nothing_changed(self):
        """A restart with settled books writes no status."""
        self.world.create(selector="c1")
        self.world.answer("c1")
        before = self.world.status()
        self.world.restart()
        self.world.wait(10)
        self.assertEqual(self.world.owner.counters.status_writes, 0)
        self.assertEqual(self.world.status(), before)

    def test_deadline_survives(self):
        """The deadline of a changed task does not begin again."""
        self.world.create(selector="c3", deadlineSeconds=100)
        self.world.wait(50)
        self.world.change(deadlineSeconds=200)
        self.world.turn()
        self.world.wait(50)
        self.world.restart()
        self.assertEqual(self.world.status()["deadline"], "2023-11-14T22:17:30Z")
        self.world.wait(250 - 100)
        self.assertEqual(self.world.states(), {"c3": "expired"})

    def test_object_written_while_down(self):
        """A task that was created while nobody ran is performed at the start."""
        self.successResultOf(self.world.owner.stopService())
        self.world.create(selector="c1")
        self.world.restart()
        self.assertEqual(self.world.carrier.reached(), ["c1"])

    def test_object_deleted_while_down(self):
        """Books whose object is gone at the start are forgotten."""
        self.world.create(selector="c1")
        uid = self.world.uid()
        self.successResultOf(self.world.owner.stopService())
        self.world.delete()
        self.world.restart()
        self.assertEqual(self.world.books(uid), {})

    def test_object_changed_while_down(self):
        """A new generation that was written while nobody ran begins with empty books of its own."""
        self.world.create(selector="c1")
        old = self.world.uid()
        self.world.answer("c1")
        self.successResultOf(self.world.owner.stopService())
        self.world.change(url="/healthz")
        self.world.restart()
        self.assertEqual((self.world.books(old), self.world.books(self.world.uid())), ({}, {"c1": "sent"}))

    def test_expired_while_down(self):
        """What was unfinished when the deadline passed without us is expired at the start, and not sent."""
        self.world.create(deadlineSeconds=10)
        self.world.answer("c1")
        self.successResultOf(self.world.owner.stopService())
        self.world.clock.advance(20)
        self.world.restart()
        self.assertEqual(self.world.states(), {"c1": "done", "c2": "expired", "c3": "expired"})
        self.assertEqual(self.world.carrier.reached(), ["c1", "c2"])
        self.assertEqual(self.world.owner.tasks_active, 0)

    def test_answers_held_at_stop_are_written(self):
        """Answers of the last turn are durable when the service has stopped."""
        self.world.create(selector="c1")
        uid = self.world.uid()
        self.world.owner.answered(uid, "t", "c1", Answer(200), 1)
        self.successResultOf(self.world.owner.stopService())
        self.assertEqual(self.world.books(uid), {"c1": "done"})


class RemovalTests(OwnerCase):
    """Deleting and changing a task."""

    def test_deletion_cancels_what_is_unfinished(self):
        """Deleting a task withdraws it from the targets that have not answered, and forgets its books."""
        self.world.create()
        uid = self.world.uid()
        self.world.answer("c1")
        self.world.delete()
        self.assertEqual(self.world.carrier.cancelled, [(uid, ("c2",))])
        self.assertEqual(self.world.books(uid), {})
        self.assertEqual(self.world.owner.tasks_active, 0)

    def test_deletion_while_books_are_being_opened(self):
        """A task that is deleted before its books are open is never sent."""
        self.world.ledger.gate.waiting = []
        self.world.create()
        uid = self.world.uid()
        self.world.delete()
        self.world.ledger.gate.open()
        self.world.turn()
        self.assertEqual((self.world.carrier.dispatched, self.world.books(uid)), ([], {}))

    def test_change_begins_again(self):
        """A changed spec is a new generation: unfinished targets of the old are cancelled, all get the new."""
        self.world.create()
        old = self.world.uid()
        self.world.answer("c1")
        self.world.change(url="/healthz")
        self.world.turn()
        new = self.world.uid()
        self.assertEqual(self.world.carrier.cancelled, [(old, ("c2",))])
        self.assertEqual(self.world.carrier.reached(new), ["c1", "c2"])
        self.assertEqual(self.world.books(old), {})
        self.assertEqual(self.world.status()["observedGeneration"], 2)

    def test_old_answers_do_not_count_for_a_new_generation(self):
        """Answers to the generation before are unknown."""
        self.world.create(selector="c1")
        old = self.world.uid()
        self.world.change(url="/healthz")
        self.world.turn()
        self.world.answer("c1", uid=old)
        self.assertEqual((self.world.states(), self.world.owner.counters.answers_unknown), ({"c1": "sent"}, 1))

    def test_change_of_labels_changes_nothing(self):
        """Metadata is no new generation."""
        self.world.create(selector="c1")
        self.world.label(team="a")
        self.world.turn()
        self.assertEqual(self.world.carrier.reached(), ["c1"])

    def test_changes_in_quick_succession(self):
        """Of generations that follow each other before their books are open only the last is sent."""
        self.world.ledger.gate.waiting = []
        self.world.create(selector="c1")
        for path in ("/a", "/b", "/c"):
            self.world.change(url=path)
            self.world.turn()
        self.world.ledger.gate.open()
        self.world.turn()
        self.assertEqual([sent.task.uri for sent in self.world.carrier.dispatched], ["/c"])
        self.assertEqual(self.world.books("0001.1"), {})

    def test_generation_ten_after_one(self):
        """Forgetting generation 1 leaves generation 10 its books."""
        self.world.create(selector="c1")
        for number in range(9):
            self.world.change(url=f"/{number}")
            self.world.turn()
        self.assertEqual(self.world.books("0001.10"), {"c1": "sent"})

    def test_recreated_task_has_its_own_results(self):
        """A task of a name that was used before starts from nothing."""
        self.world.create(selector="c1")
        self.world.answer("c1")
        self.world.delete()
        self.world.create(selector="c1")
        self.assertEqual(self.world.carrier.reached(), ["c1", "c1"])
        self.assertEqual(self.world.states(), {"c1": "sent"})

    def test_change_after_the_end(self):
        """A task that is over is performed again when its spec changes."""
        self.world.create(selector="c1", deadlineSeconds=5)
        self.world.wait(10)
        self.assertEqual(self.world.states(), {"c1": "expired"})
        self.world.change(url="/again")
        self.world.turn()
        self.assertEqual(self.world.carrier.reached(), ["c1", "c1"])
        self.world.answer("c1")
        self.assertTrue(self.world.complete())


class DeadlineTests(OwnerCase):
    """The end of a task."""

    def test_default_deadline_is_an_hour(self):
        """A task that does not say is over an hour after its creation."""
        self.world.create(selector="c3")
        self.world.wait(3599)
        self.assertEqual(self.world.value()["status"]["clusters"]["c3"]["state"], "pending")
        self.world.wait(1)
        self.assertEqual(self.world.value()["status"]["clusters"]["c3"]["state"], "expired")

    def test_expired_targets_say_so(self):
        """At the deadline what is unfinished is expired with a reason, withdrawn, and the task is complete and failed."""
        self.world.create(deadlineSeconds=30)
        self.world.answer("c1")
        self.world.wait(30)
        self.assertEqual(self.world.states(), {"c1": "done", "c2": "expired", "c3": "expired"})
        self.assertIn("deadline", self.world.status()["clusters"]["c2"]["why"])
        self.assertEqual(self.world.condition("Failed")["reason"], "DeadlineExceeded")
        self.assertEqual(self.world.condition("Complete")["reason"], "SomeFailed")
        self.assertEqual(self.world.carrier.cancelled, [(self.world.uid(), ("c2",))])

    def test_nothing_is_sent_after_the_deadline(self):
        """A cluster that joins after the deadline gets nothing, and its answer is late."""
        self.world.create(deadlineSeconds=30)
        self.world.wait(31)
        self.world.join("c3", "c4")
        self.world.answer("c2")
        self.assertEqual(self.world.carrier.reached(), ["c1", "c2"])
        self.assertEqual(self.world.states()["c2"], "expired")
        self.assertEqual(self.world.owner.counters.answers_duplicate, 1)

    def test_complete_task_is_over_without_a_word(self):
        """The deadline of a complete task changes nothing of its status."""
        self.world.create(selector="c1", deadlineSeconds=30)
        self.world.answer("c1")
        before = self.world.status()
        self.world.wait(60)
        self.assertEqual((self.world.status(), self.world.owner.tasks_active), (before, 0))

    def test_wall_clock_set_forward(self):
        """A deadline is noticed within a minute of the wall clock being set past it."""
        self.world.create(selector="c3")
        self.world.skew = 7200.0
        self.world.wait(60)
        self.assertEqual(self.world.states(), {"c3": "expired"})


class PlainWordsTests(OwnerCase):
    """What a user is told when nothing can happen."""

    def test_nobody_selected(self):
        """A task whose selector chooses nobody says so at once, and fails at its deadline."""
        self.world.create(selector="nobody", deadlineSeconds=30)
        status = self.world.value()["status"]
        self.assertEqual({condition["reason"] for condition in status["conditions"]}, {"NoClusterSelected"})
        self.assertEqual(self.world.condition("Failed")["status"], "False")
        self.assertIn("no cluster", self.world.status()["message"])
        self.world.wait(30)
        self.assertEqual(self.world.condition("Failed")["status"], "True")
        self.assertFalse(self.world.complete())

    def test_nobody_selected_until_somebody_joins(self):
        """The first matching cluster ends it."""
        self.world.create(selector="c7")
        self.world.join("c7")
        self.assertEqual(self.world.condition("Complete")["reason"], "InProgress")

    def test_selector_out_of_grammar(self):
        """A task that cannot be understood fails at once with field and column, and is sent nowhere."""
        self.world.create(selector="c1,[gpu")
        self.assertEqual(self.world.condition("Failed")["reason"], "InvalidSpec")
        self.assertIn("spec.clusterSelector: selector, column", self.world.status()["message"])
        self.assertEqual(self.world.carrier.dispatched, [])

    def test_fault_is_mended(self):
        """A corrected spec is performed."""
        self.world.create(selector="c1", method="get")
        self.assertEqual(self.world.condition("Failed")["reason"], "InvalidSpec")
        self.world.change(method="GET")
        self.world.turn()
        self.assertEqual(self.world.carrier.reached(), ["c1"])

    def test_objects_that_are_no_tasks(self):
        """Objects without spec, with a null spec, or with wrong types are told or passed over; the owner goes on."""
        broken: tuple[Any, ...] = (
            None,
            [],
            "x",
            {"clusterSelector": 5},
            {"clusterSelector": "*", "deadlineSeconds": "1"},
            {"clusterSelector": "*", "deadlineSeconds": 10**18},
        )
        for number, spec in enumerate(broken):
            value = {"metadata": {"name": f"b{number}", "namespace": "n", "uid": f"b{number}"}, "spec": spec}
            self.successResultOf(self.world.store.inner.create(self.world.key(f"b{number}", "n"), value))
        self.world.create(selector="c1")
        self.assertEqual(self.world.carrier.reached(), ["c1"])


class TroubleTests(OwnerCase):
    """Other writers, and stores that cannot write."""

    def test_conflicting_writer(self):
        """A change of the object between our read and our write is kept, and so are our answers."""
        self.world.create(selector="c1")
        self.world.wait(1)
        rivals = iter([lambda: self.world.label(by="rival")])
        self.world.store.before_update = lambda: next(rivals, lambda: None)()
        self.world.answer("c1")
        self.assertEqual(self.world.states(), {"c1": "done"})
        self.assertEqual(self.world.value()["metadata"]["labels"], {"by": "rival"})
        self.assertEqual(self.world.owner.counters.status_conflicts, 1)

    def test_endless_conflicts_are_paced(self):
        """A writer that always comes first does not make us spin."""
        self.world.create(selector="c1")
        self.world.wait(1)
        self.world.store.before_update = lambda: self.world.label(by="rival")
        before = self.world.store.gate.calls["update"]
        self.world.answer("c1")
        self.assertLessEqual(self.world.store.gate.calls["update"] - before, 8)
        self.world.store.before_update = lambda: None
        self.world.wait(2)
        self.assertEqual(self.world.states(), {"c1": "done"})

    def test_changed_while_its_status_is_written(self):
        """The status of an old generation is never written into a new one."""
        self.world.create(selector="c1")
        self.world.wait(1)
        changes = iter([lambda: self.world.change(url="/new")])
        self.world.store.before_update = lambda: next(changes, lambda: None)()
        self.world.answer("c1")
        self.assertEqual((self.world.states(), self.world.status()["observedGeneration"]), ({"c1": "sent"}, 2))

    def test_deleted_while_its_status_is_written(self):
        """A task that is gone when its status is written ends quietly."""
        self.world.create(selector="c1")
        self.world.wait(1)
        self.world.store.before_update = lambda: self.world.delete()
        self.world.answer("c1")
        self.world.wait(5)
        self.assertEqual(self.world.owner.counters.retries, 0)

    def test_store_without_room_for_a_status(self):
        """A status that cannot be written is written when the store can again; nothing is lost."""
        self.world.create(selector="c1")
        self.world.wait(1)
        self.world.store.gate.full = True
        self.world.answer("c1")
        self.world.wait(20)
        self.world.store.gate.full = False
        self.world.wait(60)
        self.assertEqual(self.world.states(), {"c1": "done"})

    def test_failing_store_is_asked_ever_more_slowly(self):
        """Each failure doubles the delay; events in between do not shorten it."""
        self.world.create(selector="c1,c2")
        self.world.wait(1)
        self.world.store.gate.full = True
        self.world.answer("c1")
        before = self.world.store.gate.calls["update"]
        for _ in range(100):
            self.world.join("c2")
        self.assertLessEqual(self.world.store.gate.calls["update"] - before, 1)
        self.world.store.gate.full = False
        self.world.wait(60)

    def test_ledger_without_room_for_answers(self):
        """Answers are held while the ledger cannot write, and recorded once."""
        self.world.create(selector="c1,c2")
        self.world.wait(1)
        self.world.ledger.gate.full = True
        self.world.answer("c1")
        self.world.answer("c1", "c2")
        self.world.wait(3)
        self.world.ledger.gate.full = False
        self.world.wait(10)
        self.assertEqual(set(self.world.states().values()), {"done"})
        self.assertEqual(self.world.owner.counters.answers_duplicate, 1)

    def test_ledger_without_room_for_books(self):
        """A task waits until its books can be opened, and is sent then."""
        self.world.ledger.gate.full = True
        self.world.create(selector="c1")
        self.assertEqual(self.world.carrier.dispatched, [])
        self.world.wait(3)
        self.world.ledger.gate.full = False
        self.world.wait(10)
        self.assertEqual(self.world.carrier.reached(), ["c1"])

    def test_store_down_at_the_start(self):
        """An owner whose store does not answer at the start begins when it does."""
        self.world.ledger.gate.full = True
        self.world.restart()
        self.world.create(selector="c1")
        self.assertFalse(self.world.owner.ready)
        self.world.ledger.gate.full = False
        self.world.wait(2)
        self.assertEqual((self.world.owner.ready, self.world.carrier.reached()), (True, ["c1"]))

    def test_unforeseen_failure_is_logged_and_tried_again(self):
        """A tree that raises costs a log entry and a delay, not the task."""
        self.world.carrier.broken = ZeroDivisionError("unforeseen")
        self.world.create(selector="c1")
        self.world.carrier.broken = None
        self.world.wait(2)
        self.assertEqual(self.world.carrier.reached(), ["c1"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_answers_after_stop_leave_nothing_behind(self):
        """An answer that comes when the service has stopped schedules nothing."""
        self.world.create(selector="c1")
        self.successResultOf(self.world.owner.stopService())
        self.world.answer("c1")
        self.world.owner.clusters_changed(["c1"], [])
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_figures(self):
        """Targets are counted by state over all active tasks."""
        self.world.create(selector="c1")
        self.world.create("u", selector="c1,c2,c3")
        self.world.answer("c1")
        targets = self.world.owner.targets()
        self.assertEqual((targets[TargetState.DONE], targets[TargetState.SENT], targets[TargetState.PENDING]), (1, 2, 1))
        self.assertEqual(self.world.owner.tasks_active, 2)
