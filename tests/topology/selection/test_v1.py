"""Tests of selectors on the original's wire."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.topology.selection.v1 import from_v1, to_v1
from tests.topology.selection.naive import WORDS


def original_chooses(text: str, name: str) -> bool:
    """What the original does: any part, trimmed, found anywhere; what does not compile chooses nothing."""
    for part in text.split(","):
        try:
            if re.search(part.strip(), name):
                return True
        except re.error:
            continue
    return False


class ToV1Tests(SynchronousTestCase):
    """Towards an original peer a selection is a list of exact names (F2, F3)."""

    def test_names_are_anchored_and_quoted(self) -> None:
        """A dot is a dot, and nothing may stand before or behind a name."""
        self.assertEqual(to_v1(["a.b", "c-1"]), r"^a\.b$,^c-1$")

    @given(st.lists(st.sampled_from(WORDS), min_size=1, unique=True))
    def test_the_original_chooses_exactly_the_names(self, names: list[str]) -> None:
        """However similar other names are, the original takes the text for these alone."""
        text = to_v1(names)
        self.assertEqual([name for name in WORDS if original_chooses(text, name)], [name for name in WORDS if name in names])

    @given(st.lists(st.sampled_from(WORDS), min_size=1, unique=True))
    def test_it_is_read_back_without_an_expression(self, names: list[str]) -> None:
        """What we send an original, and get back from it, costs a look-up."""
        selector = from_v1(to_v1(names))
        self.assertEqual((selector.names, selector.searches), (frozenset(names), ()))


class FromV1Tests(SynchronousTestCase):
    """From an original peer a selector means what it means there."""

    def test_search_semantics(self) -> None:
        """Expressions are found anywhere in a name (T2)."""
        selector = from_v1("[0-9]{2}, d2")
        names = ["c1", "c123", "d2", "d234", "d34", "e"]
        self.assertEqual(selector.choose(names), ["c123", "d2", "d234", "d34"])
        self.assertEqual(from_v1("^c[0-9]+$,d2").choose(names), ["c1", "c123", "d2", "d234"])

    def test_empty_is_everything(self) -> None:
        """Empty text, and an empty part, are every cluster there."""
        for text in ("", "  ", "a,", ",", "a, ,b"):
            self.assertTrue(from_v1(text).everything)
            self.assertTrue(from_v1(text).matches("z"))

    def test_invalid_parts_are_reported(self) -> None:
        """A part that is no expression chooses nothing, is told, and spoils no other (F5)."""
        selector = from_v1("(,c1")
        self.assertEqual(selector.choose(["c1", "(", "x"]), ["c1"])
        self.assertEqual(len(selector.faults), 1)
        self.assertIn("missing )", selector.faults[0])

    def test_resolved_names_are_exact(self) -> None:
        """The names that an original parent resolved do not spread to similar ones below (F3)."""
        selector = from_v1("c1,a.b", resolved=True)
        self.assertEqual(selector.choose(["c1", "c10", "a.b", "axb"]), ["c1", "a.b"])

    def test_what_is_no_name_stays_an_expression(self) -> None:
        """A resolved selector with an expression in it is still followed."""
        self.assertEqual(from_v1("^c,d1", resolved=True).choose(["c1", "d1", "d10"]), ["c1", "d1"])

    def test_expressions_are_bounded(self) -> None:
        """A text full of expressions is followed up to a bound, and the rest is told."""
        selector = from_v1(",".join(f"x{{900}}{n}" for n in range(1000)))
        self.assertIn("left out", selector.faults[-1])
        self.assertTrue(selector.matches("x" * 900 + "0"))

    def test_a_thousand_names_are_one_search(self) -> None:
        """Plain words are looked for all at once (F1)."""
        selector = from_v1(",".join(f"edge-{n:04d}" for n in range(500)))
        self.assertEqual(len(selector.searches), 1)
        self.assertEqual(selector.choose(["my-edge-0499-x", "edge-0500"]), ["my-edge-0499-x"])

    @given(
        st.lists(st.sampled_from(("a", "b1", "^a", "b$", "a.b", "(", "a|b", " ab ", "[", "1{2}")), min_size=1, max_size=4).map(
            ",".join
        )
    )
    def test_agrees_with_the_original(self, text: str) -> None:
        """Each name is chosen if, and only if, the original would choose it."""
        selector = from_v1(text)
        self.assertEqual(selector.choose(WORDS), [name for name in WORDS if original_chooses(text, name)])

    @given(st.text(max_size=60), st.booleans())
    def test_any_text_is_taken(self, text: str, resolved: bool) -> None:
        """Whatever the text, nothing is raised."""
        from_v1(text, resolved).choose(WORDS)
