"""When a child may join, so that many who come at once are taken one after the other and none is forgotten. Pure."""

from __future__ import annotations

from ote_twisted.values import frozen

KEPT = 60.0
"""How long a turn is kept for one that does not come, seconds."""

HORIZON = 300.0
"""Turns are given at most so far ahead, seconds; later ones are asked for again."""


@frozen
class PaceLimits:
    """How fast children are taken.

    :ivar rate: children a second in the long run.
    :ivar burst: children that are taken at once after a rest.
    """

    rate: int = 300
    burst: int = 300


class AdmissionPace:
    """Gives everybody a turn. Whoever comes at its turn or later is taken; whoever comes earlier is told the same turn again.

    There are never more turns in any time than ``rate`` times that time and ``burst``. Turns are kept by name, so they are
    bounded by ``rate`` times the time that they are kept.
    """

    def __init__(self, limits: PaceLimits) -> None:
        self._interval = 1 / limits.rate
        self._ahead = (limits.burst - 1) / limits.rate
        self._free = float("-inf")
        self._turns: dict[str, float] = {}

    def __len__(self) -> int:
        """Turns that are kept."""
        return len(self._turns)

    def ask(self, name: str, now: float) -> float:
        """Seconds until the turn of that name; 0 when it is here, and taken.

        :param now: never goes back.
        """
        turn = self._turns.get(name)
        if turn is not None and now < turn:
            return turn - now
        if turn is not None:
            del self._turns[name]
            if now <= turn + KEPT:
                return 0.0
        return self._new_turn(name, now)

    def _new_turn(self, name: str, now: float) -> float:
        self._forget(now)
        turn = max(self._free, now - self._ahead)
        if turn > now + HORIZON:
            return HORIZON
        self._free = turn + self._interval
        if turn <= now:
            return 0.0
        self._turns[name] = turn
        return turn - now

    def _forget(self, now: float) -> None:
        """Turns that nobody came to; the earliest were given first."""
        while self._turns and now > self._turns[name := next(iter(self._turns))] + KEPT:
            del self._turns[name]
