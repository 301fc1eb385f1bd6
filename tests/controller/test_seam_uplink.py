"""What waited for a parent goes to it at the pace at which it reads."""

from __future__ import annotations

from collections.abc import Sequence

from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import edge_report
from ote_twisted.wire.notices import encode_received
from tests.controller.building import ControllerTestCase, answer_to, commands, request

REPORT = b"r" * 10_000


class ReleaseTests(ControllerTestCase):
    """A link of 64 KiB at a time, closed at a megabyte, and two megabytes that wait for it."""

    def setUp(self) -> None:
        """Produce without a parent."""
        super().setUp()
        for _ in range(200):
            self.controller.shim_report(REPORT)

    def open(self) -> MemoryLink:
        """A parent comes."""
        return MemoryLink("", self.controller, is_parent=True).open()

    def test_no_more_than_the_link_takes(self) -> None:
        """What waited is not poured into a new link, which would be closed as that of a slow reader: it follows as it is read."""
        parent = self.open()
        self.assertEqual((parent.ended, parent.congested), ("", True))
        self.assertLess(parent.queued_bytes, 100_000)
        while parent.move():
            pass
        self.assertEqual((parent.ended, self.controller.outbox.congested), ("", False))
        self.assertEqual(commands(parent.take())[1:], [pb.EdgeReport] * 200)

    def test_order_is_kept(self) -> None:
        """What comes while something still waits goes behind it."""
        parent = self.open()
        self.controller.shim_report(b"last")
        while parent.move():
            pass
        self.assertEqual([message.Body for message in parent.take()][-2:], [REPORT, b"last"])

    def test_children_wait_until_all_is_gone(self) -> None:
        """A child that sends up meanwhile is paused until what waited is gone, not only until the link drained once."""
        parent, child = self.open(), self.child("a")
        child.receive(answer_to(request("a"), "a"))
        moves = 0
        while not child.reading:
            self.assertTrue(parent.move())
            moves += 1
        self.assertGreater(moves, 10)
        self.assertEqual((len(self.controller.uplink), self.controller.outbox.congested), (0, False))
        self.assertEqual(commands(parent.take()).count(pb.ControlResp), 1)

    def test_a_parent_that_goes_again(self) -> None:
        """What a link took is sent to the next one again, unless it was confirmed, and then the rest, in order, once each."""
        parent = self.open()
        parent.move()
        taken = parent.take()[1:]
        first = int(taken[0].Head.Uid.rpartition("-")[2])
        self.confirm(parent, taken[:3])
        parent.end("lost")
        parent = self.open()
        while parent.move():
            pass
        again = [message.Head.Uid for message in parent.take()[1:]]
        self.assertEqual(again, [f"report:uid-{number}" for number in range(first + 3, first + 200)])

    def confirm(self, parent: MemoryLink, messages: Sequence[pb.ClusterMessage]) -> None:
        """The root has them."""
        head = pb.MessageHead(Command=pb.Received, Targets=["north"], HopLimit=9)
        parent.receive(pb.ClusterMessage(Head=head, Body=encode_received([message.Head.Uid for message in messages])))

    def test_the_bound_holds_meanwhile(self) -> None:
        """While a parent reads nothing the newest are kept, within the bound, and the rest is counted."""
        self.controller.outbox._limit = 3_000_000
        self.open()
        for _ in range(300):
            self.controller.shim_report(REPORT)
        self.assertLessEqual(self.controller.outbox.bytes, 3_000_000)
        self.assertGreater(self.controller.outbox.dropped, 100)
        self.assertLess(len(edge_report("north", REPORT)), 10_100)
