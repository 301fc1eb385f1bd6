"""Watches: changes of the store as lines of JSON, encoded once for all watchers of one kind and form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from attrs import field

from ote_twisted.api.accept import Form
from ote_twisted.api.call import Call
from ote_twisted.api.reading import selection_of
from ote_twisted.api.selectors import Selection
from ote_twisted.api.served import ServedKind, ServedKinds
from ote_twisted.api.status import ApiError
from ote_twisted.interfaces import IObjectStore, IWatch
from ote_twisted.storage.model import EventType, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.values import define, frozen

_SHARED_LINES = 1024
_INITIAL_END = {"k8s.io/initial-events-end": "true"}

Deliver = Callable[[Sequence[bytes]], None]
"""Takes lines, each one event, in order."""


class EventLines:
    """Lines of events of one kind in one form; the newest are shared by all watchers.

    :ivar encoded: lines made, however many watchers got them.
    """

    def __init__(self, served: ServedKind, form: Form, include: str, now: Callable[[], float]) -> None:
        self._served = served
        self._form = form
        self._include = include
        self._now = now
        self._lines: dict[tuple[int, str], bytes] = {}
        self.encoded = 0

    def line(self, kind: str, stored: StoredObject) -> bytes:
        """One event."""
        key = (stored.version, kind)
        line = self._lines.get(key)
        if line is None:
            if len(self._lines) >= _SHARED_LINES:
                self._lines.clear()
            line = self._lines[key] = self._encode(kind, stored.value)
        return line

    def bookmark(self, version: int, annotations: dict[str, str] | None = None) -> bytes:
        """A line that only tells how far the watch is."""
        metadata = {"resourceVersion": str(version), "creationTimestamp": None}
        kind = self._served.kind
        value = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        if annotations:
            metadata["annotations"] = annotations  # type: ignore[assignment]
        return self._encode("BOOKMARK", orjson.dumps(value))

    def _encode(self, kind: str, value: bytes) -> bytes:
        self.encoded += 1
        body = self._served.renderer.object_bytes(value, self._form, self._now(), self._include)
        return b'{"type":"%b","object":%b}\n' % (kind.encode(), body)


@define(eq=False)
class OpenWatch:
    """A watch that runs.

    :ivar initial: lines to be sent first.
    :ivar bookmarks: the watcher takes bookmarks.
    :ivar timeout: seconds after which it asked to be ended, ``None`` for never.
    """

    content_type: str
    initial: Sequence[bytes]
    bookmarks: bool
    timeout: int | None
    _lines: EventLines
    _selection: Selection
    _deliver: Deliver
    _store: IObjectStore
    _upto: ResourceVersion
    _watch: IWatch | None = field(default=None, init=False)

    def follow(self, resource: str) -> OpenWatch:
        """Begin to deliver, from the next reactor turn on.

        :raise ote_twisted.errors.Expired: too late for that version.
        """
        self._watch = self._store.watch(resource, self._upto, self._events)
        return self

    def stop(self) -> None:
        """Deliver nothing more. Idempotent."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def bookmark(self) -> bytes:
        """How far the watch certainly was at the previous call; to be called at an interval of many reactor turns."""
        line = self._lines.bookmark(self._upto)
        self._upto = self._store.version()
        return line

    def _events(self, events: Sequence[StoreEvent]) -> None:
        if not self._selection.tests:
            lines = [self._lines.line(event.type, event.object) for event in events]
        else:
            lines = [line for line in map(self._selected, events) if line is not None]
        if lines:
            self._deliver(lines)

    def _selected(self, event: StoreEvent) -> bytes | None:
        """An object that begins or ceases to be selected is added or deleted as far as this watcher is concerned."""
        kind = _kind_of(event, self._selection)
        return None if kind is None else self._lines.line(kind, event.object)


def _kind_of(event: StoreEvent, selection: Selection) -> EventType | None:
    chosen = selection.chooses(event.object)
    if event.type is not EventType.MODIFIED:
        return event.type if chosen else None
    before = event.previous
    if before is None:
        # A replayed change has no previous state: a deletion of what the watcher never saw does no harm.
        return EventType.MODIFIED if chosen else EventType.DELETED
    if selection.chooses(before):
        return EventType.MODIFIED if chosen else EventType.DELETED
    return EventType.ADDED if chosen else None


@frozen(eq=False)
class Watching:
    """Opens watches on one store.

    :ivar lines: encoders by resource, form and kind of rows.
    """

    store: IObjectStore
    kinds: ServedKinds
    now: Callable[[], float]
    lines: dict[tuple[str, Form, str], EventLines] = field(factory=dict)

    async def open(self, call: Call, deliver: Deliver) -> OpenWatch:
        """Begin a watch as the call asks, from a version or with the present objects.

        :raise ApiError: 400, 406, or a store's Expired.
        """
        form, options = call.form, call.options
        if form.yaml:
            raise ApiError(406, "only the following media types are accepted: application/json, application/json;stream=watch")
        lines = self._lines(call, form)
        selection, bookmarks = selection_of(call), options.flag("allowWatchBookmarks")
        since, initial = await self._initial(call, lines, selection, bookmarks)
        opened = OpenWatch(
            form.content_type, initial, bookmarks, options.number("timeoutSeconds"), lines, selection, deliver, self.store, since
        )
        return opened.follow(call.kind.resource)

    def _lines(self, call: Call, form: Form) -> EventLines:
        key = (call.kind.resource, form, call.include if call.include in ("None", "Object") else "")
        if key not in self.lines:
            self.lines[key] = EventLines(self.kinds.of(call.kind), form, key[2], self.now)
        return self.lines[key]

    async def _initial(
        self, call: Call, lines: EventLines, selection: Selection, bookmarks: bool
    ) -> tuple[ResourceVersion, list[bytes]]:
        version, streamed = call.options.number("resourceVersion"), call.options.flag("sendInitialEvents")
        if version and not streamed:
            return ResourceVersion(version), []
        page = await self.store.list(call.kind.resource, call.namespace or None, label_equals=selection.label_equals)
        initial = [lines.line(EventType.ADDED, stored) for stored in page.items if selection.chooses(stored)]
        if streamed and bookmarks:
            initial.append(lines.bookmark(page.version, _INITIAL_END))
        return page.version, initial
