"""Watches: every announced change reaches every watch of its resource, in order of version, once.

The newest events wait in memory (the *ring*) for watches that come back. A watch that is older than the ring is first given
a :class:`Replay` from the :class:`History`, one slice per reactor turn, and then follows the ring like the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ote_twisted.errors import Expired
from ote_twisted.interfaces import IWatch
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.model import ResourceVersion, StoreEvent

Deliver = Callable[[Sequence[StoreEvent]], None]
_SLICE = 500


class Replay(Protocol):
    """Changes read back from a history: the present object once per key, and deletions."""

    upto: ResourceVersion

    def events(self, limit: int) -> list[StoreEvent]:
        """The next changes in order of version; none at the end."""

    def close(self) -> None:
        """Release what the replay holds. Idempotent."""


class History(Protocol):
    """What is kept of changes older than the ring."""

    def floor(self) -> ResourceVersion:
        """The oldest version that a watch may start after."""

    def newest(self) -> ResourceVersion:
        """The newest committed version, announced or not."""

    def replay(self, resource: str, since: ResourceVersion) -> Replay:
        """Changes of one resource after ``since``."""


@implementer(IWatch)
class Watch:
    """One consumer of changes of one resource.

    :ivar position: every change up to this version has been delivered or is of no concern.
    :ivar replay: the replay under way.
    """

    __slots__ = ("_feed", "deliver", "position", "replay", "resource", "since", "stopped")

    def __init__(self, feed: Feed, resource: str, since: ResourceVersion, deliver: Deliver) -> None:
        self._feed = feed
        self.resource = resource
        self.since = since
        self.position = since
        self.deliver = deliver
        self.replay: Replay | None = None
        self.stopped = False

    def stop(self) -> None:
        """See :class:`IWatch`."""
        if not self.stopped:
            self.stopped = True
            self._feed.forget(self)
            self.end_replay()

    def end_replay(self) -> None:
        """Release the replay, if there is one."""
        replay, self.replay = self.replay, None
        if replay is not None:
            replay.close()


class Feed:
    """Hands announced changes to watches.

    :ivar version: version of the newest announced change.
    :ivar delivered: events given to watches.
    :ivar expired: watches refused because their version was gone.
    :ivar replayed: watches that needed the history.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, version: ResourceVersion, limits: Limits, history: History | None = None) -> None:
        """Remember up to ``limits.recent_events`` changes after ``version``; older ones come from ``history``.

        Without a history there was nothing before ``version``.
        """
        self.version = version
        self.delivered = 0
        self.expired = 0
        self.replayed = 0
        self._clock = clock
        self._limits = limits
        self._history = history
        self._floor = ResourceVersion(0) if history is None else version
        self._ring: deque[StoreEvent] = deque()
        self._ring_bytes = 0
        self._fresh: list[StoreEvent] = []
        self._live: dict[str, list[Watch]] = {}
        self._joining: list[Watch] = []
        self._turn: IDelayedCall | None = None

    @property
    def watches(self) -> int:
        """How many watches run."""
        return len(self._joining) + sum(map(len, self._live.values()))

    def announce(self, events: Sequence[StoreEvent]) -> None:
        """Make changes visible, in order of version; watches get them in the next reactor turn."""
        self._ring.extend(events)
        self._ring_bytes += sum([len(event.object.value) for event in events])
        self.version = events[-1].object.version
        self._trim()
        if self._live:
            self._fresh.extend(events)
        self._schedule()

    def watch(self, resource: str, since: ResourceVersion, deliver: Deliver) -> Watch:
        """Begin a watch.

        :raise Expired: changes after ``since`` are not kept any more, or ``since`` has not been yet.
        """
        self._check(since)
        watch = Watch(self, resource, since, deliver)
        self._joining.append(watch)
        self._schedule()
        return watch

    def forget(self, watch: Watch) -> None:
        """A watch was stopped."""
        for watches in (self._joining, self._live.get(watch.resource, [])):
            if watch in watches:
                watches.remove(watch)
        if not self._live.get(watch.resource, True):
            del self._live[watch.resource]

    def stop(self) -> None:
        """Stop every watch. Idempotent."""
        for watch in [*self._joining, *(watch for watches in self._live.values() for watch in watches)]:
            watch.stop()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _check(self, since: ResourceVersion) -> None:
        newest = self.version if self._history is None or since <= self.version else self._history.newest()
        if since > newest:
            self.expired += 1
            raise Expired(f"version {since} is newer than the store's newest, {newest}: list again")
        floor = self._floor if self._history is None else min(self._floor, self._history.floor())
        if since < floor:
            self.expired += 1
            raise Expired(f"version {since} is too old, changes are kept after {floor}: list again")

    def _trim(self) -> None:
        ring, limits, needed = self._ring, self._limits, self._needed()
        while len(ring) > limits.recent_events or (self._ring_bytes > limits.recent_bytes and len(ring) > 1):
            if needed is not None and ring[0].object.version > needed:
                break
            gone = ring.popleft().object
            self._ring_bytes -= len(gone.value)
            self._floor = gone.version

    def _needed(self) -> ResourceVersion | None:
        """After which version changes must stay, however many there are: where there is no history, watches that begin in the
        next turn have only the ring."""
        if self._history is not None or not self._joining:
            return None
        return min(watch.position for watch in self._joining)

    def _schedule(self) -> None:
        if self._turn is None and (self._live or self._joining):
            self._turn = self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        self._turn = None
        fresh, self._fresh = self._fresh, []
        by_resource: dict[str, list[StoreEvent]] = {}
        for event in fresh:
            by_resource.setdefault(event.object.key.resource, []).append(event)
        joining = list(self._joining)
        for resource, events in by_resource.items():
            for watch in tuple(self._live.get(resource, ())):
                self._give(watch, events)
        for watch in joining:
            self._advance(watch)
        if self._joining:
            self._schedule()

    def _advance(self, watch: Watch) -> None:
        """Bring a watch that is not live yet one slice forward."""
        if watch.stopped:
            return
        if watch.replay is None and watch.position >= self._floor:
            self._give(watch, [event for event in self._ring if event.object.key.resource == watch.resource])
            if not watch.stopped:
                self._joining.remove(watch)
                self._live.setdefault(watch.resource, []).append(watch)
            return
        try:
            self._replay_slice(watch)
        except Exception:
            self._log.failure("a watch of {resource} could not be replayed and ends", resource=watch.resource)
            watch.stop()

    def _replay_slice(self, watch: Watch) -> None:
        if watch.replay is None:
            assert self._history is not None
            self.replayed += 1
            watch.replay = self._history.replay(watch.resource, watch.position)
        events = watch.replay.events(_SLICE)
        if len(events) < _SLICE:
            upto = watch.replay.upto
            watch.end_replay()
            self._give(watch, events)
            watch.position = max(watch.position, upto)
        else:
            self._give(watch, events)

    def _give(self, watch: Watch, events: list[StoreEvent]) -> None:
        if events and events[0].object.version <= watch.position:
            events = [event for event in events if event.object.version > watch.position]
        if watch.stopped or not events:
            return
        watch.position = events[-1].object.version
        self.delivered += len(events)
        try:
            watch.deliver(events)
        except Exception:
            self._log.failure("a consumer of {resource} failed on {count} changes", resource=watch.resource, count=len(events))
