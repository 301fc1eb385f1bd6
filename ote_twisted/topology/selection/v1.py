r"""Selectors on the original's wire: comma-separated regular expressions, each searched for in names. Pure.

Towards such a peer each name goes as ``^name$``, quoted, so that it means that cluster and no other (F2, F3). From such
a peer the text is taken as the original takes it, except where the sender is known to have resolved it to names: an
original parent forwards bare names, and there ``c1`` is the cluster c1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import parse_name
from ote_twisted.topology.selection.regexes import Found, check_regex, compile_any
from ote_twisted.values import frozen

MAX_PROGRAMS = 500_000
"""Instructions of all regular expressions that are followed in one text; names do not count."""

_LEAST = 50
_SHOWN = 80

_EXACT = re.compile(r"\^((?:[-a-z0-9]|\\[-.])*)\$")
_SPACE = " \t\r\n\v\f\x85\xa0"


def to_v1(names: Iterable[str]) -> str:
    """A selector that an original peer takes for exactly these cluster names.

    At least one is needed, since the empty text is everyone there.
    """
    return ",".join([f"^{name}$" for name in names]).replace(".", r"\.")


@frozen
class V1Selector:
    """A selector as an original peer sends it.

    :ivar everything: one part is empty, which is found in every name.
    :ivar names: names that are chosen as they are.
    :ivar searches: each is found in the names that it chooses.
    :ivar faults: a sentence for each part that is not followed; such a part chooses nothing.
    """

    everything: bool
    names: frozenset[str]
    searches: tuple[Found, ...]
    faults: tuple[str, ...]

    def matches(self, name: str) -> bool:
        """Whether the selector chooses a name."""
        return self.everything or name in self.names or any(search(name) for search in self.searches)

    def choose(self, names: Iterable[str]) -> list[str]:
        """Those of the names that the selector chooses, in the order given."""
        if not self.everything and not self.searches:
            return [name for name in names if name in self.names]
        return [name for name in names if self.matches(name)]


def from_v1(text: str, resolved: bool = False) -> V1Selector:
    """The meaning of an original peer's selector. Never fails: a part that is no expression is reported in ``faults``.

    :param resolved: the sender resolved the selector, so a part in the grammar of names is that cluster and no other.
    """
    parts = {part.strip(_SPACE) for part in text.split(",")}
    if "" in parts:
        return V1Selector(True, frozenset(), (), ())
    exact = {part: name for part in parts if (name := _exact(part, resolved))}
    searches, faults = _compile(sorted(parts - exact.keys()))
    return V1Selector(False, frozenset(exact.values()), searches, faults)


def _exact(part: str, resolved: bool) -> str:
    """The only name that a part chooses; empty when there may be others."""
    found = _EXACT.fullmatch(part)
    if found:
        return found[1].replace("\\", "")
    return part if resolved and _is_name(part) else ""


def _is_name(text: str) -> bool:
    """Whether a text is a cluster name."""
    try:
        parse_name(text)
    except InvalidName:
        return False
    return True


def _compile(parts: list[str]) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    """The searches for parts, and what is wrong with the parts that are not followed."""
    sized: list[tuple[str, int]] = []
    faults: list[str] = []
    room = MAX_PROGRAMS
    for position, part in enumerate(parts):
        if room <= 0:
            faults.append(f"{len(parts) - position} parts are left out: the regular expressions are too large together")
            break
        size = 0
        try:
            size = check_regex(part)
            sized.append((part, size))
        except ValueError as error:
            faults.append(f"{part[:_SHOWN]!r}: {error}")
        room -= max(size, _LEAST)
    return compile_any(sized), tuple(faults)
