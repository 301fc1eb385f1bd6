"""Follows all objects of one resource: a list, then a watch from its version, again whenever that is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.errors import StoreError
from ote_twisted.interfaces import IObjectStore, IWatch
from ote_twisted.storage.model import Key, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.tasks.flight import SingleFlight

LIST_PAGE = 500


class Followed(Protocol):
    """Whoever follows."""

    async def prepare(self) -> None:
        """Called before each list. A StoreError makes everything begin again after a while."""

    async def listed(self, objects: dict[Key, StoredObject]) -> None:
        """Everything there is. Called before any change."""

    def changed(self, events: Sequence[StoreEvent]) -> None:
        """Changes after the list, in order."""


class Follower:
    """Lists and watches; a store that fails is asked again after a delay.

    :ivar retries: lists that failed.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        resource: str,
        followed: Followed,
        clock: IReactorTime,
        delay: Callable[[int], float],
    ) -> None:
        """
        :param delay: seconds to wait after so many failures in a row.
        """
        self._store = store
        self._resource = resource
        self._followed = followed
        self._clock = clock
        self._delay = delay
        self._flight = SingleFlight(self._follow, self._failed)
        self._failures = 0
        self._retry: IDelayedCall | None = None
        self._watch: IWatch | None = None
        self._stopped = False
        self.retries = 0

    def start(self) -> None:
        """Begin."""
        self._flight.request()

    def stop(self) -> Deferred[None]:
        """Tell nothing more; fires when nothing is under way."""
        self._stopped = True
        if self._watch is not None:
            self._watch.stop()
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        return self._flight.stop()

    async def _follow(self) -> None:
        await self._followed.prepare()
        objects, version = await self._list()
        if self._stopped:
            return
        if self._watch is not None:
            self._watch.stop()
        self._watch = self._store.watch(self._resource, version, self._changed)
        await self._followed.listed(objects)
        self._failures = 0

    async def _list(self) -> tuple[dict[Key, StoredObject], ResourceVersion]:
        objects: dict[Key, StoredObject] = {}
        token: str | None = None
        while True:
            page = await self._store.list(self._resource, limit=LIST_PAGE, continue_key=token)
            objects.update((stored.key, stored) for stored in page.items)
            token = page.continue_key
            if token is None:
                return objects, page.version

    def _changed(self, events: Sequence[StoreEvent]) -> None:
        if not self._stopped:
            self._followed.changed(events)

    def _failed(self, failure: Failure) -> None:
        self._failures += 1
        self.retries += 1
        if failure.check(StoreError) is None:
            self._log.failure("{resource} cannot be followed", failure, resource=self._resource)
        elif self._failures == 1:
            reason = failure.getErrorMessage()
            self._log.warn("{resource} waits for the store: {reason}", resource=self._resource, reason=reason)
        if not self._stopped:
            self._retry = self._clock.callLater(self._delay(self._failures), self._flight.request)
