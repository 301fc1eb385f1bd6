"""The choice among candidates. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import inf

from ote_twisted.failover.candidates import Candidate
from ote_twisted.failover.penalties import Penalties
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.values import frozen

RECHECK = 30.0
"""When it is looked again whether one of those that must not be dialled may be, seconds."""


@frozen
class Chosen:
    """Who is dialled, and when.

    :ivar candidate: ``None``: nobody can be, look again then.
    :ivar seconds: how long the attempt may take, if that is limited.
    """

    candidate: Candidate | None
    when: float
    seconds: float | None = None


class Choice:
    """Chooses the most preferred of those that may be dialled now, else the one that may be soonest.

    :ivar again: who was the parent just now: it is tried once more before all others, because a link that breaks must not
        move anybody.
    """

    def __init__(self, penalties: Penalties, settings: FailoverSettings, excluded: Callable[[str], bool]) -> None:
        self.again: Candidate | None = None
        self._penalties = penalties
        self._settings = settings
        self._excluded = excluded

    def choose(
        self, candidates: Sequence[Candidate], busy: Collection[ParentAddress], earliest: float | None, now: float
    ) -> Chosen:
        """:param earliest: of a standby link: when at the earliest, but for a slot that a parent gave; else ``None``."""
        times = {each: self._when(each, earliest) for each in candidates if self._able(each, busy)}
        if not times:
            return Chosen(None, now + RECHECK if candidates else inf)
        chosen = self._first(times, now)
        hasty = any(when <= now + self._settings.attempt for each, when in times.items() if each is not chosen)
        return Chosen(chosen, times[chosen], self._penalties.patience(chosen.address) if hasty else None)

    def _first(self, times: dict[Candidate, float], now: float) -> Candidate:
        if self.again in times:
            return self.again
        for candidate, when in times.items():
            if when <= now or (self._penalties.of(candidate.address).promised and when <= now + self._settings.attempt):
                return candidate
        return min(times, key=lambda each: times[each])

    def _able(self, candidate: Candidate, busy: Collection[ParentAddress]) -> bool:
        return candidate.address not in busy and not (candidate.name and self._excluded(candidate.name))

    def _when(self, candidate: Candidate, earliest: float | None) -> float:
        """One that tells nothing, and so cannot be watched from a standby link, is watched from afar."""
        record = self._penalties.of(candidate.address)
        if earliest is None or record.promised:
            return record.not_before
        watched = candidate.lost_at + candidate.settle if candidate.mute and candidate.left else earliest
        return max(record.not_before, earliest, watched)
