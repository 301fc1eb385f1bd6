"""A recorder over a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from ote_twisted.controller.objects import NAMESPACE, key_of
from ote_twisted.errors import StoreUnavailable
from ote_twisted.events.model import EventLimits
from ote_twisted.events.recorder import EventRecorder
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON, Key, Page, ResourceVersion, StoredObject

WALL = 1_800_000_000.0


class FaultyStore(MemoryObjectStore):
    """A store whose disk may be full, and that counts what it is asked to write.

    :ivar full: it writes nothing.
    :ivar unreadable: it lists nothing.
    :ivar asked: writes that it was asked for.
    """

    full = False
    unreadable = False
    asked = 0

    def list(self, *arguments: Any, **named: Any) -> Deferred[Page]:
        """See IObjectStore."""
        return fail(StoreUnavailable("the disk cannot be read")) if self.unreadable else super().list(*arguments, **named)

    def create(self, key: Key, value: JSON) -> Deferred[StoredObject]:
        """See IObjectStore."""
        return self._asked(lambda: super(FaultyStore, self).create(key, value))

    def update(self, key: Key, value: JSON, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """See IObjectStore."""
        return self._asked(lambda: super(FaultyStore, self).update(key, value, expected))

    def delete(self, key: Key, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """See IObjectStore."""
        return self._asked(lambda: super(FaultyStore, self).delete(key, expected))

    def _asked(self, write: Callable[[], Deferred[StoredObject]]) -> Deferred[StoredObject]:
        self.asked += 1
        return fail(StoreUnavailable("the disk is full")) if self.full else write()


class Place:
    """Where a recorder works.

    :ivar recorder: that of the present life.
    :ivar skew: seconds by which the wall clock is ahead.
    """

    def __init__(self, limits: EventLimits | None = None) -> None:
        self.clock = Clock()
        self.store = FaultyStore(self.clock)
        self.skew = 0.0
        self._limits = limits
        self._uids = 0
        self.recorder = self.again()

    def again(self) -> EventRecorder:
        """A recorder for another life of the same controller."""
        self.recorder = EventRecorder("here", self.store, self.clock, self.wall, self._uid, self._limits)
        return self.recorder

    def wall(self) -> float:
        """Unix seconds."""
        return WALL + self.skew + self.clock.seconds()

    def settle(self) -> None:
        """Let pass what it takes until everything is written."""
        for _ in range(60):
            self.clock.advance(0.2)

    def events(self) -> list[JSON]:
        """Every event in the store, the one that happened longest ago first."""
        found: list[Page] = []
        MemoryObjectStore.list(self.store, "events", NAMESPACE).addCallback(found.append)
        values: list[JSON] = [orjson.loads(item.value) for item in found[0].items]
        return sorted(values, key=lambda value: (value["lastTimestamp"], int(value["metadata"]["name"].rpartition(".")[2], 16)))

    def put(self, key: Key, value: JSON) -> None:
        """Somebody else writes an object."""
        MemoryObjectStore.create(self.store, key, value)

    def cluster(self, name: str, uid: str) -> None:
        """A cluster has an object."""
        self.put(key_of(name), {"metadata": {"name": name, "uid": uid}})

    def stop(self) -> None:
        """End the present life; nothing is left on the clock."""
        if self.recorder.running:
            self.recorder.stopService()
        self.store.stop()
        assert not self.clock.getDelayedCalls()

    def _uid(self) -> str:
        self._uids += 1
        return f"uid-{self._uids}"
