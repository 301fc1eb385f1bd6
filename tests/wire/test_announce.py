"""Tests of :mod:`ote_twisted.wire.announce`."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire import bodies
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, decode_announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, combine, entry_digest, subtree_digest
from ote_twisted.wire.notices import (
    Ancestry,
    Refusal,
    Undeliverable,
    decode_ancestry,
    decode_neighbourhood,
    decode_received,
    decode_refusal,
    decode_undeliverable,
    encode_ancestry,
    encode_refusal,
    encode_undeliverable,
)
from tests.wire.strategies import announcements, entries, entry_lists, mutations, names, texts

KNOWN_DIGEST = 0x9C12DCFE14FDCF23
DECODERS = (
    decode_announcement, decode_ancestry, decode_undeliverable, decode_refusal, decode_neighbourhood, decode_received,
)  # fmt: skip


class DigestTests(SynchronousTestCase):
    """The digest stands for a set of entries."""

    def test_known_value(self) -> None:
        """The digest is the one of docs/wire.md; another program computes the same."""
        entry = ClusterEntry(
            "c1", "root", "10.0.0.1:8287", {"tier": "site", "region": "north"}, ("gpu", "camera"), True, "Fab 1", "1.0", epoch=7
        )
        self.assertEqual(entry_digest(entry), KNOWN_DIGEST)

    @given(entry_lists, st.randoms(use_true_random=False))
    def test_order_does_not_matter(self, present: list[ClusterEntry], random: object) -> None:
        """The entries of a subtree have one digest in any order, and it is below 2**64."""
        digest = subtree_digest(present)
        random.shuffle(present)  # type: ignore[attr-defined]
        self.assertEqual(subtree_digest(present), digest)
        self.assertTrue(0 <= digest < 1 << 64)

    @given(entry_lists, entries, entries)
    def test_maintained_by_change(self, kept: list[ClusterEntry], old: ClusterEntry, new: ClusterEntry) -> None:
        """Adding and removing one entry's digest gives what the whole set would."""
        before = subtree_digest([*kept, old])
        after = combine(before, add=entry_digest(new), remove=entry_digest(old))
        self.assertEqual(after, subtree_digest([*kept, new]))

    @given(entries, entries)
    def test_tells_entries_apart(self, one: ClusterEntry, other: ClusterEntry) -> None:
        """Two entries have the same digest exactly when they are equal."""
        self.assertEqual(entry_digest(one) == entry_digest(other), one == other)

    def test_fields_do_not_run_together(self) -> None:
        """Text that moves from one field into the next changes the digest."""
        self.assertNotEqual(entry_digest(ClusterEntry("a", "bc")), entry_digest(ClusterEntry("ab", "c")))
        self.assertNotEqual(entry_digest(ClusterEntry("a", tags=("x",))), entry_digest(ClusterEntry("a", labels={"x": ""})))

    def test_order_of_labels_and_tags_does_not_matter(self) -> None:
        """Labels and tags are sets."""
        one = ClusterEntry("a", labels={"x": "1", "y": "2"}, tags=("t", "u", "t"))
        other = ClusterEntry("a", labels={"y": "2", "x": "1"}, tags=("u", "t"))
        self.assertEqual(entry_digest(one), entry_digest(other))
        self.assertEqual(one, other)

    def test_text_without_utf8_form(self) -> None:
        """Half a surrogate pair has no digest."""
        self.assertRaises(MalformedMessage, entry_digest, ClusterEntry("\ud800"))


class BodyTests(SynchronousTestCase):
    """Bodies of the route commands of ``ote.v2``."""

    @given(announcements)
    def test_announcement(self, announcement: Announcement) -> None:
        """An announcement arrives as it was sent."""
        self.assertEqual(decode_announcement(encode_announcement(announcement)), announcement)

    @given(st.builds(Ancestry, st.lists(names, min_size=1, max_size=64).map(tuple), st.booleans()))
    def test_ancestry(self, ancestry: Ancestry) -> None:
        """The way up arrives as it was sent."""
        self.assertEqual(decode_ancestry(encode_ancestry(ancestry)), ancestry)

    @given(st.builds(Undeliverable, st.lists(names).map(tuple), texts, names))
    def test_undeliverable(self, undeliverable: Undeliverable) -> None:
        """A refusal of delivery arrives as it was sent."""
        self.assertEqual(decode_undeliverable(encode_undeliverable(undeliverable)), undeliverable)

    @given(st.builds(Refusal, names, texts))
    def test_refusal(self, refusal: Refusal) -> None:
        """A refusal of a claim arrives as it was sent."""
        self.assertEqual(decode_refusal(encode_refusal(refusal)), refusal)

    def test_same_announcement_same_bytes(self) -> None:
        """Equal announcements are equal bytes, so that they can be compared without decoding."""
        one = Announcement(present=(ClusterEntry("a", labels={"x": "1", "y": "2"}),))
        other = Announcement(present=(ClusterEntry("a", labels={"y": "2", "x": "1"}),))
        self.assertEqual(encode_announcement(one), encode_announcement(other))

    def test_text_without_utf8_form(self) -> None:
        """Half a surrogate pair cannot be sent."""
        self.assertRaises(MalformedMessage, encode_refusal, Refusal("a", "\ud800"))


class BoundsTests(SynchronousTestCase):
    """Announcements of a hostile child."""

    def assert_malformed(self, decode: Callable[[bytes], object], body: object, text: str) -> None:
        """``decode`` refuses the encoded ``body`` with ``text``."""
        fault = self.assertRaises(MalformedMessage, decode, body.SerializeToString())  # type: ignore[attr-defined]
        self.assertIn(text, str(fault))

    def test_many_entries(self) -> None:
        """Too many entries are refused before any is built."""
        self.patch(bodies, "NAMES_LIMIT", 2)
        body = pb.RawAnnouncement(Present=[b"\xff"] * 3)
        self.assert_malformed(decode_announcement, body, "Announcement.Present: 3 clusters are over the limit of 2")
        self.assert_malformed(decode_announcement, pb.Announcement(Absent="abc"), "Announcement.Absent: 3 clusters")
        self.assert_malformed(decode_undeliverable, pb.UndeliverableBody(Targets="abc"), "Undeliverable.Targets")

    def test_long_entry(self) -> None:
        """An entry with more text than an entry may have is refused before it is built."""
        body = pb.Announcement(Present=[pb.ClusterEntry(Name="a"), pb.ClusterEntry(Name="b", Tags=["x" * 20_000])])
        self.assert_malformed(decode_announcement, body, "Announcement.Present[1]: 20")

    def test_long_body(self) -> None:
        """A body over the limit is refused."""
        self.patch(bodies, "ANNOUNCEMENT_LIMIT", 5)
        self.assert_malformed(decode_refusal, pb.RefusalBody(Reason="too long"), "over the limit of 5")

    def test_undecodable_entry(self) -> None:
        """An entry that is no protobuf is named by its place."""
        self.assert_malformed(decode_announcement, pb.RawAnnouncement(Present=[b"\xff"]), "Announcement.Present[0]: ")

    def test_entry_without_name(self) -> None:
        """An entry has a name."""
        body = pb.Announcement(Present=[pb.ClusterEntry(Parent="a")])
        self.assert_malformed(decode_announcement, body, "Announcement.Present[0].Name: missing")

    def test_twice_the_same_name(self) -> None:
        """A cluster is either present or absent, and once."""
        entry = pb.ClusterEntry(Name="a")
        for body in (
            pb.Announcement(Present=[entry, entry]),
            pb.Announcement(Present=[entry], Absent=["a"]),
            pb.Announcement(Absent=["a", "a"]),
        ):
            self.assert_malformed(decode_announcement, body, "a cluster is named twice")

    def test_length_of_path(self) -> None:
        """A way up has from one to 64 names."""
        self.assert_malformed(decode_ancestry, pb.AncestryBody(), "Ancestry.Path: 0 names")
        self.assert_malformed(decode_ancestry, pb.AncestryBody(Path=["a"] * 65), "Ancestry.Path: 65 names")

    @given(st.one_of(st.binary(max_size=40), mutations(announcements.map(encode_announcement))))
    def test_any_bytes(self, raw: bytes) -> None:
        """Any bytes are a body or malformed."""
        for decode in DECODERS:
            try:
                decode(raw)
            except MalformedMessage:
                continue
