"""Bodies as they are shown in JSON."""

from __future__ import annotations

from base64 import b64decode

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.bodies import BASE64, cut, fair_limit, show


class ShowTests(SynchronousTestCase):
    """From bytes to text."""

    def test_text_is_text(self):
        """UTF-8 is shown as it is, without an encoding."""
        self.assertEqual((show("grün".encode()).text, show(b"").encoding), ("grün", ""))

    def test_other_bytes_are_base64(self):
        """What is no UTF-8 is shown as base64, and says so."""
        shown = show(b"\xff\x00\x01")
        self.assertEqual((b64decode(shown.text), shown.encoding), (b"\xff\x00\x01", BASE64))

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=300), st.integers(0, 400))
    def test_cut_fits(self, body, limit):
        """A cut body fits its limit, is a beginning of the body, and is marked if and only if it was cut."""
        shown = show(body)
        short = cut(shown, limit)
        self.assertTrue(shown.text.startswith(short.text))
        self.assertEqual(short.size, len(orjson.dumps(short.text)))
        self.assertTrue(short.size <= max(2, limit))
        self.assertEqual(short.truncated, short.text != shown.text or shown.size > limit)

    @given(st.binary(min_size=30, max_size=90).filter(lambda body: show(body).encoding), st.integers(2, 40))
    def test_cut_base64_can_be_decoded(self, body, limit):
        """The beginning of a base64 body is the base64 of the body's beginning."""
        self.assertTrue(body.startswith(b64decode(cut(show(body), limit).text, validate=True)))

    def test_escapes_count(self):
        """A body of control characters is measured by its escapes."""
        self.assertEqual(cut(show(b"\x00" * 100), 62).text, "\0" * 10)


class FairLimitTests(SynchronousTestCase):
    """How room is shared."""

    def test_everything_fits(self):
        """Where there is room enough nothing is cut."""
        self.assertEqual(fair_limit([1, 5, 3], 9), 5)

    def test_small_ones_stay_whole(self):
        """Small bodies stay whole, large ones share what they leave."""
        self.assertEqual(fair_limit([10, 1000, 2000], 210), 100)

    @given(st.lists(st.integers(0, 1000), max_size=30), st.integers(0, 20_000))
    def test_limited_sizes_fit(self, sizes, room):
        """The limit makes the sum fit."""
        limit = fair_limit(sizes, room)
        self.assertTrue(sum(min(size, limit) for size in sizes) <= room)
