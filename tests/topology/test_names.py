"""Tests of the grammar of names, tags, and labels."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import (
    MAX_LABELS,
    check_label_key,
    check_labels,
    check_tag,
    check_tags,
    parse_name,
)


class ClusterNameTests(SynchronousTestCase):
    """A cluster name is a DNS-1123 subdomain of at most 63 characters (F6)."""

    def test_good_names(self) -> None:
        """Lower-case letters, digits, dashes, and dots make names, and a name is given back as it is."""
        for name in ("a", "0", "bj-edge-1", "edge.bj.example", "a--b", "x" * 63):
            self.assertEqual(parse_name(name), name)

    def test_bad_names(self) -> None:
        """What breaks selectors, object names, or labels is refused."""
        for name in (
            "",
            "-a",
            "a-",
            ".a",
            "a.",
            "a..b",
            "a.-b",
            "A",
            "a_b",
            "a,b",
            "a*",
            "a b",
            " a",
            "a\n",
            "é",
            "^a$",
            "a/b",
            "x" * 64,
        ):
            self.assertRaises(InvalidName, parse_name, name)

    def test_the_rule_is_named(self) -> None:
        """The message says which rule the name breaks."""
        self.assertIn("empty", str(self.assertRaises(InvalidName, parse_name, "")))
        self.assertIn("64 characters", str(self.assertRaises(InvalidName, parse_name, "x" * 64)))
        self.assertIn("'Bad'", str(self.assertRaises(InvalidName, parse_name, "Bad")))

    def test_long_text_is_not_repeated(self) -> None:
        """The message about a huge name is short."""
        self.assertLess(len(str(self.assertRaises(InvalidName, parse_name, "x" * 100_000))), 200)

    @given(st.text())
    def test_any_text_is_a_name_or_refused(self, text: str) -> None:
        """Whatever the text is, nothing but the one error is raised."""
        try:
            self.assertEqual(parse_name(text), text)
        except InvalidName:
            pass


class TagTests(SynchronousTestCase):
    """A tag has the grammar of a Kubernetes label value and is not empty."""

    def test_good_tags(self) -> None:
        """Letters of both cases, digits, '-', '_' and '.' make tags."""
        for tag in ("camera", "v1.2", "A_b-C", "0"):
            self.assertEqual(check_tag(tag), tag)

    def test_bad_tags(self) -> None:
        """Anything else is refused."""
        for tag in ("", "-a", "a-", "a b", "a,b", "*", "é", "x" * 64):
            self.assertRaises(InvalidName, check_tag, tag)

    def test_tags_are_sorted_and_distinct(self) -> None:
        """Tags are a set; they are kept in order."""
        self.assertEqual(check_tags(["b", "a", "b"]), ("a", "b"))

    def test_number_of_tags_is_bounded(self) -> None:
        """One cluster cannot have any number of tags."""
        self.assertRaises(InvalidName, check_tags, [f"t{n}" for n in range(MAX_LABELS + 1)])


class LabelTests(SynchronousTestCase):
    """Labels have Kubernetes' grammar."""

    def test_good_labels(self) -> None:
        """Keys may have a DNS prefix, values may be empty."""
        labels = {"region": "north", "example.com/tier": "Edge_1", "empty": ""}
        self.assertEqual(check_labels(labels), labels)

    def test_the_given_mapping_is_copied(self) -> None:
        """A later change of what was given does not reach what was checked."""
        labels = {"a": "b"}
        checked = check_labels(labels)
        labels["a"] = "c"
        self.assertEqual(checked, {"a": "b"})

    def test_bad_keys(self) -> None:
        """A key without a name, with a bad prefix, or with other characters is refused."""
        for key in ("", "/", "a/", "/a", "A.com/a", "a/b/c", "-a", "a b", "x" * 64, "x" * 254 + "/a", "é"):
            self.assertRaises(InvalidName, check_label_key, key)

    def test_bad_values(self) -> None:
        """A value with other characters, or no text at all, is refused."""
        for value in ("-", "a b", "a,b", "x" * 64, "é"):
            self.assertRaises(InvalidName, check_labels, {"a": value})

    def test_wrong_types(self) -> None:
        """JSON of another shape is refused like any other fault."""
        for labels in ({"a": 1}, {1: "a"}, ["a"], None, {"a": None}):
            self.assertRaises(InvalidName, check_labels, labels)
        for name in (None, 1, ["a"]):
            self.assertRaises(InvalidName, parse_name, name)
            self.assertRaises(InvalidName, check_tag, name)

    def test_number_of_labels_is_bounded(self) -> None:
        """One cluster cannot have any number of labels."""
        self.assertRaises(InvalidName, check_labels, {f"k{n}": "" for n in range(MAX_LABELS + 1)})
