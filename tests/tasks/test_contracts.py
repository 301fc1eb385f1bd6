"""What stands in for others keeps their contracts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.interfaces import IObjectStore, ITaskLedger
from ote_twisted.testing.carrier import RecordingCarrier
from ote_twisted.testing.contracts.carrier import CarrierUnderTest, make_task_carrier_tests
from ote_twisted.testing.contracts.ledger import LedgerUnderTest, make_task_ledger_tests
from tests.tasks.world import GatedLedger, World


def recording(test: SynchronousTestCase) -> CarrierUnderTest:
    """The recorded tree."""
    carrier = RecordingCarrier()
    return CarrierUnderTest(
        carrier,
        carrier.join,
        carrier.leave,
        lambda: [(sent.task.uid, name) for sent in carrier.dispatched for name in sent.targets],
        lambda: [(uid, name) for uid, names in carrier.cancelled for name in names],
        lambda: carrier.confirmed,
    )


class RecordingCarrierTests(make_task_carrier_tests(recording)):  # type: ignore[misc]
    """The recorded tree keeps the contract of carriers."""


def gated(test: SynchronousTestCase) -> LedgerUnderTest:
    """The gated ledger."""
    return LedgerUnderTest(GatedLedger(), lambda: None)


class GatedLedgerTests(make_task_ledger_tests(gated)):  # type: ignore[misc]
    """The gated ledger keeps the contract of ledgers."""


class GatedTests(SynchronousTestCase):
    """The other stand-ins."""

    def test_interfaces(self):
        """They provide what they stand for."""
        world = World(self)
        self.assertTrue(verifyObject(IObjectStore, world.store))
        self.assertTrue(verifyObject(ITaskLedger, world.ledger))
