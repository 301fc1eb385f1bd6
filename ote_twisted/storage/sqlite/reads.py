"""Queries of objects and of the change log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from ote_twisted.storage.model import EventType, Key, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.storage.sqlite.changes import unpacked
from ote_twisted.storage.sqlite.transactions import FIRST_VERSION

_ONE = "SELECT version, labels, value FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
# A change whose object has changed again since joins with nothing: so each present object comes once.
_REPLAY = """
SELECT log.version, present.created, present.namespace, present.name, present.labels, present.value,
       log.namespace, log.name, log.labels, log.value
FROM log LEFT JOIN objects present ON present.id = log.object AND present.version = log.version
WHERE log.version > ?1 AND (present.resource = ?2 OR log.resource = ?2) ORDER BY log.version
"""


class Selection:
    """Which objects a list is about, as SQL.

    :ivar where: FROM and WHERE of the query.
    :ivar arguments: its values.
    """

    def __init__(
        self, resource: str, namespace: str | None, after: tuple[str, str] | None, label: tuple[str, str] | None
    ) -> None:
        source, terms, self.arguments = "objects", ["objects.resource = ?"], [resource]
        if label is not None:
            source = "labels JOIN objects ON objects.id = labels.object"
            terms = ["labels.resource = ? AND labels.label = ? AND labels.value = ?"]
            self.arguments += label
        if namespace is not None:
            terms.append("objects.namespace = ?")
            self.arguments.append(namespace)
        if after is not None:
            terms.append("(objects.namespace, objects.name) > (?, ?)")
            self.arguments += after
        self.where = f"FROM {source} WHERE {' AND '.join(terms)}"

    def read(self, db: sqlite3.Connection, resource: str, limit: int) -> list[StoredObject]:
        """At most ``limit`` objects in order, -1 for all."""
        query = (
            f"SELECT objects.namespace, objects.name, objects.version, objects.labels, objects.value {self.where}"
            " ORDER BY objects.namespace, objects.name LIMIT ?"
        )
        return [
            StoredObject(Key(resource, namespace, name), version, value, unpacked(labels))
            for namespace, name, version, labels, value in db.execute(query, (*self.arguments, limit))
        ]

    def count(self, db: sqlite3.Connection) -> int:
        """How many objects there are."""
        found: int = db.execute(f"SELECT count(*) {self.where}", self.arguments).fetchone()[0]
        return found


def one(db: sqlite3.Connection, key: Key) -> StoredObject | None:
    """The object under a key."""
    row = db.execute(_ONE, (key.resource, key.namespace, key.name)).fetchone()
    return None if row is None else StoredObject(key, row[0], row[2], unpacked(row[1]))


def newest(db: sqlite3.Connection) -> ResourceVersion:
    """Version of the newest committed change."""
    return ResourceVersion(db.execute("SELECT max(version) FROM log").fetchone()[0] or FIRST_VERSION)


def floor(db: sqlite3.Connection) -> ResourceVersion:
    """The oldest version after which every change is still known."""
    oldest = db.execute("SELECT min(version) FROM log").fetchone()[0]
    return ResourceVersion(0 if oldest is None or oldest == FIRST_VERSION + 1 else oldest - 1)


class LogReplay:
    """Changes of one resource after a version, read from one snapshot of the file.

    :ivar upto: version of the snapshot.
    """

    def __init__(
        self, db: sqlite3.Connection, release: Callable[[sqlite3.Connection], None], resource: str, since: ResourceVersion
    ) -> None:
        """Read through ``db``, which is given to ``release`` in the end."""
        self._db: sqlite3.Connection | None = db
        self._release = release
        self._resource = resource
        self._since = since
        db.execute("BEGIN")
        self.upto = newest(db)
        self._rows = db.execute(_REPLAY, (since, resource))

    def events(self, limit: int) -> list[StoreEvent]:
        """The next changes."""
        return [self._event(row) for row in self._rows.fetchmany(limit)]

    def close(self) -> None:
        """Give the connection back. Idempotent."""
        db, self._db = self._db, None
        if db is not None:
            self._rows.close()
            self._release(db)

    def _event(self, row: tuple[Any, ...]) -> StoreEvent:
        version, created = row[:2]
        namespace, name, labels, value = row[6:] if created is None else row[2:6]
        stored = StoredObject(Key(self._resource, namespace, name), version, value, unpacked(labels))
        if created is None:
            return StoreEvent(EventType.DELETED, stored)
        return StoreEvent(EventType.ADDED if created > self._since else EventType.MODIFIED, stored)
