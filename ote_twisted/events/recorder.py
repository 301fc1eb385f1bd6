"""Writes a controller's events into its own store, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.controller.objects import NAMESPACE, key_of
from ote_twisted.errors import AlreadyExists, NotFound, StoreError
from ote_twisted.events.book import SOON, EventBook
from ote_twisted.events.model import NEVER, Action, EventLimits, Happening, Moment, Remove, Told
from ote_twisted.events.objects import RECORDER, RESOURCE, event_key, event_object, happening_of
from ote_twisted.interfaces import IEventRecorder, IObjectStore

BATCH = 50
"""Writes at the same time; the store commits them as one."""

BETWEEN = 0.1
"""Pause between two such batches, seconds."""

PAGE = 500
RETRY, LONGEST = 1.0, 60.0
"""Pause after the store refused, seconds; it doubles up to the second."""


@implementer(IEventRecorder)
class EventRecorder(Service):
    """Keeps a book of events and brings what the store has into line with it.

    What is recorded before the start is written after it; what is recorded after the stop has begun is left out: that
    links are lost then is no news.

    :ivar book: the events, and what the bounds cost.
    :ivar writes: events written or removed.
    :ivar failures: what the store refused; it is tried again until it is too old.
    """

    _log = Logger()

    def __init__(
        self,
        own: str,
        store: IObjectStore,
        clock: IReactorTime,
        now: Callable[[], float],
        new_uid: Callable[[], str],
        limits: EventLimits | None = None,
    ) -> None:
        """
        :param own: name of this controller.
        :param now: wall clock, unix seconds.
        """
        self.book = EventBook(own, new_uid, limits or EventLimits())
        self.writes = 0
        self.failures = 0
        self._own = own
        self._store = store
        self._clock = clock
        self._now = now
        self._stopped = False
        self._loaded = False
        self._pause = 0.0
        self._call: IDelayedCall | None = None
        self._writing: Deferred[None] | None = None

    def record(self, reason: str, message: str, about: str = "", warning: bool = False) -> None:
        """See :meth:`IEventRecorder.record`."""
        if not self._stopped:
            self.book.note(Told(reason, message, about, warning), self._moment())
            self._look_in(SOON)

    def startService(self) -> None:
        """Begin to write."""
        super().startService()
        self._stopped = False
        self._look_in(0.0)

    def stopService(self) -> Deferred[None]:
        """Write what is owed; a store that refuses is not asked again."""
        super().stopService()
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None
        writing = self._writing or succeed(None)
        return writing.addCallback(lambda _: Deferred.fromCoroutine(self._finish()))

    def _moment(self) -> Moment:
        return Moment(self._clock.seconds(), self._now())

    def _look_in(self, seconds: float) -> None:
        """Plan to look what is to be done, unless that is planned for sooner."""
        if not self.running or self._writing is not None:
            return
        delay = max(seconds, self._pause)
        if self._call is None:
            self._call = self._clock.callLater(delay, self._look)
        elif self._call.getTime() > self._clock.seconds() + delay:
            self._call.reset(delay)

    def _look(self) -> None:
        self._call = None
        writing = self._writing = Deferred()
        Deferred.fromCoroutine(self._bring_up()).addBoth(self._looked, writing)

    def _looked(self, result: Failure | None, writing: Deferred[None]) -> None:
        self._writing = None
        if result is not None:
            self._failed(result)
        due = self.book.next_due()
        if self._pause or not self._loaded:
            self._look_in(self._pause)
        elif due != NEVER:
            self._look_in(max(BETWEEN, due - self._clock.seconds()))
        writing.callback(None)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("events not written", failure=failure)
        self._refused()

    async def _bring_up(self) -> None:
        if not self._loaded:
            await self._load()
        else:
            await self._perform(self.book.take(self._clock.seconds(), 1 if self._pause else BATCH))

    async def _finish(self) -> None:
        while self._loaded and not self._pause and self.book.pending:
            await self._perform(self.book.take(self._clock.seconds(), BATCH, patient=False))

    async def _load(self) -> None:
        """Read our events from before."""
        try:
            page = await self._store.list(RESOURCE, NAMESPACE, PAGE, label_equals=RECORDER)
            found = page.items
            while page.continue_key is not None:
                page = await self._store.list(RESOURCE, NAMESPACE, PAGE, page.continue_key, RECORDER)
                found += page.items
        except StoreError as fault:
            self._refused(str(fault))
            return
        moment, values = self._moment(), (orjson.loads(item.value) for item in found if RECORDER in item.labels.items())
        self.book.load(happening_of(value, moment) for value in values)
        self._loaded, self._pause = True, 0.0

    async def _perform(self, actions: Sequence[Action]) -> None:
        doing = [Deferred.fromCoroutine(self._do(action)) for action in actions]
        faults = [fault for fault in await gatherResults(doing, consumeErrors=True) if fault]
        if faults:
            self._refused(faults[0])
        else:
            self._pause = 0.0

    async def _do(self, action: Action) -> str:
        """Why it was not done; empty when it was."""
        try:
            if isinstance(action, Remove):
                await self._remove(action.name)
            else:
                await self._write(action.happening)
        except StoreError as fault:
            self.failures += 1
            self.book.again(action)
            return str(fault)
        except Exception:
            self.failures += 1
            self._log.failure("an event was not written")
            return ""
        self.writes += 1
        return ""

    def _refused(self, reason: str = "") -> None:
        if not self._pause and reason:
            self._log.warn("events not written: {reason}; trying again", reason=reason)
        self._pause = min(LONGEST, self._pause * 2 or RETRY)

    async def _write(self, happening: Happening) -> None:
        involved = await self._uid_of(happening.told.about)
        key, value = event_key(happening.name), event_object(happening, self._own, involved)
        try:
            await (self._store.update(key, value, None) if happening.stored else self._store.create(key, value))
        except NotFound:  # somebody deleted it
            await self._store.create(key, value)
        except AlreadyExists:  # it was written after all when the store said that it was not
            await self._store.update(key, value, None)
        self.book.done(happening, involved != "", self._clock.seconds())

    async def _remove(self, name: str) -> None:
        try:
            await self._store.delete(event_key(name), None)
        except NotFound:
            pass  # somebody was faster

    async def _uid_of(self, cluster: str) -> str:
        """Uid of a cluster's object; by it kubectl finds what concerns the object."""
        try:
            stored = await self._store.get(key_of(cluster))
        except NotFound:
            return ""
        return str(orjson.loads(stored.value)["metadata"].get("uid", ""))
