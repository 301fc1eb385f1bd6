"""What every carrier of tasks must do.

class MyCarrierTests(make_task_carrier_tests(build_mine)):
    \"\"\"My carrier keeps the contract.\"\"\"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.errors import InvalidSelector
from ote_twisted.interfaces import ITaskCarrier
from ote_twisted.tasks.model import Task

TASK = Task("api", "GET", "/version", b"", "7d44.1")


@frozen
class CarrierUnderTest:
    """A carrier without any cluster that performs, and how to change that.

    :ivar join: makes a cluster known and online, with labels.
    :ivar leave: takes it offline; it stays known.
    :ivar reached: uid and cluster of every task that arrived at one, in order.
    :ivar withdrawn: uid and cluster of every cancellation that arrived at one, in order.
    :ivar confirmed: uid and cluster of every confirmation that arrived at one, in order, after whatever time it takes.
    """

    carrier: ITaskCarrier
    join: Callable[[str, dict[str, str]], None]
    leave: Callable[[str], None]
    reached: Callable[[], Sequence[tuple[str, str]]]
    withdrawn: Callable[[], Sequence[tuple[str, str]]]
    confirmed: Callable[[], Sequence[tuple[str, str]]]


def make_task_carrier_tests(build: Callable[[SynchronousTestCase], CarrierUnderTest]) -> Any:
    """A test case for the carriers that ``build`` makes."""

    class TaskCarrierTests(_Carrier):
        """The contract of ITaskCarrier."""

        def under_test(self) -> CarrierUnderTest:
            return build(self)

    return TaskCarrierTests


class _Carrier(SynchronousTestCase):
    def under_test(self) -> CarrierUnderTest:
        raise NotImplementedError

    def setUp(self) -> None:
        self.made = self.under_test()
        self.carrier = self.made.carrier
        for name, gpu in (("c10", "yes"), ("c1", "no"), ("c2", "yes")):
            self.made.join(name, {"gpu": gpu})

    def test_interface(self) -> None:
        """It provides the whole interface."""
        self.assertTrue(verifyObject(ITaskCarrier, self.carrier))

    def test_selects_everyone(self) -> None:
        """Everyone is selected once, in whatever order."""
        self.assertEqual(sorted(self.carrier.select("*")), ["c1", "c10", "c2"])

    def test_selects_exactly(self) -> None:
        """A plain name chooses exactly that cluster."""
        self.assertEqual(list(self.carrier.select("c1")), ["c1"])

    def test_selects_by_label(self) -> None:
        """Labels choose."""
        self.assertEqual(sorted(self.carrier.select("[gpu=yes]")), ["c10", "c2"])

    def test_selects_nobody(self) -> None:
        """A selector that chooses nobody gives nothing."""
        self.assertEqual(list(self.carrier.select("nobody")), [])

    def test_refuses_a_bad_selector(self) -> None:
        """A selector out of grammar is refused with the column of the fault."""
        error = self.assertRaises(InvalidSelector, self.carrier.select, "c1,[gpu")
        self.assertGreater(error.column, 3)

    def test_offline_clusters_stay_selected(self) -> None:
        """A cluster that went offline is selected still, and is known to be offline."""
        self.made.leave("c1")
        self.assertEqual(list(self.carrier.select("c1")), ["c1"])
        self.assertFalse(self.carrier.online("c1"))
        self.assertTrue(self.carrier.online("c2"))

    def test_unknown_clusters_are_offline(self) -> None:
        """There is no way to a cluster that nobody has heard of."""
        self.assertFalse(self.carrier.online("stranger"))

    def test_dispatches_to_exactly_the_targets(self) -> None:
        """A task reaches its targets and nobody else."""
        missed = self.carrier.dispatch(TASK, "upgrade", ["c1", "c2"], 60.0)
        self.assertEqual((list(missed), sorted(self.made.reached())), ([], [(TASK.uid, "c1"), (TASK.uid, "c2")]))

    def test_tells_who_had_no_way(self) -> None:
        """Targets that are offline or unknown are given back; the others get the task."""
        self.made.leave("c2")
        missed = self.carrier.dispatch(TASK, "upgrade", ["c1", "c2", "stranger"], 60.0)
        self.assertEqual((sorted(missed), list(self.made.reached())), (["c2", "stranger"], [(TASK.uid, "c1")]))

    def test_cancels_at_the_targets(self) -> None:
        """A withdrawn task is withdrawn at its targets and nowhere else."""
        self.carrier.dispatch(TASK, "upgrade", ["c1", "c2"], 60.0)
        self.carrier.cancel(TASK.uid, ["c2"])
        self.assertEqual(list(self.made.withdrawn()), [(TASK.uid, "c2")])

    def test_cancels_nowhere_without_a_way(self) -> None:
        """Withdrawing from a cluster that is offline or unknown does nothing and does not fail."""
        self.made.leave("c2")
        self.carrier.cancel(TASK.uid, ["c2", "stranger"])
        self.assertEqual(list(self.made.withdrawn()), [])

    def test_confirms_at_the_clusters(self) -> None:
        """Clusters whose answers are durable are told so, and nobody else; without a way it does not fail."""
        self.made.leave("c10")
        self.carrier.received(TASK.uid, ["c1", "c2"])
        self.carrier.received("7d44.2", ["c2", "c10", "stranger"])
        told = [each for each in self.made.confirmed() if each[1] in ("c1", "c2")]
        self.assertEqual(sorted(told), [(TASK.uid, "c1"), (TASK.uid, "c2"), ("7d44.2", "c2")])
