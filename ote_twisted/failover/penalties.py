"""How long an address is left alone. Pure: events and ``now`` in, times out."""

from __future__ import annotations

from collections.abc import Callable

from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.values import define

REMEMBERED = 256
"""Addresses whose record is kept; of more, those that may be dialled soonest are forgotten."""

BUSY = 503
"""Status of a parent that has no room now, and says when it has."""


@define
class Penalty:
    """The record of one address.

    :ivar failures: attempts and short links in a row.
    :ivar not_before: clock reading; earlier it is not dialled.
    :ivar slow: attempts in a row that were given up because they took too long.
    :ivar promised: ``not_before`` is the slot that the parent itself gave.
    """

    failures: int = 0
    not_before: float = 0.0
    slow: int = 0
    promised: bool = False


class Penalties:
    """The records of all addresses.

    After the n-th failure in a row an address is left alone for a random time up to ``delay_base * 2 ** n`` ("full
    jitter", F42), at most ``delay_cap``; each address by itself (F43). A parent that names a time itself is not dialled
    before; a slot that it gave (503) is no failure, and is not missed by more than the first delay.

    :param chance: gives numbers in [0, 1).
    """

    def __init__(self, settings: FailoverSettings, chance: Callable[[], float]) -> None:
        self._settings = settings
        self._chance = chance
        self._records: dict[ParentAddress, Penalty] = {}

    def of(self, address: ParentAddress) -> Penalty:
        """The record of an address."""
        return self._records.get(address) or Penalty()

    def failed(self, address: ParentAddress, now: float, status: int = 0, retry_after: float = 0.0) -> None:
        """An attempt failed, or a link ended before it was worth anything.

        :param retry_after: seconds that the parent asked us to stay away.
        """
        record = self._open(address)
        asked = min(retry_after, self._settings.max_retry_after)
        record.promised = status == BUSY and asked > 0
        ceiling = self._ceiling(0 if record.promised else record.failures)
        record.not_before = now + asked + self._chance() * ceiling
        record.failures += not record.promised

    def too_slow(self, address: ParentAddress) -> None:
        """The attempt that failed had been given up."""
        self._open(address).slow += 1

    def opened(self, address: ParentAddress) -> None:
        """An attempt made a link."""
        self._open(address).slow = 0

    def ended(self, address: ParentAddress, now: float, lasted: float) -> None:
        """A link ended after so many seconds. One that was good makes the record clean."""
        if lasted >= self._settings.settled:
            self._records.pop(address, None)
        else:
            self.failed(address, now)

    def patience(self, address: ParentAddress) -> float | None:
        """How long an attempt may take while there are others to try; ``None`` is as long as its phases may."""
        seconds = self._settings.attempt * 2 ** min(self.of(address).slow, 32)
        return seconds if seconds < self._settings.attempt_cap else None

    def delay(self, failures: int) -> float:
        """A random delay after so many failures in a row."""
        return self._chance() * self._ceiling(failures)

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()

    def _open(self, address: ParentAddress) -> Penalty:
        if address not in self._records and len(self._records) >= REMEMBERED:
            del self._records[min(self._records, key=lambda each: self._records[each].not_before)]
        return self._records.setdefault(address, Penalty())

    def _ceiling(self, failures: int) -> float:
        return float(min(self._settings.delay_cap, self._settings.delay_base * 2 ** min(failures, 32)))
