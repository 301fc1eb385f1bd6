"""From a selector's text to its terms. Pure.

The language is described, with an example of every form, in ``docs/selectors.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import ClusterName, parse_name
from ote_twisted.topology.selection.label_parser import parse_requirements
from ote_twisted.topology.selection.patterns import MAX_PATTERN, Glob
from ote_twisted.topology.selection.scanner import Scanner
from ote_twisted.topology.selection.terms import (
    At,
    Everything,
    Labelled,
    Like,
    Named,
    PositiveTerm,
    Search,
    Selector,
    Term,
    Under,
    Without,
)

MAX_TEXT = 1 << 20
"""Characters in one selector; an object in etcd holds not much more."""

MAX_TERMS = 20_000
"""Terms in one selector."""

MAX_REGEXES = 16
"""Regular expressions in one selector: each may have to look at every name."""

_PLAIN = re.compile(r"[-A-Za-z0-9._]+")
_WORD = re.compile(r"[-A-Za-z0-9._*?]+")
_CLASS = re.compile(r"\[!?(?:(?:[A-Za-z0-9._](?:-[A-Za-z0-9._])?)+-?|-)\]")
_RANGE = re.compile(r"(.)-([^]])")
_REGEX = re.compile(r"(?:[^/\\]|\\.)*", re.DOTALL)
_NO_NAME = re.compile(r"[^-a-z0-9.]")
_DEPTH = re.compile(r"[0-9]{1,4}(?![0-9])", re.ASCII)


def parse(text: str) -> Selector:
    """The selector that ``text`` is; blank text is every cluster.

    :raise InvalidSelector: out of grammar or too large; it carries the column of the first character that does not fit.
    """
    scanner = Scanner(text)
    if len(text) > MAX_TEXT:
        scanner.fail(f"a selector has at most {MAX_TEXT} characters", MAX_TEXT)
    scanner.skip_space()
    if not scanner.next:
        return Selector((Everything(),))
    terms = [_term(scanner)]
    while scanner.next:
        scanner.expect(",", "',' is expected between terms")
        if len(terms) == MAX_TERMS:
            scanner.fail(f"a selector has at most {MAX_TERMS} terms")
        terms.append(_term(scanner))
    return Selector(tuple(terms))


def _term(scanner: Scanner) -> Term:
    """One term and the white space round it."""
    scanner.skip_space()
    negated = scanner.accept("!")
    scanner.skip_space()
    if scanner.next in ("", ","):
        scanner.fail("a term is expected; write * for every cluster")
    term = _positive(scanner)
    scanner.skip_space()
    return Without(term) if negated else term


def _positive(scanner: Scanner) -> PositiveTerm:
    """One term by its first character."""
    if scanner.accept("["):
        return Labelled(parse_requirements(scanner))
    if scanner.accept("/"):
        return _search(scanner)
    start = scanner.position
    call = _CALLS.get(scanner.take(_PLAIN))
    if call and scanner.accept("("):
        return _argument(scanner, call)
    scanner.position = start
    return _word(scanner)


def _search(scanner: Scanner) -> Search:
    """A regular expression and the slash that ends it."""
    start = scanner.position
    scanner.regexes += 1
    if scanner.regexes > MAX_REGEXES:
        scanner.fail(f"a selector has at most {MAX_REGEXES} regular expressions")
    text = scanner.take(_REGEX)
    scanner.expect("/", f"'/' is expected to end the regular expression that begins in column {start + 1}")
    try:
        return Search(text)
    except ValueError as error:
        scanner.fail(str(error), start)


def _argument(scanner: Scanner, call: Callable[[Scanner], PositiveTerm]) -> PositiveTerm:
    """What is between the parentheses of ``under(…)`` and ``at(…)``."""
    scanner.skip_space()
    term = call(scanner)
    scanner.skip_space()
    scanner.expect(")", "')' is expected")
    return term


def _under(scanner: Scanner) -> Under:
    """The name in ``under(…)``."""
    start = scanner.position
    return Under(_name(scanner, scanner.take(_PLAIN), start))


def _at(scanner: Scanner) -> At:
    """The depth in ``at(…)``."""
    digits = scanner.take(_DEPTH)
    if not digits:
        scanner.fail("a depth from 0 to 9999 is expected")
    return At(int(digits))


_CALLS: dict[str, Callable[[Scanner], PositiveTerm]] = {"under": _under, "at": _at}


def _word(scanner: Scanner) -> PositiveTerm:
    """A name or a shell pattern."""
    start = scanner.position
    while scanner.take(_WORD) or (scanner.next == "[" and _class(scanner)):
        pass
    word = re.sub(r"\*+", "*", scanner.text[start : scanner.position])
    if not word:
        scanner.fail("a name, a pattern, '[', '/' or '!' is expected")
    if word == "*":
        return Everything()
    if not re.search(r"[*?[]", word):
        return Named(_name(scanner, word, start))
    if len(word) > MAX_PATTERN:
        scanner.fail(f"a pattern has at most {MAX_PATTERN} characters", start + MAX_PATTERN)
    return Like(Glob(word))


def _class(scanner: Scanner) -> str:
    """A class of characters in a pattern."""
    start = scanner.position
    text = scanner.take(_CLASS)
    if not text:
        scanner.fail("a class of characters such as [abc], [a-f] or [!0-9] is expected")
    for found in _RANGE.finditer(text):
        if found[1] > found[2]:
            scanner.fail(f"the range {found[0]} is empty", start + found.start())
    return text


def _name(scanner: Scanner, word: str, start: int) -> ClusterName:
    """``word`` as a cluster name."""
    if not word:
        scanner.fail("a cluster name is expected")
    try:
        return parse_name(word)
    except InvalidName as error:
        fault = _NO_NAME.search(word)
        scanner.fail(str(error), start + (fault.start() if fault else 0))
