"""Which answers the owner of tasks confirms, and when."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.model import UNKNOWN, Answer
from tests.tasks.world import World


class ConfirmingTests(SynchronousTestCase):
    """Clusters send an answer until they hear that it arrived."""

    def setUp(self) -> None:
        """An owner and two clusters."""
        self.world = World(self).start()
        self.world.join("c1", "c2")

    @property
    def confirmed(self) -> list[tuple[str, str]]:
        """Uid and cluster of what was confirmed, in order."""
        return self.world.carrier.confirmed

    def test_after_it_is_durable(self) -> None:
        """An answer is confirmed when its book is written, not before."""
        self.world.create(selector="c1")
        self.world.ledger.gate.full = True
        self.world.answer("c1")
        self.assertEqual(self.confirmed, [])
        self.world.ledger.gate.full = False
        self.world.wait(2)
        self.assertEqual(self.confirmed, [(self.world.uid(), "c1")])

    def test_a_repeat_too(self) -> None:
        """An answer that comes again, to a task that runs or is over, is confirmed again."""
        self.world.create(selector="c1,c2", deadlineSeconds=10)
        self.world.answer("c1")
        self.world.answer("c1")
        uid = self.world.uid()
        self.assertEqual(self.confirmed, [(uid, "c1")] * 2)
        self.world.wait(11)
        self.world.answer("c2")
        self.assertEqual(self.confirmed[2:], [(uid, "c2")])

    def test_what_nobody_wants(self) -> None:
        """Answers to a generation, a target or an object that is not there are confirmed, or they would be sent for ever."""
        self.world.create(selector="c1")
        for cluster, uid in (("c1", self.world.uid() + "9"), ("stranger", self.world.uid()), ("c1", "gone.1")):
            self.world.answer(cluster, uid=uid)
        self.assertEqual(len(self.confirmed), 3)

    def test_originals(self) -> None:
        """An answer without a uid to a task that is not there has nobody to be confirmed to."""
        self.world.answer("c1", task="nobody", uid="")
        self.assertEqual(self.confirmed, [])

    def test_unknown(self) -> None:
        """A target of which nobody knows has failed, says so, and is counted, also after a restart and at the deadline."""
        self.world.create(selector="c1,c2", deadlineSeconds=100)
        self.world.owner.answered(self.world.uid(), "t", "c1", Answer(500, b"", unknown=True), 1)
        self.world.turn()
        for wait in (1, 200):
            status = self.world.status()
            self.assertEqual((status["unknown"], status["clusters"]["c1"]["unknown"]), (1, True))
            self.assertEqual(status["clusters"]["c1"]["why"], UNKNOWN)
            self.assertEqual(self.world.condition("Failed")["reason"], "OutcomeUnknown")
            self.world.restart()
            self.world.wait(wait)
        self.assertEqual(self.world.status()["expired"], 1)
