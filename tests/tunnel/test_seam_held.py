"""A peer that is not read for a while is not dead, and does not think so of us."""

from __future__ import annotations

from tests.tunnel.builders import TunnelTestCase, frame


class HeldTests(TunnelTestCase):
    """Back-pressure that lasts longer than a dead peer would."""

    def test_a_child_that_is_paused_stays(self) -> None:
        """A child that its parent does not read for minutes hears from it all the same, and keeps its link."""
        for subprotocols in (self.edge_settings.subprotocols, ()):
            edge, sink = self.make_edge(f"c{len(subprotocols)}", subprotocols=subprotocols, advertise=":1")
            link = self.factory.links[f"c{len(subprotocols)}"]
            link.pause_reading()
            self.network.advance(120)
            self.assertEqual(sink.names(), ["opened"])
            assert edge.link is not None
            edge.link.send(b"")
            link.resume_reading()
            self.network.advance(60)
            self.assertEqual((sink.names(), self.counters.peers_dead), (["opened"], 0))

    def test_a_parent_that_is_paused_stays(self) -> None:
        """The same the other way round."""
        edge, sink = self.make_edge()
        assert edge.link is not None
        edge.link.pause_reading()
        self.network.advance(120)
        self.assertEqual((sink.names(), "c1" in self.factory.links), (["opened"], True))
        edge.link.resume_reading()
        self.network.advance(60)
        self.assertEqual(edge.counters.peers_dead, 0)

    def test_a_dead_child_is_found_once_it_is_read_again(self) -> None:
        """Silence counts from the moment in which a peer is read again."""
        self.make_edge()
        link = self.factory.links["c1"]
        link.pause_reading()
        self.network.advance(30)
        self.network.partition("c1")
        self.network.advance(30)
        link.resume_reading()
        self.network.advance(14)
        self.assertIn("c1", self.factory.links)
        self.network.advance(2)
        self.assertNotIn("c1", self.factory.links)

    def test_an_original_is_pinged_while_it_is_paused(self) -> None:
        """An original that is paused gets a ping at each interval, which it does not need to answer."""
        peer = self.joined_child()
        self.factory.links["c1"].pause_reading()
        self.network.advance(16)
        self.assertEqual(peer.take(), frame(b"", 9, mask=None) * 3)
