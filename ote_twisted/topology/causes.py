"""Why clusters cannot be reached, as told by the one nearest to the break. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import parse_name
from ote_twisted.values import frozen
from ote_twisted.wire.announce import Absence

MAX_REASON = 255
"""Characters of a reason; what is longer is cut."""


@frozen
class Cause:
    """Why clusters cannot be reached.

    :ivar hop: the cluster whose link to its parent is broken; empty when that is not known.
    :ivar reason: a sentence, in the words of the one who saw it.
    :ivar at: when it broke, on our own monotonic clock, seconds.
    """

    hop: str
    reason: str
    at: float


@frozen
class Told:
    """What a child says of clusters that have no route anyway.

    :ivar child: who says so.
    """

    child: str
    cause: Cause


def causes_of(absences: Iterable[Absence], now: float) -> dict[str, Cause]:
    """Name to cause of what a child announced as gone. Ages become moments of our own clock as they arrive.

    :param now: our monotonic clock.
    """
    causes: dict[str, Cause] = {}
    for absence in absences:
        cause = Cause(_hop(absence.hop), absence.reason[:MAX_REASON], now - absence.age)
        causes.update(dict.fromkeys(absence.names, cause))
    return causes


def absences_of(causes: Mapping[str, Cause], now: float) -> tuple[Absence, ...]:
    """The same to be announced: grouped by cause, with the age of each at this moment."""
    groups: dict[Cause, list[str]] = {}
    for name, cause in causes.items():
        groups.setdefault(cause, []).append(name)
    return tuple(Absence(tuple(names), cause.hop, cause.reason, max(0.0, now - cause.at)) for cause, names in groups.items())


def _hop(name: str) -> str:
    """What is no name of a cluster tells nothing."""
    try:
        return parse_name(name) if name else ""
    except InvalidName:
        return ""
