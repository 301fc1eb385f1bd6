"""Starting, reloading and stopping in order. ``MultiService`` stops all its children at once; here one follows the other."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, cast

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred, maybeDeferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger


class OrderedServices(MultiService):
    """Starts its children in the order added and stops them in reverse, each when the one before is quiet.

    :param limit: seconds for the whole stop. When they are over, what remains is still told to stop, and not waited for.
    :ivar overdue: children that were not quiet in time.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, limit: float) -> None:
        super().__init__()
        self._clock = clock
        self._limit = limit
        self.overdue = 0

    def stopService(self) -> Deferred[Any]:
        """Stop everything. The Deferred fires within the limit and never fails."""
        Service.stopService(self)
        return ensureDeferred(self._stop_each(self._clock.seconds() + self._limit))

    async def _stop_each(self, deadline: float) -> None:
        for service in reversed(list(self)):
            await self._stop_one(service, deadline)

    async def _stop_one(self, service: IService, deadline: float) -> None:
        name = getattr(service, "name", None) or type(service).__name__
        stopping = cast("Deferred[object]", maybeDeferred(service.stopService))
        remaining = max(0.0, deadline - self._clock.seconds())
        try:
            await stopping.addTimeout(remaining, self._clock)
        except TimeoutError:
            self.overdue += 1
            self._log.warn("{service} did not stop within {limit} s and is left", service=name, limit=self._limit)
        except Exception:
            self._log.failure("{service} failed to stop", service=name)


class ReadyAnnouncer(Service):
    """Calls a function once, as soon as the program does its work.

    :param ready: tells whether it does; asked at the start and then every ``interval`` seconds until it is true.
    """

    def __init__(
        self, clock: IReactorTime, ready: Callable[[], bool], announce: Callable[[], None], interval: float = 0.1
    ) -> None:
        self._ready = ready
        self._announce = announce
        self._interval = interval
        self._asking = LoopingCall(self._ask)
        self._asking.clock = clock

    def startService(self) -> None:
        """Begin to ask."""
        super().startService()
        self._asking.start(self._interval)

    def stopService(self) -> None:
        """Ask no more."""
        if self._asking.running:
            self._asking.stop()
        super().stopService()

    def _ask(self) -> None:
        if self._ready():
            self._asking.stop()
            self._announce()


class SignalService(Service):
    """Calls a function in the reactor's turn whenever a signal arrives; the former disposition returns at the stop.

    :param number: e.g. ``signal.SIGHUP``.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorFromThreads, number: signal.Signals, call: Callable[[], object]) -> None:
        self._reactor = reactor
        self._number = number
        self._call = call
        self._former: Any = None

    def startService(self) -> None:
        """Take the signal. Only the main thread may."""
        super().startService()
        self._former = signal.signal(self._number, self._arrived)

    def stopService(self) -> None:
        """Give the signal back."""
        signal.signal(self._number, self._former)
        super().stopService()

    def _arrived(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._perform)

    def _perform(self) -> None:
        try:
            self._call()
        except Exception:
            self._log.failure("{signal} could not be acted on", signal=self._number.name)
