"""Which namespaces exist, known at once without asking the store."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from ote_twisted.api.status import ApiError, Named, not_found
from ote_twisted.interfaces import IObjectStore, IWatch
from ote_twisted.storage.model import EventType, StoredObject, StoreEvent

ALWAYS_THERE = ("default", "kube-system")
RESOURCE = "namespaces"


class Namespaces:
    """The namespaces of a store, followed by a watch.

    :ivar terminating: names of those that are being emptied.
    """

    def __init__(self, store: IObjectStore) -> None:
        self._store = store
        self._names: set[str] = set()
        self.terminating: set[str] = set()
        self._watch: IWatch | None = None

    async def start(self) -> None:
        """Read those that exist and follow changes from there."""
        page = await self._store.list(RESOURCE)
        for stored in page.items:
            self.seen(stored)
        self._watch = self._store.watch(RESOURCE, page.version, self._changed)

    def stop(self) -> None:
        """Follow no more. Idempotent."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def seen(self, stored: StoredObject) -> None:
        """A namespace exists in this state."""
        name = stored.key.name
        self._names.add(name)
        if orjson.loads(stored.value)["metadata"].get("deletionTimestamp"):
            self.terminating.add(name)

    def gone(self, name: str) -> None:
        """A namespace exists no more."""
        self._names.discard(name)
        self.terminating.discard(name)

    def missing(self) -> list[str]:
        """Those that must always exist and do not."""
        return [name for name in ALWAYS_THERE if name not in self._names]

    def check(self, name: str) -> None:
        """Nothing may be created in a namespace that does not exist or is going.

        :raise ApiError: 404 or 403.
        """
        if name not in self._names:
            raise not_found(Named(RESOURCE, plural=RESOURCE, kind="Namespace", name=name))
        if name in self.terminating:
            text = f"unable to create new content in namespace {name} because it is being terminated"
            raise ApiError(403, text)

    def _changed(self, events: Sequence[StoreEvent]) -> None:
        for event in events:
            if event.type is EventType.DELETED:
                self.gone(event.object.key.name)
            else:
                self.seen(event.object)
