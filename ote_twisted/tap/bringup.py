"""The order in which a controller's parts begin and end."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.listener import ApiListener
from ote_twisted.controller.service import ClusterController
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.tunnel.edge import EdgeTunnel


class Bringup(Service):
    """Starts what needs the store's answers, in order, once the reactor runs; stops it first, in reverse.

    :ivar started: everything runs.
    """

    _log = Logger()

    def __init__(self, engine: ApiEngine, controller: ClusterController, owner: TaskOwner, edge: EdgeTunnel) -> None:
        self.started = False
        self._engine = engine
        self._controller = controller
        self._services: tuple[IService, ...] = (controller, owner, edge)
        self._starting: Deferred[None] | None = None

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(lambda failure: self._log.failure("the controller could not be started", failure=failure))

    async def _start(self) -> None:
        await self._engine.start()
        await self._controller.prepare()
        if not self.running:
            return
        for service in self._services:
            service.startService()
        self.started = True

    def stopService(self) -> Deferred[None]:
        """Fires when the link to the parent is closed and nothing is under way."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self.started:
            for service in reversed(self._services):
                await maybeDeferred(service.stopService)
        self._engine.stop()


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
