"""Shell patterns and regular expressions, compiled once when a selector is parsed (F1). Pure.

Neither can be made slow by its author: patterns match segment by segment without going back, regular expressions run on RE2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import re2
from attrs import field, frozen

MAX_PATTERN = 256
"""Characters in one pattern."""

MAX_REGEX = 1024
"""Characters in one regular expression."""

MAX_PROGRAM = 4000
"""Instructions of one compiled regular expression."""

_PIECE = re.compile(r"\[[^]]*\]|\?|[^[?]+")


@frozen
class Glob:
    """A shell pattern in a form that an index can use: ``*``, ``?``, ``[abc]``, ``[!a-f]``; everything else is itself.

    :ivar text: the pattern.
    :ivar matches: whether a text matches the whole pattern.
    :ivar prefix: literal text that every match starts with.
    :ivar suffix: literal text that every match ends with, empty when the pattern is one segment.
    :ivar infixes: literal texts that occur in every match, in order.
    """

    text: str
    matches: Callable[[str], Any] = field(init=False, eq=False, repr=False)
    prefix: str = field(init=False, eq=False, repr=False)
    suffix: str = field(init=False, eq=False, repr=False)
    infixes: tuple[str, ...] = field(init=False, eq=False, repr=False)

    @matches.default
    def _compile(self) -> Callable[[str], Any]:
        first, *rest = [_segment(part) for part in self.text.split("*")]
        middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
        return re.compile(first + middle + (f".*{rest[-1]}" if rest else "") + r"\Z", re.DOTALL).match

    @prefix.default
    def _prefix(self) -> str:
        return re.split(r"[*?[]", self.text, maxsplit=1)[0]

    @suffix.default
    def _suffix(self) -> str:
        return re.split(r"[*?\]]", self.text)[-1] if "*" in self.text else ""

    @infixes.default
    def _infixes(self) -> tuple[str, ...]:
        return tuple(part for part in re.split(r"[*?]|\[[^]]*\]", self.text) if part)

    @property
    def is_prefix(self) -> bool:
        """The pattern is a literal text and one ``*``."""
        return self.text == self.prefix + "*"

    @property
    def is_infix(self) -> bool:
        """The pattern is one literal text between two ``*``."""
        return len(self.infixes) == 1 and self.text == f"*{self.infixes[0]}*"


def _segment(text: str) -> str:
    """Regular expression for what is between two stars."""
    pieces = _PIECE.findall(text)
    return "".join("." if piece == "?" else _class(piece) if piece[0] == "[" else re.escape(piece) for piece in pieces)


def _class(piece: str) -> str:
    """Regular expression for a class; the parser admits only harmless characters in it."""
    return f"[^{piece[2:]}" if piece[1] == "!" else piece


def compile_regex(text: str) -> Callable[[str], Any]:
    """A function that says whether the expression is found anywhere in a text; its time is linear in the text.

    :raise ValueError: the expression is invalid or too large; the message says why.
    """
    if len(text) > MAX_REGEX:
        raise ValueError(f"a regular expression has at most {MAX_REGEX} characters")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        program = re2.compile(text, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(_reason(error)) from None
    if program.programsize > MAX_PROGRAM:
        raise ValueError("the regular expression is too large when compiled")
    # One expression as a set answers yes or no twice as fast as a search that also says where.
    matcher = re2.Set.SearchSet(options)
    matcher.Add(text.encode())
    matcher.Compile()
    return matcher.Match  # type: ignore[no-any-return]


def _reason(error: Exception) -> str:
    """RE2's own words as text."""
    if isinstance(error, UnicodeEncodeError):
        return "the regular expression is no valid Unicode"
    words = error.args[0] if error.args else b"invalid"
    return f"regular expression: {words.decode(errors='replace') if isinstance(words, bytes) else words}"
