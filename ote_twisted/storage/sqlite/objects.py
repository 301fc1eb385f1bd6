"""The object store on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from ote_twisted.errors import Expired, NotFound, StoreUnavailable
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.drafts import draft
from ote_twisted.storage.feed import Deliver, Feed, Watch
from ote_twisted.storage.model import JSON, Key, Page, ResourceVersion, StoredObject
from ote_twisted.storage.sqlite import changes, reads
from ote_twisted.storage.sqlite.faults import store_error
from ote_twisted.storage.sqlite.snapshots import Readers
from ote_twisted.storage.sqlite.writers import Writer
from ote_twisted.storage.texts import list_expired, not_found
from ote_twisted.storage.tokens import continue_token, parse_token

T = TypeVar("T")


class LogHistory:
    """Gives a feed what lies behind its ring."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def floor(self) -> ResourceVersion:
        """See :class:`ote_twisted.storage.feed.History`."""
        return self._ask(reads.floor)

    def newest(self) -> ResourceVersion:
        """See :class:`ote_twisted.storage.feed.History`."""
        return self._ask(reads.newest)

    def replay(self, resource: str, since: ResourceVersion) -> reads.LogReplay:
        """See :class:`ote_twisted.storage.feed.History`."""
        return reads.LogReplay(self._readers.lend(), self._readers.take_back, resource, since)

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        db = self._readers.lend()
        try:
            return question(db)
        finally:
            self._readers.take_back(db)


@implementer(IObjectStore)
class SQLiteObjectStore:
    """Reads in the reactor's thread, writes through the writer.

    :ivar feed: its watches, with their counters.
    :ivar readers: its read connections, with their counters.
    """

    def __init__(self, writer: Writer, feed: Feed, readers: Readers) -> None:
        self.feed = feed
        self.readers = readers
        self._writer = writer
        self._db: sqlite3.Connection | None = readers.lend()

    def version(self) -> ResourceVersion:
        """See :class:`IObjectStore`."""
        return self.feed.version

    def get(self, key: Key) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        try:
            found = reads.one(self.reader(), key)
        except Exception as error:
            return fail(store_error(error))
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
        try:
            version, after = (None, None) if continue_key is None else parse_token(continue_key)
            selection = reads.Selection(resource, namespace, after, label_equals)
            if version is None:
                return succeed(self._first_page(selection, resource, limit))
            return succeed(self._page(self._snapshot(version), version, selection, resource, limit))
        except Exception as error:
            return fail(store_error(error))

    def create(self, key: Key, value: JSON) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        try:
            run = partial(changes.create, key=key, draft=draft(value))
        except Exception as error:
            return fail(store_error(error))
        return self._writer.write(run)

    def update(self, key: Key, value: JSON, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        try:
            run = partial(changes.update, key=key, draft=draft(value), expected=expected)
        except Exception as error:
            return fail(store_error(error))
        return self._writer.write(run)

    def delete(self, key: Key, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """See :class:`IObjectStore`."""
        return self._writer.write(partial(changes.delete, key=key, expected=expected))

    def watch(self, resource: str, since: ResourceVersion, deliver: Deliver) -> Watch:
        """See :class:`IObjectStore`."""
        try:
            self.reader()
            return self.feed.watch(resource, since, deliver)
        except sqlite3.Error as error:
            raise store_error(error) from None

    def close(self) -> None:
        """End watches and reads. Idempotent."""
        self.feed.stop()
        db, self._db = self._db, None
        if db is not None:
            self.readers.take_back(db)
        self.readers.close()

    def reader(self) -> sqlite3.Connection:
        """The connection for short reads in the reactor's thread.

        :raise StoreUnavailable: the store is closed.
        """
        if self._db is None:
            raise StoreUnavailable("the store is closed")
        return self._db

    def _snapshot(self, version: ResourceVersion) -> sqlite3.Connection:
        self.reader()
        db = self.readers.snapshot(version)
        if db is None:
            raise Expired(list_expired(version))
        return db

    def _first_page(self, selection: reads.Selection, resource: str, limit: int | None) -> Page:
        db = self.reader()
        db.execute("BEGIN")
        try:
            version = reads.newest(db)
            page = self._page(db, version, selection, resource, limit)
            if page.continue_key is not None and self.readers.snapshot(version) is None:
                self._db = self.readers.lend()
                self.readers.hold(version, db)
            return page
        finally:
            if db is self._db:
                db.execute("ROLLBACK")

    def _page(
        self, db: sqlite3.Connection, version: ResourceVersion, selection: reads.Selection, resource: str, limit: int | None
    ) -> Page:
        found = selection.read(db, resource, limit + 1 if limit else -1)
        if not limit or len(found) <= limit:
            return Page(found, version)
        del found[limit:]
        last = found[-1].key
        return Page(found, version, continue_token(version, last.namespace, last.name), selection.count(db) - limit)
