"""Events in memory only, for tests of whatever records them."""

from __future__ import annotations

from collections.abc import Callable

from zope.interface import implementer

from ote_twisted.events.book import EventBook
from ote_twisted.events.model import EventLimits, Happening, Moment, Told
from ote_twisted.interfaces import IEventRecorder


@implementer(IEventRecorder)
class MemoryEventRecorder:
    """Gathers like the real one and writes nothing.

    :ivar book: the events.
    """

    def __init__(self, own: str = "here", seconds: Callable[[], float] = lambda: 0.0, limits: EventLimits | None = None) -> None:
        """
        :param own: name of the controller's cluster.
        :param seconds: the clock.
        """
        self.book = EventBook(own, lambda: "uid", limits or EventLimits())
        self._seconds = seconds

    def record(self, reason: str, message: str, about: str = "", warning: bool = False) -> None:
        """See :meth:`IEventRecorder.record`."""
        now = self._seconds()
        self.book.note(Told(reason, message, about, warning), Moment(now, now))

    def happenings(self) -> list[Happening]:
        """Every event, the one that happened longest ago first."""
        return self.book.happenings()

    def reasons(self, about: str = "") -> list[str]:
        """Reasons of the events, of those about one cluster if it is named, in the same order."""
        return [each.told.reason for each in self.happenings() if about in ("", each.told.about)]
