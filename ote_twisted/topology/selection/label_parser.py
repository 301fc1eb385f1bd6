"""Kubernetes label selectors: what stands between the brackets of ``[region=north,tier in (edge,mec),!gpu]``. Pure.

The grammar is that of ``kubectl -l``: ``=``, ``==``, ``!=``, ``in``, ``notin``, a bare key, ``!key``, ``>`` and ``<``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import check_label_key, check_label_value
from ote_twisted.topology.selection.operators import Operator
from ote_twisted.topology.selection.scanner import Scanner
from ote_twisted.topology.selection.terms import Requirement

MAX_INTEGER: Final = 2**63 - 1
"""Largest number that ``>`` and ``<`` take, as in Kubernetes."""

_LITERAL = re.compile(r"[^\s,()\[\]=!<>]*")
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_WORD_OPERATOR = re.compile(r"(?:notin|in)(?![^\s(])")
_SIGNS = {
    "==": Operator.EQUALS,
    "=": Operator.EQUALS,
    "!=": Operator.NOT_EQUALS,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}


def parse_requirements(scanner: Scanner) -> tuple[Requirement, ...]:
    """The requirements up to the closing bracket, which is passed; the opening one has been.

    :raise InvalidSelector: out of grammar.
    """
    found = [_requirement(scanner)]
    while scanner.accept(","):
        found.append(_requirement(scanner))
    scanner.expect("]", "',' or ']' is expected after a label requirement")
    return tuple(found)


def _requirement(scanner: Scanner) -> Requirement:
    """One requirement and the white space round it."""
    scanner.skip_space()
    absent = scanner.accept("!")
    scanner.skip_space()
    if scanner.next in ("", "]", ","):
        scanner.fail("a label key is expected")
    key = _checked(scanner, check_label_key)
    scanner.skip_space()
    if absent:
        return Requirement(key, Operator.NOT_EXISTS)
    requirement = _restriction(scanner, key)
    scanner.skip_space()
    return requirement


def _restriction(scanner: Scanner, key: str) -> Requirement:
    """What follows a key."""
    word = scanner.take(_WORD_OPERATOR)
    if word:
        return Requirement(key, Operator(word), _values(scanner))
    for sign, operator in _SIGNS.items():
        if scanner.accept(sign):
            scanner.skip_space()
            return Requirement(key, operator, (_value(scanner, operator),))
    return Requirement(key, Operator.EXISTS)


def _values(scanner: Scanner) -> tuple[str, ...]:
    """A list in parentheses; as in Kubernetes an empty element is the empty value."""
    scanner.skip_space()
    scanner.expect("(", "'(' is expected after in and notin")
    values = {_listed(scanner)}
    while scanner.accept(","):
        values.add(_listed(scanner))
    scanner.expect(")", "',' or ')' is expected in a list of values")
    return tuple(sorted(values))


def _listed(scanner: Scanner) -> str:
    """One value of a list and the white space round it."""
    scanner.skip_space()
    value = _checked(scanner, check_label_value)
    scanner.skip_space()
    return value


def _value(scanner: Scanner, operator: Operator) -> str:
    """The value after a sign."""
    if operator not in (Operator.GREATER, Operator.LESS):
        return _checked(scanner, check_label_value)
    start = scanner.position
    digits = scanner.take(_LITERAL)
    if not _DIGITS.fullmatch(digits) or int(digits) > MAX_INTEGER:
        scanner.fail(f"an integer from 0 to {MAX_INTEGER} is expected after {operator}", start)
    return str(int(digits))


def _checked(scanner: Scanner, check: Callable[[str], str]) -> str:
    """The literal here if ``check`` admits it."""
    start = scanner.position
    try:
        return check(scanner.take(_LITERAL))
    except InvalidName as error:
        scanner.fail(str(error), start)
