"""Wall-clock alarms for many sleepers on one delayed call."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

LONGEST_SLEEP = 60.0
"""Seconds after which the wall clock is looked at again, in case it was set."""


class Sleeper(Protocol):
    """Whoever wants to be woken."""

    def wake(self) -> None:
        """The time has come."""


class Alarms:
    """Each sleeper has at most one alarm; setting it again replaces it."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float]) -> None:
        """
        :param clock: what delays are counted with.
        :param now: unix seconds, what alarms are set to.
        """
        self._clock = clock
        self._now = now
        self._times: dict[Sleeper, float] = {}
        self._queue: list[tuple[float, int, Sleeper]] = []
        self._serial = 0
        self._call: IDelayedCall | None = None
        self._call_for = 0.0

    def set(self, sleeper: Sleeper, when: float) -> None:
        """Wake the sleeper at ``when``, unix seconds."""
        if self._times.get(sleeper) == when:
            return
        self._times[sleeper] = when
        self._serial += 1
        heappush(self._queue, (when, self._serial, sleeper))
        if self._call is None or when < self._call_for:
            self._arm()

    def clear(self, sleeper: Sleeper) -> None:
        """Let the sleeper sleep."""
        self._times.pop(sleeper, None)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._times.clear()
        self._queue.clear()
        self._disarm()

    def _arm(self) -> None:
        self._disarm()
        while self._queue and self._times.get(self._queue[0][2]) != self._queue[0][0]:
            heappop(self._queue)
        if self._queue:
            self._call_for = self._queue[0][0]
            delay = min(LONGEST_SLEEP, max(0.0, self._call_for - self._now()))
            self._call = self._clock.callLater(delay, self._ring)

    def _disarm(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def _ring(self) -> None:
        self._call = None
        now = self._now()
        due: list[Sleeper] = []
        while self._queue and self._queue[0][0] <= now:
            when, _, sleeper = heappop(self._queue)
            if self._times.get(sleeper) == when:
                del self._times[sleeper]
                due.append(sleeper)
        for sleeper in due:
            sleeper.wake()
        if self._call is None:
            self._arm()
