"""What events are made of. Pure."""

from __future__ import annotations

from ote_twisted.values import define, frozen

NEVER = float("inf")
AT_ONCE = float("-inf")
"""Clock readings."""


@frozen
class EventLimits:
    """Bounds of a controller's events.

    :ivar kept: events; the oldest goes first.
    :ivar age: how long an event is kept after it happened last, seconds.
    :ivar window: the same again within so many seconds is counted.
    :ivar similar: events of one reason within the window that differ; further ones are counted in one.
    :ivar pace: least time between two writes of one event, seconds.
    """

    kept: int = 1000
    age: float = 3600.0
    window: float = 600.0
    similar: int = 100
    pace: float = 10.0


@frozen
class Told:
    """What was recorded; see :meth:`IEventRecorder.record`."""

    reason: str
    message: str
    about: str = ""
    warning: bool = False


@frozen
class Moment:
    """Reading of the clock, monotonic seconds; and of the wall clock, unix seconds."""

    clock: float
    wall: float


@define(eq=False)
class Happening:
    """One event.

    :ivar name: of its object; ``uid`` likewise.
    :ivar told: what happened; ``about`` is always a cluster.
    :ivar first: unix seconds when it happened first; ``last`` when last.
    :ivar seen: clock reading when it happened last; ``written`` when it was written last.
    :ivar combined: it stands for several that differ.
    :ivar stored: the store has it; ``sent``: it has it or is about to.
    """

    name: str
    uid: str
    told: Told
    first: float
    last: float
    seen: float
    count: int = 1
    combined: bool = False
    sent: bool = False
    stored: bool = False
    written: float = AT_ONCE


@frozen
class Write:
    """Write the event as it is when the action is performed."""

    happening: Happening


@frozen
class Remove:
    """Remove the event of that name."""

    name: str


Action = Write | Remove
