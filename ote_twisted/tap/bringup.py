"""The order in which a controller's parts begin and end."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.listener import ApiListener
from ote_twisted.controller.service import ClusterController
from ote_twisted.errors import StoreError
from ote_twisted.failover.service import Failover
from ote_twisted.tasks.owner import TaskOwner

RETRY = 2.0
"""Seconds after which a start that the store refused is tried again."""


class Bringup(Service):
    """Starts what needs the store's answers, in order, once the reactor runs; stops it first, in reverse.

    :ivar started: everything runs.
    :ivar why_not: a sentence while it does not.
    """

    _log = Logger()

    def __init__(
        self,
        engine: ApiEngine,
        controller: ClusterController,
        owner: TaskOwner,
        failover: Failover,
        events: IService,
        clock: IReactorTime,
        patience: float,
    ) -> None:
        """
        :param events: what records events; stopped first, because that links end with us is no news.
        :param patience: how long a stop waits for tasks that are under way here, seconds.
        """
        self.started = False
        self.why_not = "the controller is starting"
        self._engine = engine
        self._controller = controller
        self._services: tuple[IService, ...] = (controller, owner, failover, events)
        self._clock = clock
        self._patience = patience
        self._steps = [
            engine.start,
            lambda: Deferred.fromCoroutine(controller.prepare()),
            lambda: Deferred.fromCoroutine(failover.prepare()),
        ]
        self._starting: Deferred[None] = succeed(None)

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._starting = Deferred.fromCoroutine(self._start()).addErrback(self._failed)

    async def _start(self) -> None:
        while self._steps:
            try:
                await self._steps[0]()
                del self._steps[0]
            except StoreError as fault:
                self.why_not = f"the controller waits for its store: {fault}"
                self._log.warn("{reason}; trying again", reason=self.why_not)
                await deferLater(self._clock, RETRY)
        for service in self._services:
            service.startService()
        self.started = True

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self.why_not = "the controller could not be started; the log has the reason"
            self._log.failure("the controller could not be started", failure=failure)

    def stopService(self) -> Deferred[None]:
        """Fires when the link to the parent is closed and nothing is under way."""
        super().stopService()
        self._starting.cancel()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        started, self.started, self.why_not = self.started, False, "the controller is stopping"
        if started:
            await self._drain()
            for service in reversed(self._services):
                await maybeDeferred(service.stopService)
        self._engine.stop()

    async def _drain(self) -> None:
        """Answers to what is under way leave over the link, as long as there is one."""
        try:
            await self._controller.drain().addTimeout(self._patience, self._clock)
        except TimeoutError:
            running = self._controller.performer.running
            self._log.warn("{running} tasks are given up after {patience:g} s", running=running, patience=self._patience)


class Listening(Service):
    """Lets a failure to listen be seen by whoever starts us."""

    def __init__(self, api: ApiListener) -> None:
        self._api = api

    def startService(self) -> None:
        """Listen.

        :raise CannotListenError: the endpoint cannot be had.
        """
        super().startService()
        failures: list[Any] = []
        self._api.listen().addErrback(failures.append)
        if failures:
            failures[0].raiseException()

    def stopService(self) -> Deferred[None] | None:
        """Listen no more."""
        super().stopService()
        return self._api.stopService()
