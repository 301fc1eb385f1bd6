"""What every recorder of events must do.

class MyRecorderTests(make_event_recorder_tests(build_mine)):
    \"\"\"My recorder keeps the contract.\"\"\"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.interfaces import IEventRecorder


@frozen
class Seen:
    """One event as people see it."""

    reason: str
    about: str
    message: str
    warning: bool
    count: int


@frozen
class RecorderUnderTest:
    """A recorder of the controller ``here`` that keeps 20 events and tells 10 of one reason apart.

    :ivar seen: gives the events as they are after a while, the one that happened longest ago first.
    :ivar advance: lets seconds pass.
    """

    recorder: IEventRecorder
    seen: Callable[[], Sequence[Seen]]
    advance: Callable[[float], None]


def make_event_recorder_tests(build: Callable[[SynchronousTestCase], RecorderUnderTest]) -> Any:
    """A test case for the recorders that ``build`` makes."""

    class EventRecorderTests(_Recorder):
        """The contract of IEventRecorder."""

        def under_test(self) -> RecorderUnderTest:
            return build(self)

    return EventRecorderTests


class _Recorder(SynchronousTestCase):
    def under_test(self) -> RecorderUnderTest:
        raise NotImplementedError

    def setUp(self) -> None:
        self.made = self.under_test()
        self.record = self.made.recorder.record

    def test_interface(self) -> None:
        """It provides the whole interface."""
        self.assertTrue(verifyObject(IEventRecorder, self.made.recorder))

    def test_records(self) -> None:
        """What was recorded is there, in order, about the cluster that was named or about this controller."""
        self.record("ChildLost", "It is gone.", "c1", warning=True)
        self.made.advance(1)
        self.record("ParentJoined", "Joined.")
        self.assertEqual(
            list(self.made.seen()),
            [Seen("ChildLost", "c1", "It is gone.", True, 1), Seen("ParentJoined", "here", "Joined.", False, 1)],
        )

    def test_counts(self) -> None:
        """The same again is counted; another message, cluster or reason is another event."""
        for _ in range(5):
            self.record("ChildLost", "It is gone.", "c1")
            self.made.advance(30)
        self.record("ChildLost", "It left.", "c1")
        self.record("ChildLost", "It is gone.", "c2")
        self.record("ChildJoined", "It is gone.", "c1")
        self.assertEqual([each.count for each in self.made.seen()], [5, 1, 1, 1])

    def test_window(self) -> None:
        """The same again after a long while is an event of its own."""
        self.record("ChildLost", "It is gone.", "c1")
        self.made.advance(601)
        self.record("ChildLost", "It is gone.", "c1")
        self.assertEqual([each.count for each in self.made.seen()], [1, 1])

    def test_age(self) -> None:
        """An event goes an hour after it happened last."""
        self.record("ChildLost", "It is gone.", "c1")
        self.made.advance(3500)
        self.assertEqual(len(self.made.seen()), 1)
        self.made.advance(101)
        self.record("ChildJoined", "It joined.", "c1")
        self.assertEqual([each.reason for each in self.made.seen()], ["ChildJoined"])

    def test_many_alike(self) -> None:
        """Of a reason that comes too often the first are told apart, and the rest is counted in one event that tells the last."""
        for number in range(200):
            self.record("ChildLost", "It is gone.", f"c{number}", warning=True)
        seen = list(self.made.seen())
        self.assertEqual([each.about for each in seen[:10]], [f"c{number}" for number in range(10)])
        self.assertEqual([(each.about, each.count, each.warning) for each in seen[10:]], [("here", 190, True)])
        self.assertIn("c199", seen[10].message)

    def test_number(self) -> None:
        """Of too many events the oldest go."""
        for number in range(30):
            self.record(f"Reason{number}", "It happened.")
            self.made.advance(1)
        self.assertEqual([each.reason for each in self.made.seen()], [f"Reason{number}" for number in range(10, 30)])

    def test_never_fails(self) -> None:
        """Whatever the texts are, nothing fails, and what is kept of them is bounded; no cluster's name is this controller."""
        for message in ("", "\udcff\x00", "x" * 10_000, "\N{GRINNING FACE}" * 3000):
            self.record("Strange", message, "../No Name\n")
        self.made.advance(1)
        seen = self.made.seen()
        self.assertEqual([each.about for each in seen], ["here"] * 4)
        self.assertLessEqual(max(len(each.message) for each in seen), 1024)
