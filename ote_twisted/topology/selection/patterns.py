"""Shell patterns, compiled once when a selector is parsed (F1). Pure.

A pattern cannot be made slow by its author: it matches segment by segment and never goes back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attrs import field, frozen

MAX_PATTERN = 256
"""Characters in one pattern."""

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
