"""A cursor over a selector's text that knows its column. Pure."""

from __future__ import annotations

import re
from typing import NoReturn

from ote_twisted.errors import InvalidSelector

_SPACE = re.compile(r"[ \t\r\n]*")


class Scanner:
    """A position in a text; it only ever moves forward, so that parsing is linear.

    :ivar text: the whole text.
    :ivar position: index of the next character.
    :ivar regexes: regular expressions met so far.
    """

    __slots__ = ("position", "regexes", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.regexes = 0

    @property
    def next(self) -> str:
        """The next character, empty at the end."""
        return self.text[self.position : self.position + 1]

    def skip_space(self) -> None:
        """Go to the next character that is no white space."""
        found = _SPACE.match(self.text, self.position)
        self.position = found.end() if found else self.position

    def take(self, pattern: re.Pattern[str]) -> str:
        """What the pattern matches here, which is passed; empty when it does not match."""
        found = pattern.match(self.text, self.position)
        if not found:
            return ""
        self.position = found.end()
        return found.group()

    def accept(self, token: str) -> bool:
        """Pass ``token`` if it is next."""
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str, rule: str) -> None:
        """Pass ``token``; ``rule`` says what was expected when something else is next."""
        if not self.accept(token):
            self.fail(rule)

    def fail(self, rule: str, position: int | None = None) -> NoReturn:
        """Complain about the character at ``position``, by default the next one.

        :raise InvalidSelector: always.
        """
        raise InvalidSelector((self.position if position is None else position) + 1, rule)
