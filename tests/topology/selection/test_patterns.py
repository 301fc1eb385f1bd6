"""Tests of shell patterns and regular expressions."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.topology.selection.patterns import Glob
from ote_twisted.topology.selection.regexes import check_regex, compile_any, compile_regex, required_runs
from ote_twisted.topology.selection.terms import Search
from tests.topology.selection.naive import WORDS, globs, searches


class GlobTests(SynchronousTestCase):
    """A shell pattern means what a shell means by it."""

    @given(globs, st.sampled_from(WORDS) | st.text(alphabet="ab1-.", max_size=8))
    def test_matches_as_a_shell_does(self, glob: Glob, text: str) -> None:
        """The compiled pattern agrees with the standard library."""
        self.assertEqual(bool(glob.matches(text)), fnmatchcase(text, glob.text))

    @given(globs, st.text(alphabet="ab1-.", max_size=8))
    def test_runs_and_prefix_are_in_every_match(self, glob: Glob, text: str) -> None:
        """What an index relies on is true of each match."""
        if glob.matches(text):
            self.assertTrue(text.startswith(glob.prefix))
            self.assertTrue(all(run in text + "$" for run in glob.runs))

    @given(globs, st.text(alphabet="ab1-.", max_size=6), st.text(alphabet="ab1-.", max_size=3))
    def test_what_follows_an_open_pattern_does_not_matter(self, glob: Glob, text: str, rest: str) -> None:
        """A match of an open pattern stays one, whatever comes behind it."""
        if glob.is_open and glob.matches(text):
            self.assertTrue(glob.matches(text + rest))

    def test_the_whole_text_is_matched(self) -> None:
        """A pattern covers a name from end to end."""
        self.assertFalse(Glob("edge-?").matches("edge-10"))
        self.assertFalse(Glob("edge-?").matches("my-edge-1"))
        self.assertFalse(Glob("edge-?").matches("edge-1\n"))

    def test_many_stars_do_not_multiply(self) -> None:
        """A pattern made to be tried in all ways is tried in one."""
        self.assertFalse(Glob("*a" * 100 + "*b").matches("a" * 5000))


class RegexTests(SynchronousTestCase):
    """Regular expressions are RE2's, searched for anywhere."""

    def test_search(self) -> None:
        """An expression is found anywhere unless it is anchored."""
        found = compile_regex("b1$")
        self.assertTrue(found("ab1"))
        self.assertFalse(found("ab10"))

    @given(searches, st.text(alphabet="ab1-.", max_size=6), st.text(alphabet="ab1-.", max_size=3))
    def test_what_follows_an_open_expression_does_not_matter(self, search: Search, text: str, rest: str) -> None:
        """Where an open expression is found it is found whatever comes behind."""
        if search.is_open and search.matches(text):
            self.assertTrue(search.matches(text + rest))

    def test_ends_and_bounds_look_ahead(self) -> None:
        """An expression that asks for an end or the bound of a word is not open."""
        for text in ("a$", r"a\b", r"a\B", r"a\z", r"(?m)a$|b"):
            self.assertFalse(Search(text).is_open, text)
        self.assertTrue(Search(r"^a.*[0-9]+\.(b|c)?").is_open)

    @given(st.text(alphabet="ab.", min_size=1, max_size=3), st.text(alphabet="ab.", max_size=6))
    def test_a_literal_is_found_where_it_stands(self, text: str, name: str) -> None:
        """An expression without any sign is found in the names that have it in them, and is told from others."""
        search = Search(text)
        self.assertEqual(search.is_literal, "." not in text)
        if search.is_literal:
            self.assertEqual(bool(search.matches(name)), text in name)

    def test_faults_have_words(self) -> None:
        """What is wrong is said."""
        self.assertIn("missing )", str(self.assertRaises(ValueError, compile_regex, "(")))
        self.assertIn("too large", str(self.assertRaises(ValueError, compile_regex, "(.{900}a){1}.{900}.{900}")))

    def test_no_expression_is_slow(self) -> None:
        """An expression that ruins engines that go back is an ordinary one here."""
        self.assertFalse(compile_regex("(a*)*(a|aa)+$")("a" * 5000 + "!"))

    @given(st.text(alphabet="ab1^$.|()[]{}*+?\\-,d:", max_size=8), st.text(alphabet="ab1.-", max_size=8))
    def test_required_runs_are_in_every_match(self, text: str, name: str) -> None:
        """Whatever a valid expression is found in has all its required runs."""
        try:
            found = compile_regex(text)
        except ValueError:
            return
        if found(name):
            self.assertTrue(all(run in name for run in required_runs(text)))

    def test_required_runs(self) -> None:
        """Plain parts are recognised; doubtful ones are left out."""
        self.assertEqual(required_runs("^bj-.*-cam[0-9]+$"), ("bj-", "-cam"))
        self.assertEqual(required_runs(r"a\.b"), ("a.b",))
        self.assertEqual(required_runs("ab?c{2}d+"), ("a", "d"))
        self.assertEqual(required_runs("(a|b)cd"), ("cd",))
        for unclear in ("a|b", "(?i)ab", r"\Qab", r"\x41b", "[[:alpha:]]b"):
            self.assertEqual(required_runs(unclear), ())

    @given(st.lists(st.sampled_from(("a$", "^b", "1+", "ab", "a.b", "(a|b)1")), max_size=6), st.sampled_from(WORDS))
    def test_many_at_once(self, texts: list[str], name: str) -> None:
        """A common search finds what any of the expressions finds."""
        searches = compile_any((text, check_regex(text)) for text in texts)
        self.assertEqual(any(search(name) for search in searches), any(re.search(text, name) for text in texts))

    def test_large_groups_are_divided(self) -> None:
        """Expressions beyond what one automaton takes are spread over several."""
        texts = [f"x{{900}}{n}" for n in range(60)]
        searches = compile_any((text, check_regex(text)) for text in texts)
        self.assertEqual(len(searches), 3)
        self.assertTrue(any(search("x" * 900 + "59") for search in searches))
