"""Tests of the selector language."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import InvalidSelector
from ote_twisted.topology.names import ClusterName
from ote_twisted.topology.selection.operators import Operator
from ote_twisted.topology.selection.parser import MAX_REGEXES, MAX_TERMS, MAX_TEXT, parse
from ote_twisted.topology.selection.patterns import MAX_PATTERN, Glob
from ote_twisted.topology.selection.terms import (
    At,
    Everything,
    Labelled,
    Like,
    Named,
    PositiveTerm,
    Requirement,
    Search,
    Selector,
    Under,
    Without,
)
from tests.topology.selection.naive import selectors

ONE = Named(ClusterName("c1"))


class TermTests(SynchronousTestCase):
    """Each form of a term is read as what it means."""

    def assert_term(self, text: str, term: PositiveTerm) -> None:
        """``text`` is a selector of that one term."""
        self.assertEqual(parse(text), Selector((term,)))

    def test_everything(self) -> None:
        """Blank text and a star are every cluster."""
        for text in ("", " \t\r\n", "*", " * ", "**"):
            self.assert_term(text, Everything())

    def test_name(self) -> None:
        """A plain word is the name of one cluster."""
        self.assert_term("c1", ONE)
        self.assert_term("a.b", Named(ClusterName("a.b")))

    def test_words_of_the_language_are_names_too(self) -> None:
        """Clusters may be called under, at, and in; only a parenthesis makes a call."""
        for word in ("under", "at", "in", "notin"):
            self.assert_term(word, Named(ClusterName(word)))

    def test_patterns(self) -> None:
        """A star, a question mark, or a class makes a shell pattern; repeated stars are one."""
        for text in ("bj-*", "*tagA*", "edge-?", "edge-[12]", "e[!a-f]*", "x[a-]", "x[-]", "T_*"):
            self.assert_term(text, Like(Glob(text)))
        self.assert_term("a**b***", Like(Glob("a*b*")))

    def test_under_and_at(self) -> None:
        """The argument of a call may have white space round it."""
        self.assert_term("under(bj)", Under(ClusterName("bj")))
        self.assert_term("under( bj )", Under(ClusterName("bj")))
        self.assert_term("at(2)", At(2))
        self.assert_term("at( 002 )", At(2))

    def test_regular_expression(self) -> None:
        """What is between slashes is an expression, commas and all; an escaped slash does not end it."""
        self.assert_term("/^a,b{1,2}$/", Search("^a,b{1,2}$"))
        self.assert_term(r"/a\/b/", Search(r"a\/b"))
        self.assert_term("//", Search(""))

    def test_negation(self) -> None:
        """An exclamation mark turns any term round."""
        self.assertEqual(parse("*,!c1,! at(1)").terms, (Everything(), Without(ONE), Without(At(1))))
        self.assertEqual(parse("![a]").terms, (Without(Labelled((Requirement("a", Operator.EXISTS),))),))

    def test_union(self) -> None:
        """Commas join terms; white space round a term is nothing."""
        self.assertEqual(parse(" c1 ,\n c2\t").terms, (ONE, Named(ClusterName("c2"))))

    def test_only_negations_choose_from_everything(self) -> None:
        """Where nothing is chosen, everything is, less what is removed."""
        self.assertEqual(parse("!c1").chosen, (Everything(),))
        self.assertEqual(parse("!c1").removed, (ONE,))
        self.assertEqual(parse("c1,!c1").chosen, (ONE,))


class LabelSelectorTests(SynchronousTestCase):
    """What is in brackets is read as ``kubectl -l`` reads it."""

    def assert_requirement(self, text: str, key: str, operator: Operator, *values: str) -> None:
        """``[text]`` is one requirement."""
        self.assertEqual(parse(f"[{text}]").terms, (Labelled((Requirement(key, operator, values),)),))

    def test_every_operator(self) -> None:
        """All operators of Kubernetes label selectors are known."""
        self.assert_requirement("a=b", "a", Operator.EQUALS, "b")
        self.assert_requirement("a==b", "a", Operator.EQUALS, "b")
        self.assert_requirement("a!=b", "a", Operator.NOT_EQUALS, "b")
        self.assert_requirement("a in (c,b)", "a", Operator.IN, "b", "c")
        self.assert_requirement("a notin (b)", "a", Operator.NOT_IN, "b")
        self.assert_requirement("a", "a", Operator.EXISTS)
        self.assert_requirement("!a", "a", Operator.NOT_EXISTS)
        self.assert_requirement("a>5", "a", Operator.GREATER, "5")
        self.assert_requirement("a<007", "a", Operator.LESS, "7")

    def test_white_space(self) -> None:
        """White space between the parts is nothing."""
        self.assert_requirement(" a  = b ", "a", Operator.EQUALS, "b")
        self.assert_requirement(" a in( b , c ) ", "a", Operator.IN, "b", "c")
        self.assert_requirement(" ! a ", "a", Operator.NOT_EXISTS)

    def test_prefixed_key(self) -> None:
        """A key may have a DNS prefix."""
        self.assert_requirement("example.com/tier=edge", "example.com/tier", Operator.EQUALS, "edge")

    def test_empty_values(self) -> None:
        """A missing value is the empty one, in a list too."""
        self.assert_requirement("a=", "a", Operator.EQUALS, "")
        self.assert_requirement("a in ()", "a", Operator.IN, "")
        self.assert_requirement("a in (,b,b)", "a", Operator.IN, "", "b")

    def test_operators_are_keys_where_a_key_stands(self) -> None:
        """A label may be called in."""
        self.assert_requirement("in in (in)", "in", Operator.IN, "in")
        self.assert_requirement("notin", "notin", Operator.EXISTS)

    def test_several_requirements(self) -> None:
        """Commas in brackets join requirements, not terms."""
        selector = parse("[region=beijing,tier in (edge,mec),!gpu],c1")
        self.assertEqual(str(selector), "[region=beijing,tier in (edge,mec),!gpu],c1")
        self.assertEqual(len(selector.terms), 2)


class FaultTests(SynchronousTestCase):
    """A selector out of grammar is refused with the column of the fault, and never chooses anything (F4, F5)."""

    def assert_fault(self, text: str, column: int, words: str = "") -> None:
        """The fault is at ``column``, and the rule has ``words`` in it."""
        fault = self.assertRaises(InvalidSelector, parse, text)
        self.assertEqual(fault.column, column, f"{text!r}: {fault}")
        self.assertIn(words, fault.rule)

    def test_stray_commas(self) -> None:
        """A comma too many is a fault, not a broadcast (F4)."""
        self.assert_fault(",", 1, "term is expected")
        self.assert_fault("a,", 3, "term is expected")
        self.assert_fault("a,,b", 3, "term is expected")
        self.assert_fault(",a", 1, "term is expected")
        self.assert_fault("a, ,b", 4, "term is expected")

    def test_words(self) -> None:
        """The column is that of the first character that fits nothing."""
        self.assert_fault("a b", 3, "','")
        self.assert_fault("aB", 2, "lower-case")
        self.assert_fault("x,-a", 3, "starts and ends")
        self.assert_fault("c1,a_b", 5)
        self.assert_fault("é", 1)
        self.assert_fault("a\x00", 2)
        self.assert_fault("a]", 2)
        self.assert_fault("x" * 64, 1, "at most 63")

    def test_negation(self) -> None:
        """An exclamation mark needs a term."""
        self.assert_fault("!", 2, "term is expected")
        self.assert_fault("!!a", 2)
        self.assert_fault("a!b", 2, "','")

    def test_calls(self) -> None:
        """Arguments are checked, and parentheses are closed."""
        self.assert_fault("under()", 7, "name is expected")
        self.assert_fault("under(a b)", 9, "')'")
        self.assert_fault("under(A)", 7)
        self.assert_fault("under(a", 8, "')'")
        self.assert_fault("at(x)", 4, "depth")
        self.assert_fault("at(-1)", 4, "depth")
        self.assert_fault("at(12345)", 4, "depth")
        self.assert_fault("below(a)", 6, "','")

    def test_classes(self) -> None:
        """A class in a pattern is closed, is not empty, and has ranges in order."""
        self.assert_fault("x[", 2, "class")
        self.assert_fault("x[]", 2, "class")
        self.assert_fault("x[^a]", 2, "[!0-9]")
        self.assert_fault("x[a,b]", 2, "class")
        self.assert_fault("x[0-9b-a]", 6, "b-a")

    def test_labels(self) -> None:
        """Faults within brackets have columns too."""
        self.assert_fault("[", 2, "label key is expected")
        self.assert_fault("[]", 2, "label key is expected")
        self.assert_fault("[a", 3, "']'")
        self.assert_fault("[a,]", 4, "label key is expected")
        self.assert_fault("[a=b", 5, "']'")
        self.assert_fault("[a=b c]", 6, "']'")
        self.assert_fault("[a in b]", 7, "'('")
        self.assert_fault("[a in (b]", 9, "')'")
        self.assert_fault("[a notin (-)]", 11, "label value")
        self.assert_fault("[-a=b]", 2, "label key")
        self.assert_fault("[a=b]c", 6, "','")
        self.assert_fault("[a>x]", 4, "integer")
        self.assert_fault("[a<9223372036854775808]", 4, "integer")
        self.assert_fault("[!a=b]", 4, "']'")

    def test_regular_expressions(self) -> None:
        """An expression is closed and valid; the column is where it begins."""
        self.assert_fault("/a", 3, "column 2")
        self.assert_fault("c1,/(/", 5, "missing )")
        self.assert_fault(r"/\1/", 2, "escape")
        self.assert_fault("/(?=a)/", 2)
        self.assert_fault("/\ud800/", 2, "Unicode")

    def test_sizes(self) -> None:
        """Text, terms, patterns, and expressions are bounded."""
        self.assert_fault("a" * (MAX_TEXT + 1), MAX_TEXT + 1, "characters")
        self.assert_fault("a," * MAX_TERMS + "a", 2 * MAX_TERMS + 1, "terms")
        self.assert_fault("*" + "a" * MAX_PATTERN, MAX_PATTERN + 1, "pattern")
        self.assert_fault("/" + "a" * 1025 + "/", 2, "1024")
        self.assert_fault("/(.{900}){1}(.{900}){1}.{900}/", 2, "too large")
        self.assert_fault("/a/," * MAX_REGEXES + "/a/", 4 * MAX_REGEXES + 2, "expressions")


class PrintTests(SynchronousTestCase):
    """A selector prints itself in one canonical form."""

    def test_canonical_text(self) -> None:
        """White space, double signs, and repetitions are gone."""
        text = " c1 , [ a==b , c in (e,d,e) ] , ! under( x ) , at(02) , ** "
        self.assertEqual(str(parse(text)), "c1,[a=b,c in (d,e)],!under(x),at(2),*")

    @settings(max_examples=200)
    @given(selectors)
    def test_text_parses_to_an_equal_selector(self, selector: object) -> None:
        """Printing loses nothing."""
        self.assertEqual(parse(str(selector)), selector)


class HostileTextTests(SynchronousTestCase):
    """Whatever the text, parsing ends soon and raises nothing but the one error."""

    @settings(max_examples=300)
    @given(st.text() | st.text(alphabet="ab,*?[]!/()=<> \\-in\x00é", max_size=40))
    def test_any_text_parses_or_is_refused(self, text: str) -> None:
        """The column is in the text, or just behind it; what parses prints to an equal selector."""
        try:
            selector = parse(text)
        except InvalidSelector as fault:
            self.assertTrue(1 <= fault.column <= len(text) + 1)
        else:
            self.assertEqual(parse(str(selector)), selector)

    def test_long_runs_are_linear(self) -> None:
        """A text of the greatest length that makes the parser look ahead for long is still read once."""
        for piece in ("[", "/", "(", "!", "a[", "a[b-", "[a in (", "\\", "*", "-", " ", "[a=b],"):
            text = piece * (MAX_TEXT // len(piece))
            self.assertRaises(InvalidSelector, parse, text[: MAX_TEXT - 1] + ",")
