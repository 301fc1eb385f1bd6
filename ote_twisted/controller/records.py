"""Keeps the ``Cluster`` objects of the store true to what the controller knows, and learns what users write on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import orjson
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.controller.objects import NAMESPACE, RESOURCE, Known, cluster_object, key_of, known_of, own_labels
from ote_twisted.errors import AlreadyExists, Conflict, Expired, NotFound, StoreError
from ote_twisted.interfaces import IObjectStore, IWatch
from ote_twisted.storage.model import JSON, EventType, ResourceVersion, StoredObject, StoreEvent

CONCURRENCY = 128
"""Writes under way at the same time; the store commits them in groups."""

RETRY = 1.0
"""Pause after the store refused a write, seconds."""


class ClusterRecords:
    """Writes what changed, nothing else.

    :ivar writes: objects written.
    :ivar failures: writes that the store refused; they are tried again.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        clock: IReactorTime,
        now: Callable[[], float],
        new_uid: Callable[[], str],
        known: Callable[[str], Known | None],
        labelled: Callable[[str, Mapping[str, str]], None],
        deleted: Callable[[str], bool],
    ) -> None:
        """
        :param known: what to write for a name; ``None`` writes nothing.
        :param labelled: is told the labels that users put on a cluster's object.
        :param deleted: is told that a user deleted an object; true if it has to be written again.
        """
        self.writes = 0
        self.failures = 0
        self._store = store
        self._clock = clock
        self._now = now
        self._new_uid = new_uid
        self._known = known
        self._labelled = labelled
        self._deleted = deleted
        self._dirty: dict[str, None] = {}
        self._removed: set[str] = set()
        self._writing: dict[str, Deferred[None]] = {}
        self._watch: IWatch | None = None
        self._retry: IDelayedCall | None = None
        self._started = False
        self._pumping = False

    @property
    def pending(self) -> int:
        """Objects that wait to be written."""
        return len(self._dirty) + len(self._writing)

    async def load(self) -> list[Known]:
        """Read every object; from then on changes by users are followed."""
        page = await self._store.list(RESOURCE, NAMESPACE)
        self._follow(page.version)
        return [known_of(orjson.loads(item.value)) for item in page.items]

    def start(self) -> None:
        """Begin to write."""
        self._started = True
        self._pump()

    def stop(self) -> None:
        """End the watch and the writes under way."""
        self._started = False
        if self._watch is not None:
            self._watch.stop()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        for writing in list(self._writing.values()):
            writing.cancel()

    def changed(self, names: Iterable[str]) -> None:
        """These clusters are not as their objects say."""
        self._dirty.update(dict.fromkeys(names))
        self._pump()

    def remove(self, names: Iterable[str]) -> None:
        """These clusters are forgotten: their objects go, but for those that somebody else has put a finalizer on."""
        names = list(names)
        self._removed.update(names)
        self.changed(names)

    def _follow(self, version: ResourceVersion) -> None:
        try:
            self._watch = self._store.watch(RESOURCE, version, self._events)
        except Expired:
            self._watch = self._store.watch(RESOURCE, self._store.version(), self._events)

    def _events(self, events: Sequence[StoreEvent]) -> None:
        for event in events:
            name = event.object.key.name
            if event.object.key.namespace != NAMESPACE:
                continue
            if event.type is EventType.DELETED:
                if self._deleted(name):
                    self.changed([name])
            else:
                value = orjson.loads(event.object.value)
                self._labelled(name, own_labels(value))
                if self._untrue(name, value):
                    self.changed([name])

    def _untrue(self, name: str, value: JSON) -> bool:
        """Somebody else wrote what we know better."""
        known = self._known(name)
        return known is not None and cluster_object(known, value, "", self._now()) != value

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        while self._started and self._retry is None and len(self._writing) < CONCURRENCY:
            name = self._next()
            if name is None:
                break
            self._begin(name)
        self._pumping = False

    def _next(self) -> str | None:
        """A name to write that is not being written; a store may answer at once, so each is looked for anew."""
        return next((name for name in islice(self._dirty, CONCURRENCY + 1) if name not in self._writing), None)

    def _begin(self, name: str) -> None:
        del self._dirty[name]
        writing = self._writing[name] = Deferred.fromCoroutine(self._write(name))
        writing.addErrback(self._failed, name)
        writing.addBoth(self._written, name)

    def _written(self, result: object, name: str) -> None:
        del self._writing[name]
        if self._dirty:
            self._pump()

    def _failed(self, failure: Failure, name: str) -> None:
        if failure.check(CancelledError):
            return
        self._dirty[name] = None
        self.failures += 1
        if not failure.check(Conflict, AlreadyExists, NotFound):
            self._log.warn("cluster object {name} not written: {reason}", name=name, reason=failure.getErrorMessage())
            if not failure.check(StoreError):
                self._log.failure("writing a cluster object", failure=failure)
            self._pause()

    def _pause(self) -> None:
        if self._retry is None and self._started:
            self._retry = self._clock.callLater(RETRY, self._resume)

    def _resume(self) -> None:
        self._retry = None
        self._pump()

    async def _write(self, name: str) -> None:
        stored = await self._read(name)
        known = self._known(name)
        if known is None:
            await self._forget(name, stored)
            return
        self._removed.discard(name)
        existing: JSON | None = None if stored is None else orjson.loads(stored.value)
        value = cluster_object(known, existing, self._new_uid(), self._now())
        if value == existing:
            return
        if stored is None:
            await self._store.create(key_of(name), value)
        else:
            await self._store.update(key_of(name), value, stored.version)
        self.writes += 1

    async def _forget(self, name: str, stored: StoredObject | None) -> None:
        if name not in self._removed:
            return
        if stored is not None and not orjson.loads(stored.value)["metadata"].get("finalizers"):
            await self._store.delete(key_of(name), stored.version)
            self.writes += 1
        self._removed.discard(name)

    async def _read(self, name: str) -> StoredObject | None:
        try:
            return await self._store.get(key_of(name))
        except NotFound:
            return None
