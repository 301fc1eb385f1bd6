"""Old links that stay until what was sent on them is acknowledged."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.failover.ways import Way
from ote_twisted.interfaces import ILink

STEP = 0.5
"""How often it is looked, seconds."""


class Lingering:
    """Lets an old link end when nothing is under way on it any more, within bounds of time."""

    def __init__(self, bounds: tuple[float, float], clock: IReactorTime) -> None:
        """:param bounds: how long at least and at most, seconds."""
        self._least, self._most = bounds
        self._clock = clock
        self._calls: dict[Way, IDelayedCall] = {}

    def begin(self, way: Way, link: ILink, close: Callable[[], None]) -> None:
        """Another link carries; ``close`` is called when the old one may end."""
        until = self._clock.seconds() + self._most
        self._calls[way] = self._clock.callLater(self._least, self._look, way, link, close, until)

    def ended(self, way: Way) -> None:
        """The link is gone."""
        call = self._calls.pop(way, None)
        if call is not None:
            call.cancel()

    def stop(self) -> list[Way]:
        """Linger no more; gives those that did."""
        ways = list(self._calls)
        for way in ways:
            self.ended(way)
        return ways

    def _look(self, way: Way, link: ILink, close: Callable[[], None], until: float) -> None:
        del self._calls[way]
        if not link.unacknowledged() or self._clock.seconds() >= until:
            close()
        else:
            self._calls[way] = self._clock.callLater(STEP, self._look, way, link, close, until)
