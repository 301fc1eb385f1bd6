"""One coroutine at a time, with an owner."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure


class SingleFlight:
    """Runs a piece of work; a request made meanwhile makes it run once more, however many requests there were."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]], failed: Callable[[Failure], None]) -> None:
        """
        :param work: the piece of work.
        :param failed: is told a failure of it; whether to request again is its affair.
        """
        self._work = work
        self._failed = failed
        self._flying = False
        self._again = False
        self._stopped = False
        self._landed: list[Deferred[None]] = []

    def request(self) -> None:
        """Run it now, or once more after the present run."""
        self._again = True
        if self._flying or self._stopped:
            return
        self._flying = True
        Deferred.fromCoroutine(self._fly()).addErrback(self._failed).addBoth(self._land)

    def stop(self) -> Deferred[None]:
        """Start nothing more; fires when the present run is over."""
        self._stopped = True
        if not self._flying:
            return succeed(None)
        landed: Deferred[None] = Deferred()
        self._landed.append(landed)
        return landed

    async def _fly(self) -> None:
        try:
            while self._again and not self._stopped:
                self._again = False
                await self._work()
        finally:
            self._flying = False

    def _land(self, _: object) -> None:
        landed, self._landed = self._landed, []
        for waiting in landed:
            waiting.callback(None)
