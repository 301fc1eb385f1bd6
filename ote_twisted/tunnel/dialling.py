"""Which parent to dial next, and when. Pure: events and ``now`` in, a value out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, frozen

from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.tunnel.settings import EdgeSettings


@frozen
class Dial:
    """Dial ``address``, not before ``not_before``."""

    address: ParentAddress
    not_before: float


@frozen
class Wait:
    """There is nobody to dial."""


@define
class _Candidate:
    """What is remembered of one configured parent."""

    address: ParentAddress
    failures: int = 0
    not_before: float = 0.0
    up_since: float | None = None


class DialPlan:
    """Configured parents in order of preference, each with its own penalty.

    The first that may be dialled now is dialled; when none may, the one that may be dialled soonest. After the n-th
    failure in a row a parent is left alone for a random time up to ``base * 2 ** n`` ("full jitter", F42), at most the
    cap, never less than the parent itself asked for. A link that was up for a while makes its parent's record clean.

    :param chance: gives numbers in [0, 1).
    """

    def __init__(self, parents: Sequence[ParentAddress], settings: EdgeSettings, chance: Callable[[], float]) -> None:
        self._candidates = [_Candidate(address) for address in dict.fromkeys(parents)]
        self._settings = settings
        self._chance = chance
        self._detour: ParentAddress | None = None
        self._hops = 0
        self._current: _Candidate | None = None

    def next(self, now: float) -> Dial | Wait:
        """The next attempt; remembered as the current one, of which the events below speak."""
        if self._current is not None and self._detour is not None:
            return Dial(self._detour, now)
        if not self._candidates:
            return Wait()
        due = [candidate for candidate in self._candidates if candidate.not_before <= now]
        chosen = due[0] if due else min(self._candidates, key=lambda candidate: candidate.not_before)
        self._current = chosen
        return Dial(chosen.address, max(now, chosen.not_before))

    def opened(self, now: float) -> None:
        """The current attempt became a link."""
        if self._current is not None:
            self._current.up_since = now

    def lost(self, now: float) -> None:
        """The link is gone; redirects start again from the configured address."""
        current = self._current
        if current is not None and current.up_since is not None and now - current.up_since >= self._settings.settled:
            current.failures = 0
        self.failed(now)

    def failed(self, now: float, retry_after: float = 0.0) -> None:
        """The current attempt failed.

        :param retry_after: seconds that the parent asked us to stay away.
        """
        current, self._current = self._current, None
        self._detour, self._hops = None, 0
        if current is None:
            return
        current.up_since = None
        asked = min(retry_after, self._settings.max_retry_after)
        spread = self._chance() * self._ceiling(current.failures)
        current.not_before = now + (asked + spread if asked > 0 else spread)
        current.failures += 1

    def redirected(self, address: ParentAddress) -> bool:
        """The current attempt was answered by a redirect.

        :return: whether it is followed; if not, the attempt is still to be reported as failed (F28).
        """
        if self._current is None or self._hops >= self._settings.max_redirects:
            return False
        self._hops += 1
        self._detour = address
        return True

    def _ceiling(self, failures: int) -> float:
        return float(min(self._settings.delay_cap, self._settings.delay_base * 2 ** min(failures, 32)))
