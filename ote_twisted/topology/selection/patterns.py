"""Shell patterns, compiled once when a selector is parsed (F1). Pure.

A pattern cannot be made slow by its author: it matches segment by segment and never goes back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import contains, methodcaller
from typing import Any, Protocol

from attrs import field

from ote_twisted.values import frozen

MAX_PATTERN = 256
"""Characters in one pattern."""

END = "$"
"""Stands for the end of a text in runs of characters; no text has it."""

_WILD = re.compile(r"[*?]|\[[^]]*\]")
_ONE_RUN = re.compile(r"\*[^*?[]+\*?")
_PIECE = re.compile(r"\[[^]]*\]|\?|[^[?]+")


class Pattern(Protocol):
    """What a text is looked at with."""

    @property
    def matches(self) -> Callable[[str], Any]:
        """Whether a text matches."""

    @property
    def is_open(self) -> bool:
        """Every text that starts with a matching one matches."""

    def flags(self, texts: Sequence[str]) -> Iterable[Any]:
        """For each text whether it matches; many at once are faster."""


@frozen
class Glob:
    """A shell pattern in a form that an index can use: ``*``, ``?``, ``[abc]``, ``[!a-f]``; everything else is itself.

    :ivar text: the pattern.
    :ivar prefix: literal text that every match starts with.
    :ivar runs: literal texts that occur in every match, in order; what must be at its end has :data:`END` behind it.
    :ivar matches: whether a text matches the whole pattern.
    """

    text: str
    prefix: str = field(init=False, eq=False, repr=False)
    runs: tuple[str, ...] = field(init=False, eq=False, repr=False)
    matches: Callable[[str], Any] = field(init=False, eq=False, repr=False)

    @prefix.default
    def _prefix(self) -> str:
        return _WILD.split(self.text, maxsplit=1)[0]

    @runs.default
    def _runs(self) -> tuple[str, ...]:
        return tuple(run for run in _WILD.split(self.text + END) if run and run != END)

    @matches.default
    def _matches(self) -> Callable[[str], Any]:
        if self.is_one_run and self.is_open:
            return methodcaller("__contains__", self.runs[0])
        first, *rest = [_segment(part) for part in self.text.split("*")]
        middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
        return re.compile(first + middle + (f".*{rest[-1]}" if rest else "") + r"\Z", re.DOTALL).match

    def flags(self, texts: Sequence[str]) -> Iterable[Any]:
        """For each text whether it matches."""
        if self.is_one_run and self.is_open:
            return map(contains, texts, repeat(self.runs[0]))
        return map(self.matches, texts)

    @property
    def is_prefix(self) -> bool:
        """The pattern is a literal text and one ``*``."""
        return self.text == self.prefix + "*"

    @property
    def is_one_run(self) -> bool:
        """The pattern is ``*``, one literal text, and perhaps another ``*``: who has the only run matches."""
        return _ONE_RUN.fullmatch(self.text) is not None

    @property
    def is_open(self) -> bool:
        """Every text that starts with a matching one matches."""
        return self.text.endswith("*")


def _segment(text: str) -> str:
    """Regular expression for what is between two stars."""
    pieces = _PIECE.findall(text)
    return "".join("." if piece == "?" else _class(piece) if piece[0] == "[" else re.escape(piece) for piece in pieces)


def _class(piece: str) -> str:
    """Regular expression for a class; the parser admits only harmless characters in it."""
    return f"[^{piece[2:]}" if piece[1] == "!" else piece
