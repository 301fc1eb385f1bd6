"""The choice among candidates. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from math import inf

from ote_twisted.failover.candidates import Candidate
from ote_twisted.failover.penalties import Penalties
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.values import frozen

RECHECK = 30.0
"""When it is looked again whether one of those that must not be dialled may be, seconds."""

SLOTS = 2
"""How many slots one after the other are waited for before others have their turn."""


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

    Attempts go in rounds: nobody is dialled again while another one may be dialled that was not in this round, because
    attempts can last longer than the delays after them.

    :ivar again: who was the parent just now: it is tried once more before all others, because a link that breaks must not
        move anybody.
    """

    def __init__(self, penalties: Penalties, settings: FailoverSettings, excluded: Callable[[str], bool]) -> None:
        self.again: Candidate | None = None
        self._penalties = penalties
        self._settings = settings
        self._excluded = excluded
        self._tried: Counter[ParentAddress] = Counter()

    def begin(self, again: Candidate | None = None) -> None:
        """A search begins, with whoever was the parent just now."""
        self.again = again
        self._tried.clear()

    def dialled(self, candidate: Candidate) -> None:
        """An attempt at it begins."""
        self.again = None
        self._tried[candidate.address] += 1

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
        due = [each for each, when in times.items() if when <= now + (self._settings.attempt if self._promised(each) else 0.0)]
        return self._in_turn(due) if due else min(times, key=lambda each: times[each])

    def _in_turn(self, due: Sequence[Candidate]) -> Candidate:
        """The first of those that wait for their turn in this round, or of the next one."""
        for candidate in due:
            if self._tried[candidate.address] <= (SLOTS if self._promised(candidate) else 0):
                return candidate
        self._tried.clear()
        return due[0]

    def _promised(self, candidate: Candidate) -> bool:
        return self._penalties.of(candidate.address).promised

    def _able(self, candidate: Candidate, busy: Collection[ParentAddress]) -> bool:
        return candidate.address not in busy and not (candidate.name and self._excluded(candidate.name))

    def _when(self, candidate: Candidate, earliest: float | None) -> float:
        """One that tells nothing, and so cannot be watched from a standby link, is watched from afar."""
        record = self._penalties.of(candidate.address)
        if earliest is None or record.promised:
            return record.not_before
        watched = candidate.lost_at + candidate.settle if candidate.mute and candidate.left else earliest
        return max(record.not_before, earliest, watched)
