"""Links: batches, back-pressure, acknowledgements, priorities."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.interfaces import ILink
from ote_twisted.testing.contracts.link import LinkHarness, make_link_tests
from ote_twisted.testing.pump import MemoryNetwork
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.tunnel.address import parse_parent
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.settings import KIB, MIB, CloudSettings, EdgeSettings
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage
from tests.tunnel.builders import Edge, TunnelTestCase, frame

HIGH, HARD = 256 * KIB, 2 * MIB


def harness(case: SynchronousTestCase, side: str, subprotocols: tuple[str, ...]) -> LinkHarness:
    """Both sides joined; the link of one of them."""
    network = MemoryNetwork()
    up, down = RecordingSink(), RecordingSink()
    bounds = {"high_water": HIGH, "low_water": 64 * KIB, "hard_bound": HARD}
    cloud = CloudTunnel(network.server_endpoint("root", 8287), up, CloudSettings(**bounds), network.clock)  # type: ignore[arg-type]
    settings = EdgeSettings(subprotocols=subprotocols, **bounds)  # type: ignore[arg-type]
    still = FailoverSettings(delay_base=1000, delay_cap=1000)
    edge = Edge("c1", [parse_parent("root")], down, settings, network.clock, network.dialler("c1"), 0.9, still)
    cloud.startService()
    edge.startService()
    network.flush()
    near, far = (up, down) if side == "cloud" else (down, up)

    def settle() -> None:
        network.flush()

    def stop() -> None:
        for link in far.links:
            link.resume_reading()
        network.flush()
        stopped = [edge.stopService(), cloud.stopService()]
        network.advance(5)
        for deferred in stopped:
            case.successResultOf(deferred)
        case.assertEqual(network.clock.getDelayedCalls(), [])

    case.addCleanup(stop)
    return LinkHarness(
        near.links[0], near, far, settle, network.advance,
        lambda: far.links[0].pause_reading(), lambda: far.links[0].resume_reading(), HIGH, HARD,
    )  # fmt: skip


class CloudV1LinkContractTests(make_link_tests(lambda case: harness(case, "cloud", ()))):  # type: ignore[misc]
    """The parent's end of an ote.v1 link."""


class EdgeV1LinkContractTests(make_link_tests(lambda case: harness(case, "edge", ()))):  # type: ignore[misc]
    """The child's end of an ote.v1 link."""


class CloudV2LinkContractTests(make_link_tests(lambda case: harness(case, "cloud", ("ote.v2",)))):  # type: ignore[misc]
    """The parent's end of an ote.v2 link."""


class EdgeV2LinkContractTests(make_link_tests(lambda case: harness(case, "edge", ("ote.v2",)))):  # type: ignore[misc]
    """The child's end of an ote.v2 link."""


class BatchingTests(TunnelTestCase):
    """One write per turn."""

    def test_a_turn_is_one_frame_in_v2(self) -> None:
        """All messages of one turn leave in one websocket message, and arrive in one call."""
        _, sink = self.make_edge("c1")
        self.counters.bytes_received = 0
        for number in range(50):
            sink.links[0].send(b"%d" % number)
        self.network.flush()
        self.assertEqual(self.sink.names(), ["opened", "messages"])
        self.assertEqual((self.counters.messages_received, len(self.sink.messages)), (50, 50))

    def test_a_turn_is_one_write_in_v1(self) -> None:
        """In ote.v1 each message is a frame, but a turn is one write."""
        peer = self.joined_child()
        transport = self.network.connections[0][1]
        writes: list[bytes] = []
        self.patch(transport, "write", writes.append)
        for number in range(3):
            self.sink.links[0].send(b"%d" % number)
        self.network.flush()
        self.assertEqual(writes, [b"\x82\x010\x82\x011\x82\x012"])
        self.assertEqual(peer.received, b"")

    def test_many_links_share_one_timer(self) -> None:
        """However many links queue in a turn, one call flushes them; thousands are flushed in slices."""
        for number in range(3):
            self.make_edge(f"c{number}")
        before = len(self.clock.getDelayedCalls())
        for link in self.sink.links:
            link.send(b"x")
            link.send(b"y")
        self.assertEqual(len(self.clock.getDelayedCalls()), before + 1)


class AcknowledgementTests(TunnelTestCase):
    """What was received is acknowledged even where nothing is sent back."""

    def acknowledged(self) -> int:
        """What the child has learnt to be received."""
        link = self._edges[0].link
        assert link is not None
        return getattr(link._writer, "acknowledged", 0)

    def test_after_many_messages(self) -> None:
        """After 1024 messages an acknowledgement is sent alone."""
        _, sink = self.make_edge("c1")
        for _ in range(1023):
            sink.links[0].send(b"x")
        self.network.flush()
        self.assertEqual(self.acknowledged(), 0)
        sink.links[0].send(b"x")
        self.network.flush()
        self.assertEqual(self.acknowledged(), 1024)

    def test_when_idle(self) -> None:
        """When the link is idle what was received is acknowledged with a ping."""
        edge, sink = self.make_edge("c1")
        self.sink.links[0].send(b"x")
        sink.links[0].send(b"x")
        self.network.advance(6)
        self.assertTrue(edge.counters.pings_sent)
        self.assertEqual(getattr(self.factory.links["c1"]._writer, "acknowledged", 0), 1)


class PriorityTests(TunnelTestCase):
    """Nothing small waits behind something large."""

    def test_messages_overtake_chunks(self) -> None:
        """A message sent after a long one of another flow arrives before it."""
        long = ClusterMessage(Body=b"x" * (4 * MIB))
        long.Head.ClusterName = "a"
        short = ClusterMessage(Body=b"y")
        short.Head.ClusterName = "b"
        _, sink = self.make_edge("c1")
        sink.links[0].send(long.SerializeToString())
        self.network.clock.advance(0)
        sink.links[0].send(short.SerializeToString())
        self.network.flush()
        self.assertEqual([len(message) < 100 for message in self.sink.messages], [True, False])

    def test_ping_does_not_wait_for_the_queue(self) -> None:
        """With megabytes queued no more than about one write lies before a ping."""
        peer = self.joined_child()
        transport = self.network.connections[0][0]
        transport.pauseProducing()
        link = self.sink.links[0]
        for _ in range(20):
            link.send(b"x" * 40 * KIB)
        self.network.flush()
        self.assertTrue(self.network.connections[0][1].buffered < 200 * KIB)
        self.assertTrue(link.queued_bytes > 700 * KIB)
        self.factory.links["c1"].probe()
        transport.resumeProducing()
        self.network._step()
        self.assertIn(b"\x89\x00", peer.received)

    def test_congested_link_stays_alive(self) -> None:
        """A peer that reads slowly but answers is not dead."""
        self.edge_settings = evolve(self.edge_settings)
        _, sink = self.make_edge("c1")
        sink.links[0].pause_reading()
        self.sink.links[0].send(b"x" * MIB)
        for _ in range(10):
            self.network.advance(4)
            sink.links[0].resume_reading()
            self.network.flush()
            sink.links[0].pause_reading()
        sink.links[0].resume_reading()
        self.assertNotIn("lost", sink.names())


class FailingSinkTests(TunnelTestCase):
    """What the receiver breaks is its own fault."""

    def test_fault_in_the_sink_keeps_the_link(self) -> None:
        """A sink that raises is logged and counted; the link lives and later messages arrive."""
        peer = self.joined_child()
        original = self.sink.messages_received

        def explode(link: ILink, messages: Sequence[bytes]) -> None:
            self.patch(self.sink, "messages_received", original)
            raise ZeroDivisionError

        self.patch(self.sink, "messages_received", explode)
        self.say(peer, frame(b"one"))
        self.say(peer, frame(b"two"))
        self.assertEqual(self.sink.messages, [b"two"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.counters.sink_failures, 1)

    def test_sink_may_close_while_it_receives(self) -> None:
        """A sink may close the link that just delivered to it."""
        peer = self.joined_child()

        def close(link: ILink, messages: Sequence[bytes]) -> None:
            link.close(4000, "not you")

        self.patch(self.sink, "messages_received", close)
        self.say(peer, frame(b"one") + frame(b"two"))
        self.assertIn(b"not you", peer.received)
