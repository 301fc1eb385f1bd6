"""Regular expressions on RE2, whose time is linear in what is searched, whoever wrote the expression. Pure.

RE2 is imported with the first expression: a process that never sees one is 2 MB smaller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

MAX_REGEX = 1024
"""Characters in one regular expression."""

MAX_PROGRAM = 4000
"""Instructions of one compiled regular expression."""

MAX_TOGETHER = 20_000
"""Instructions of the expressions that are searched for at once; well within what RE2 can run as one automaton."""

Found = Callable[[str], Any]
"""Whether something is found in a text: the answer is true or false in the sense of ``bool``."""

_PLAIN = re.compile(r"[-_A-Za-z0-9 ]*")
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:[^]\\]|\\.)*\]|\{[^}]*\}|.", re.DOTALL)
_UNCLEAR = re.compile(r"\(\?(?!:|P<)|\[[^]]*\[|\\[^dswDSWbBAz\W]", re.ASCII)
_AHEAD = re.compile(r"\$|\\[bBzZ]")
_LITERAL = re.compile(r"\\(\W)|([^\\.^$|()[\]{}*+?])", re.ASCII | re.DOTALL)


def compile_regex(text: str) -> Found:
    """A function that says whether the expression is found anywhere in a text.

    :raise ValueError: the expression is invalid or too large; the message says why.
    """
    check_regex(text)
    return _together([text])


def check_regex(text: str) -> int:
    """How many instructions a valid expression takes, as a bound.

    :raise ValueError: the expression is invalid or too large; the message says why.
    """
    if len(text) > MAX_REGEX:
        raise ValueError(f"a regular expression has at most {MAX_REGEX} characters")
    if _PLAIN.fullmatch(text):
        return len(text) + 8
    import re2

    try:
        size: int = re2.compile(text, _options()).programsize
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"regular expression: {_reason(error)}") from None
    if size > MAX_PROGRAM:
        raise ValueError("the regular expression is too large when compiled")
    return size


def required_runs(text: str) -> tuple[str, ...]:
    """Literal texts that are in everything in which a valid expression is found; none where that is not plain to see.

    They narrow the search; leaving some out only makes it slower.
    """
    if _UNCLEAR.search(text):
        return ()
    runs = [""]
    depth = 0
    for token in _TOKEN.findall(text):
        if token == "|" and not depth:
            return ()
        depth += {"(": 1, ")": -1}.get(token, 0)
        literal = None if depth else _LITERAL.fullmatch(token)
        if literal:
            runs[-1] += literal[1] or literal[2]
            continue
        if token[0] in "*?{":
            runs[-1] = runs[-1][:-1]
        runs.append("")
    return tuple(filter(None, runs))


def may_look_ahead(text: str) -> bool:
    """Whether what follows a match may forbid it: an end or the bound of a word is asked for."""
    return _AHEAD.search(text) is not None


def compile_any(sized: Iterable[tuple[str, int]]) -> tuple[Found, ...]:
    """Searches that together find any of the expressions, given with their sizes: few, however many expressions there are."""
    groups: list[list[str]] = []
    room = 0
    for text, size in sized:
        if size > room:
            groups.append([])
            room = MAX_TOGETHER
        groups[-1].append(text)
        room -= size
    return tuple(map(_together, groups))


def _together(texts: Iterable[str]) -> Found:
    """One automaton for valid expressions.

    A set answers yes or no in half the time of a search that also says where.
    """
    import re2

    matcher = re2.Set.SearchSet(_options())
    for text in texts:
        matcher.Add(text.encode())
    matcher.Compile()
    return matcher.Match  # type: ignore[no-any-return]


def _options() -> Any:
    """How RE2 is to work here."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    return options


def _reason(error: Exception) -> str:
    """What is wrong, in RE2's own words."""
    if isinstance(error, UnicodeEncodeError):
        return "no valid Unicode"
    words = error.args[0]
    return words.decode(errors="replace") if isinstance(words, bytes) else str(words)
