"""The writes of objects, run inside a group's transaction. Each checks before it changes anything."""

from __future__ import annotations

import sqlite3

import orjson

from ote_twisted.errors import AlreadyExists, Conflict, NotFound
from ote_twisted.storage.drafts import Draft, restamped
from ote_twisted.storage.model import EventType, Key, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.storage.sqlite.transactions import Transaction
from ote_twisted.storage.texts import already_exists, conflict, not_found

_FIND = "SELECT id, version, labels, value FROM objects WHERE resource = ? AND namespace = ? AND name = ?"
_INSERT = (
    "INSERT INTO objects (resource, namespace, name, version, created, labels, value) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_UPDATE = "UPDATE objects SET version = ?, labels = ?, value = ? WHERE id = ?"
_LABEL = "INSERT INTO labels (resource, label, value, object) VALUES (?, ?, ?, ?)"
_UNLABEL = "DELETE FROM labels WHERE resource = ? AND label = ? AND value = ? AND object = ?"


def create(transaction: Transaction, key: Key, draft: Draft) -> StoreEvent:
    """Add an object. Raises AlreadyExists."""
    cursor, version = transaction.cursor, transaction.next_version()
    new = StoredObject(key, ResourceVersion(version), draft.at(version), draft.labels)
    row = (key.resource, key.namespace, key.name, version, version, packed(draft.labels), new.value)
    if cursor.execute(_INSERT, row).rowcount == 0:
        raise AlreadyExists(already_exists(key))
    number = cursor.lastrowid
    assert number is not None
    if draft.labels:
        _relabel(cursor, key, number, {}, draft.labels)
    transaction.log(number)
    return StoreEvent(EventType.ADDED, new)


def update(transaction: Transaction, key: Key, draft: Draft, expected: ResourceVersion | None) -> StoreEvent:
    """Replace an object. Raises NotFound, Conflict."""
    number, previous = _present(transaction.cursor, key, expected)
    cursor, version = transaction.cursor, transaction.next_version()
    new = StoredObject(key, ResourceVersion(version), draft.at(version), draft.labels)
    cursor.execute(_UPDATE, (version, packed(draft.labels), new.value, number))
    if previous.labels != draft.labels:
        _relabel(cursor, key, number, previous.labels, draft.labels)
    transaction.log(number)
    return StoreEvent(EventType.MODIFIED, new, previous)


def delete(transaction: Transaction, key: Key, expected: ResourceVersion | None) -> StoreEvent:
    """Remove an object; its last state stays in the log. Raises NotFound, Conflict."""
    number, previous = _present(transaction.cursor, key, expected)
    cursor, version = transaction.cursor, ResourceVersion(transaction.next_version())
    last = StoredObject(key, version, restamped(previous.value, version), previous.labels)
    cursor.execute("DELETE FROM objects WHERE id = ?", (number,))
    if previous.labels:
        _relabel(cursor, key, number, previous.labels, {})
    transaction.log(number, key.resource, key.namespace, key.name, packed(last.labels), last.value)
    return StoreEvent(EventType.DELETED, last, previous)


def packed(labels: dict[str, str]) -> bytes | None:
    """Labels as stored; nothing for none."""
    return orjson.dumps(labels) if labels else None


def unpacked(stored: bytes | None) -> dict[str, str]:
    """Labels as read."""
    return orjson.loads(stored) if stored else {}


def _present(cursor: sqlite3.Cursor, key: Key, expected: ResourceVersion | None) -> tuple[int, StoredObject]:
    row = cursor.execute(_FIND, (key.resource, key.namespace, key.name)).fetchone()
    if row is None:
        raise NotFound(not_found(key))
    number, version, labels, value = row
    if expected is not None and expected != version:
        raise Conflict(conflict(key, expected, version))
    return number, StoredObject(key, version, value, unpacked(labels))


def _relabel(cursor: sqlite3.Cursor, key: Key, number: int, old: dict[str, str], new: dict[str, str]) -> None:
    gone = [(key.resource, *label, number) for label in old.items() - new.items()]
    come = [(key.resource, *label, number) for label in new.items() - old.items()]
    if gone:
        cursor.executemany(_UNLABEL, gone)
    if come:
        cursor.executemany(_LABEL, come)
