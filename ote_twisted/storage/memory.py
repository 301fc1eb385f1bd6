"""The object store in memory: the same contract, nothing survives the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ote_twisted.errors import AlreadyExists, Conflict, Expired, NotFound
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.drafts import draft, restamped
from ote_twisted.storage.feed import Deliver, Feed, Watch
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.model import JSON, EventType, Key, Page, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.storage.texts import already_exists, conflict, list_expired, not_found
from ote_twisted.storage.tokens import continue_token, parse_token


@implementer(IObjectStore)
class MemoryObjectStore:
    """Keeps objects in a dictionary.

    :ivar feed: its watches, with their counters.
    """

    def __init__(self, clock: IReactorTime, limits: Limits | None = None) -> None:
        """Make an empty store; ``clock`` gives the reactor turns in which watches are served."""
        self._limits = limits or Limits()
        kept = self._limits.kept_versions
        self.feed = Feed(clock, ResourceVersion(1), Limits(recent_events=kept, recent_bytes=kept << 20))
        self._objects: dict[Key, StoredObject] = {}
        self._lists: dict[tuple[ResourceVersion, str], Sequence[StoredObject]] = {}

    def version(self) -> ResourceVersion:
        """See :class:`IObjectStore`."""
        return self.feed.version

    def get(self, key: Key) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        found = self._objects.get(key)
        return fail(NotFound(not_found(key))) if found is None else succeed(found)

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        limit: int | None = None,
        continue_key: str | None = None,
        label_equals: tuple[str, str] | None = None,
    ) -> Deferred[Page]:
        """See :class:`IObjectStore`."""
        return maybeDeferred(self._list, resource, namespace, limit, continue_key, label_equals)

    def create(self, key: Key, value: JSON) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        return maybeDeferred(self._create, key, value)

    def update(self, key: Key, value: JSON, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        return maybeDeferred(self._update, key, value, expected)

    def delete(self, key: Key, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        return maybeDeferred(self._delete, key, expected)

    def watch(self, resource: str, since: ResourceVersion, deliver: Deliver) -> Watch:
        """See :class:`IObjectStore`."""
        return self.feed.watch(resource, since, deliver)

    def stop(self) -> None:
        """End every watch. Idempotent."""
        self.feed.stop()

    def _create(self, key: Key, value: JSON) -> StoredObject:
        drafted = draft(value)
        if key in self._objects:
            raise AlreadyExists(already_exists(key))
        version = self._next()
        new = StoredObject(key, version, drafted.at(version), drafted.labels)
        self._objects[key] = new
        return self._announce(EventType.ADDED, new, None)

    def _update(self, key: Key, value: JSON, expected: ResourceVersion | None) -> StoredObject:
        drafted = draft(value)
        previous = self._present(key, expected)
        version = self._next()
        new = StoredObject(key, version, drafted.at(version), drafted.labels)
        self._objects[key] = new
        return self._announce(EventType.MODIFIED, new, previous)

    def _delete(self, key: Key, expected: ResourceVersion | None) -> StoredObject:
        previous = self._present(key, expected)
        version = self._next()
        last = StoredObject(key, version, restamped(previous.value, version), previous.labels)
        del self._objects[key]
        return self._announce(EventType.DELETED, last, previous)

    def _present(self, key: Key, expected: ResourceVersion | None) -> StoredObject:
        found = self._objects.get(key)
        if found is None:
            raise NotFound(not_found(key))
        if expected is not None and expected != found.version:
            raise Conflict(conflict(key, expected, found.version))
        return found

    def _next(self) -> ResourceVersion:
        return ResourceVersion(self.feed.version + 1)

    def _announce(self, kind: EventType, new: StoredObject, previous: StoredObject | None) -> StoredObject:
        self.feed.announce([StoreEvent(kind, new, previous)])
        return new

    def _list(
        self, resource: str, namespace: str | None, limit: int | None, token: str | None, label: tuple[str, str] | None
    ) -> Page:
        version, after = (self.feed.version, None) if token is None else parse_token(token)
        found = [
            stored
            for stored in self._at(version, resource)
            if (namespace is None or stored.key.namespace == namespace)
            and (after is None or (stored.key.namespace, stored.key.name) > after)
            and (label is None or stored.labels.get(label[0]) == label[1])
        ]
        if not limit or len(found) <= limit:
            return Page(found, version)
        self._hold(version, resource)
        last = found[limit - 1].key
        return Page(found[:limit], version, continue_token(version, last.namespace, last.name), len(found) - limit)

    def _at(self, version: ResourceVersion, resource: str) -> Sequence[StoredObject]:
        if version == self.feed.version:
            return _in_order(stored for stored in self._objects.values() if stored.key.resource == resource)
        held = self._lists.get((version, resource))
        if held is None or version < self.feed.version - self._limits.snapshot_versions:
            raise Expired(list_expired(version))
        return held

    def _hold(self, version: ResourceVersion, resource: str) -> None:
        self._lists.setdefault((version, resource), self._at(version, resource))
        while len(self._lists) > self._limits.snapshots:
            del self._lists[next(iter(self._lists))]


def _in_order(objects: Iterable[StoredObject]) -> list[StoredObject]:
    return sorted(objects, key=lambda stored: (stored.key.namespace, stored.key.name))
