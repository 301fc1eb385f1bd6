"""Tests of :mod:`ote_twisted.wire.notices`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.notices import (
    Ancestry,
    Neighbour,
    Neighbourhood,
    decode_ancestry,
    decode_neighbourhood,
    decode_received,
    decode_refusal,
    encode_ancestry,
    encode_neighbourhood,
    encode_received,
)
from tests.wire.strategies import texts

neighbours = st.lists(st.builds(Neighbour, texts, texts), max_size=4).map(tuple)


class NoticeTests(SynchronousTestCase):
    """The smaller commands."""

    @given(st.builds(Neighbourhood, neighbours, neighbours))
    def test_neighbourhood_round_trip(self, neighbourhood: Neighbourhood) -> None:
        """A neighbourhood is read as it was written."""
        self.assertEqual(decode_neighbourhood(encode_neighbourhood(neighbourhood)), neighbourhood)

    @given(st.lists(texts, max_size=5))
    def test_received_round_trip(self, uids: list[str]) -> None:
        """The uids of answers that arrived are read as they were written."""
        self.assertEqual(decode_received(encode_received(uids)), tuple(uids))

    @given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5), st.booleans(), st.booleans())
    def test_ancestry_round_trip(self, way: list[tuple[str, str]], rooted: bool, told: bool) -> None:
        """The way to the root is read as it was written, with addresses or without."""
        names, listens = zip(*way, strict=True)
        ancestry = Ancestry(names, rooted, listens if told else ())
        self.assertEqual(decode_ancestry(encode_ancestry(ancestry)), ancestry)

    def test_addresses_that_do_not_fit_the_names(self) -> None:
        """A way with more addresses than names is refused."""
        body = pb.AncestryBody(Path=["a"], Listens=["a:1", "b:1"])
        fault = self.assertRaises(MalformedMessage, decode_ancestry, body.SerializeToString())
        self.assertIn("Ancestry.Listens: 2 addresses for 1 names", str(fault))

    def test_long_ones(self) -> None:
        """What a parent tells of the tree, and is passed on and kept, is short."""
        long = "x" * 128 * 1024
        for decode, body in (
            (decode_ancestry, pb.AncestryBody(Path=[long])),
            (decode_neighbourhood, pb.NeighbourhoodBody(Siblings=[pb.Neighbour(Name=long)])),
            (decode_refusal, pb.RefusalBody(Name="a", Reason=long)),
        ):
            fault = self.assertRaises(MalformedMessage, decode, body.SerializeToString())
            self.assertIn("are over the limit of 131072", str(fault))

    def test_too_many_neighbours(self) -> None:
        """A parent names a bounded number of neighbours."""
        body = pb.NeighbourhoodBody(Siblings=[pb.Neighbour(Name="a")] * 65)
        fault = self.assertRaises(MalformedMessage, decode_neighbourhood, body.SerializeToString())
        self.assertIn("Neighbourhood.Siblings: 65 are over the limit of 64", str(fault))
