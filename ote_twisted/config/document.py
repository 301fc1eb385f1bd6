"""A TOML text with the place of each of its keys, for errors that name file and line. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from attrs import field

from ote_twisted.errors import ConfigError
from ote_twisted.values import frozen

_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL)
_END = re.compile(r"(.*) \(at end of document\)", re.DOTALL)


@frozen
class Document:
    """One parsed file.

    :ivar name: the file's name as the user gave it.
    :ivar table: what it holds.
    """

    name: str
    text: str = field(repr=False)
    table: dict[str, Any] = field(repr=False)

    def place(self, path: Sequence[str]) -> str:
        """Give ``file:line: key`` of a key path; a key that is not there has no line."""
        line = _line_of(self.text, path)
        where = f"{self.name}:{line}" if line else self.name
        return f"{where}: {'.'.join(path)}"


def parse_document(name: str, text: str) -> Document:
    """Parse a file's text.

    :raise ConfigError: not TOML; names file, line and column.
    """
    import tomllib  # only a program with a file needs it

    try:
        return Document(name, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_describe(name, text, str(error))) from None


def _describe(name: str, text: str, message: str) -> str:
    if found := _PLACE.fullmatch(message):
        return f"{name}:{found[2]}: not TOML: {found[1]} (column {found[3]})"
    if found := _END.fullmatch(message):
        return f"{name}:{len(text.splitlines())}: not TOML: {found[1]} (at the end of the file)"
    return f"{name}: not TOML: {message}"


def _line_of(text: str, path: Sequence[str]) -> int | None:
    """Give the 1-based line where the key path is first defined.

    Every statement of TOML ends with its line, so the prefixes of a text that parse end between statements; the statement
    that brings the key begins after a prefix that parses without it. Lines that do not spell the key are passed over.
    """
    lines = text.splitlines(keepends=True)
    for begin, line in enumerate(lines):
        if path[-1] in line and _parsed(lines[:begin]) is not None:
            ends = (_parsed(lines[:end]) for end in range(begin + 1, len(lines) + 1))
            if _holds(next((table for table in ends if table is not None), None), path):
                return begin + 1
    return None


def _parsed(lines: list[str]) -> dict[str, Any] | None:
    import tomllib  # as above

    try:
        return tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return None


def _holds(table: object, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True
