"""What every :class:`~ote_twisted.interfaces.ILink` keeps, as tests. Give the factory a way to make yours::

class MyLinkContractTests(make_link_tests(lambda case: LinkHarness(…))):
    \"\"\"My links.\"\"\"
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.interfaces import ILink
from ote_twisted.testing.recording import RecordingSink


@frozen
class LinkHarness:
    """A link to be tested and the world round it.

    :ivar link: just opened.
    :ivar sink: who was told of it.
    :ivar far: the sink of the other end, which has one link open.
    :ivar settle: lets everything that can happen now happen.
    :ivar wait: lets so many seconds pass.
    :ivar stall: the other end takes no bytes from here on.
    :ivar unstall: it takes them again.
    :ivar high_water: bytes from which the link is congested.
    :ivar hard_bound: bytes above which it is closed.
    """

    link: ILink
    sink: RecordingSink
    far: RecordingSink
    settle: Callable[[], None]
    wait: Callable[[float], None]
    stall: Callable[[], None]
    unstall: Callable[[], None]
    high_water: int
    hard_bound: int


class LinkContract(SynchronousTestCase):
    """The tests; mixed into a test case whose ``setUp`` makes ``harness``, ``link``, ``sink`` and ``far``."""

    harness: LinkHarness
    link: ILink
    sink: RecordingSink
    far: RecordingSink

    def test_provides_the_interface(self) -> None:
        """The link has every attribute and method of ILink."""
        verifyObject(ILink, self.link)

    def test_is_announced_first(self) -> None:
        """The sink is told of the link once, before anything else of it."""
        self.assertEqual(self.sink.events, [("opened", self.link)])

    def test_messages_arrive_in_order(self) -> None:
        """Messages of one turn and of the next arrive in the order sent, whatever their sizes."""
        sent = [b"a", b"", b"b" * 300, b"c" * 5000, b"d"]
        for message in sent[:3]:
            self.link.send(message)
        self.harness.settle()
        for message in sent[3:]:
            self.link.send(message)
        self.harness.settle()
        self.assertEqual(self.far.messages, sent)

    def test_long_messages_arrive(self) -> None:
        """A message longer than any frame of ours arrives unchanged."""
        message = bytes(range(256)) * 2000
        self.link.send(message)
        self.harness.settle()
        self.assertEqual(self.far.messages, [message])

    def test_nothing_leaves_within_the_turn(self) -> None:
        """What is sent is queued until the turn ends."""
        self.link.send(b"x" * 100)
        self.assertEqual((self.far.messages, self.link.queued_bytes), ([], 100))
        self.harness.settle()
        self.assertEqual((self.far.messages, self.link.queued_bytes), ([b"x" * 100], 0))

    def test_congestion_is_told_and_ends(self) -> None:
        """Above high water the link is congested; when the peer takes its bytes the sink hears once that it is drained."""
        self.harness.stall()
        while not self.link.congested:
            self.assertTrue(self.link.queued_bytes <= self.harness.high_water)
            self.link.send(b"x" * 50_000)
        self.harness.settle()
        self.assertTrue(self.link.congested)
        self.assertNotIn("drained", self.sink.names())
        self.harness.unstall()
        self.harness.settle()
        self.assertFalse(self.link.congested)
        self.assertEqual(self.sink.names(), ["opened", "drained"])
        self.assertEqual(self.link.queued_bytes, 0)

    def test_slow_reader_is_closed(self) -> None:
        """Above the hard bound the link is closed, and every later message is dropped without failing."""
        self.harness.stall()
        sent = 0
        while sent <= self.harness.hard_bound + 50_000:
            self.link.send(b"x" * 50_000)
            sent += 50_000
        self.harness.settle()
        self.assertEqual(self.sink.names()[-1], "lost")
        self.assertIn("slow reader", str(self.sink.events[-1][2]))
        self.link.send(b"late")

    def test_paused_reading_delivers_nothing(self) -> None:
        """While reading is paused no message is delivered; afterwards all are. Both calls may be repeated."""
        for _ in range(2):
            self.link.pause_reading()
        for number in range(3):
            self.far.links[0].send(b"%d" % number)
        self.harness.settle()
        self.assertEqual(self.sink.messages, [])
        for _ in range(2):
            self.link.resume_reading()
        self.harness.settle()
        self.assertEqual(self.sink.messages, [b"0", b"1", b"2"])

    def test_close_is_told_at_both_ends_once(self) -> None:
        """Closing sends what is queued, tells both ends once, and may be repeated."""
        self.link.send(b"last")
        self.link.close(4000, "that is all")
        self.link.close(4001, "again")
        self.harness.settle()
        self.assertEqual(self.far.messages, [b"last"])
        self.assertEqual((self.sink.names(), self.far.names()), (["opened", "lost"], ["opened", "messages", "lost"]))
        self.assertIn("that is all", str(self.far.events[-1][2]))

    def test_everything_may_be_called_after_the_end(self) -> None:
        """A lost link takes every call and does nothing."""
        self.link.close(1000, "")
        self.harness.settle()
        events = list(self.sink.events)
        self.link.send(b"late")
        self.link.pause_reading()
        self.link.resume_reading()
        self.link.close(1000, "")
        self.harness.settle()
        self.assertEqual((self.sink.events, self.link.queued_bytes), (events, 0))

    def test_close_works_while_reading_is_paused(self) -> None:
        """A link whose reading is paused can be closed."""
        self.link.pause_reading()
        self.link.close(1000, "enough")
        self.harness.wait(5)
        self.assertEqual(self.sink.names(), ["opened", "lost"])


def make_link_tests(make: Callable[[SynchronousTestCase], LinkHarness]) -> type[SynchronousTestCase]:
    """A test case for links.

    :param make: called for each test; may use the case's ``addCleanup``.
    """

    class LinkContractTests(LinkContract):
        """The contract of ILink, kept by the links of ``make``."""

        def setUp(self) -> None:
            """One open link."""
            self.harness = make(self)
            self.link = self.harness.link
            self.sink = self.harness.sink
            self.far = self.harness.far

    return LinkContractTests
