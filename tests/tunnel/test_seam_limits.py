"""``limit.message`` holds for cluster messages, in whatever pieces they travel."""

from __future__ import annotations

from attrs import evolve

from ote_twisted.tunnel.settings import KIB, CloudSettings
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import encode
from tests.tunnel.builders import TunnelTestCase

LIMIT = 256 * KIB


def message(size: int) -> bytes:
    """A cluster message of exactly that many bytes."""
    bare = len(encode(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.EdgeReport), Body=b"x" * size)))
    raw = encode(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.EdgeReport), Body=b"x" * (2 * size - bare)))
    assert len(raw) == size
    return raw


class MessageLimitTests(TunnelTestCase):
    """A parent with a limit."""

    cloud_settings = CloudSettings(max_message=LIMIT)

    def test_a_chunked_message_over_the_limit_costs_its_sender_the_link(self) -> None:
        """A message that travels in chunks is refused at the first one that announces too much, in words; others go on."""
        edge, sink = self.make_edge("big", delay_base=1000, delay_cap=1000)
        other, _ = self.make_edge("other")
        assert edge.link is not None
        edge.link.send(message(LIMIT + 1))
        self.network.advance(3)
        self.assertEqual((self.counters.malformed_messages, self.sink.messages), (1, []))
        self.assertIn(f"over the limit of {LIMIT}", str(sink.events[-1]))
        self.assertIsNotNone(other.link)

    def test_the_limit_itself_is_taken(self) -> None:
        """A message of exactly the limit arrives."""
        edge, _ = self.make_edge()
        assert edge.link is not None
        edge.link.send(message(LIMIT))
        self.network.advance(1)
        self.assertEqual([len(each) for each in self.sink.messages], [LIMIT])

    def test_what_nobody_would_take_is_not_sent(self) -> None:
        """A message over our own limit is counted and left out; what follows it arrives."""
        for subprotocols in (self.edge_settings.subprotocols, ()):
            self.edge_settings = evolve(self.edge_settings, subprotocols=subprotocols)
            edge, _ = self.make_edge(f"c{len(subprotocols)}", max_message=LIMIT, advertise=":1")
            assert edge.link is not None
            edge.link.send(message(LIMIT + 1))
            edge.link.send(message(100))
            self.network.advance(1)
            self.assertEqual((edge.counters.messages_refused, edge.counters.messages_sent, edge.link.queued_bytes), (1, 1, 0))
        self.assertEqual([len(each) for each in self.sink.messages], [100, 100])
