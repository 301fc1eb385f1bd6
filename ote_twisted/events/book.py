"""What happened, gathered: the same again is counted, there is a bound for everything, writing is paced. Pure.

Spans are measured with the clock (monotonic seconds); what people see are times of the wall clock, which may be set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import evolve

from ote_twisted.errors import InvalidName
from ote_twisted.events.model import AT_ONCE, NEVER, Action, EventLimits, Happening, Moment, Remove, Told, Write
from ote_twisted.topology.names import parse_name

TEXT = 1024
"""Characters of a message, as in Kubernetes."""

SOON = 0.5
"""Seconds in which a new event is written; what happens meanwhile is gathered."""


class EventBook:
    """The events of one controller.

    :ivar recorded: what was told, repetitions included.
    :ivar combined: what was counted in an event that stands for several.
    :ivar dropped: events that a bound or their age took before they were written.
    """

    def __init__(self, own: str, new_uid: Callable[[], str], limits: EventLimits) -> None:
        """:param own: name of the cluster of this controller."""
        self.recorded = 0
        self.combined = 0
        self.dropped = 0
        self._own = own
        self._new_uid = new_uid
        self._limits = limits
        self._serial = 0
        self._all: dict[str, Happening] = {}
        self._alike: dict[str, dict[tuple[str, str], Happening]] = {}
        self._due: dict[str, float] = {}
        self._removals: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    @property
    def pending(self) -> int:
        """Writes and removals that are owed."""
        return len(self._due) + len(self._removals)

    def happenings(self) -> list[Happening]:
        """Every event, the one that happened longest ago first."""
        return list(self._all.values())

    def load(self, happenings: Iterable[Happening]) -> None:
        """Take over what the store has from before a restart, in any order."""
        older = {each.name: each for each in sorted(happenings, key=lambda each: each.last)}
        self._all = {**older, **self._all}
        for each in self._all.values():
            self._alike.setdefault(each.told.reason, {})[_key(each)] = each
        self._bound()

    def note(self, told: Told, moment: Moment) -> None:
        """Something happened."""
        self.recorded += 1
        told = evolve(told, message=_clean(told.message), about=self._cluster(told.about))
        alike, key = self._alike.setdefault(told.reason, {}), (told.about, told.message)
        if not self._current(alike, key, moment) and self._full(alike, moment):
            self.combined += 1
            told = evolve(told, about=self._own, message=_clean(f"(several alike, the last about {told.about}) {told.message}"))
            key = _COMBINED
        if self._current(alike, key, moment):
            self._repeat(alike[key], told, moment)
        else:
            self._begin(alike, key, told, moment)
        self._expire(moment.clock)
        self._bound()

    def take(self, now: float, most: int, patient: bool = True) -> list[Action]:
        """What to do now, removals first. What the store refuses is given back by :meth:`again`.

        :param now: the clock.
        :param patient: leave for later what is not due yet.
        """
        self._expire(now)
        names = list(self._removals)[:most]
        due = [name for name, when in self._due.items() if when <= now or not patient][: most - len(names)]
        for name in names:
            del self._removals[name]
        for name in due:
            del self._due[name]
            self._all[name].sent = True
        return [*map(Remove, names), *(Write(self._all[name]) for name in due)]

    def done(self, happening: Happening, known: bool, now: float) -> None:
        """The store has the event.

        :param known: the cluster has an object; an event about one that has none yet is written once more, to refer to it.
        """
        new = not happening.stored
        happening.stored, happening.written = True, now
        if new and not known and happening.name in self._all:
            self._owe(happening, now)

    def again(self, action: Action) -> None:
        """The store did not do it; it stays to be done."""
        if isinstance(action, Remove):
            self._removals[action.name] = None
        elif action.happening.name in self._all:
            action.happening.sent = action.happening.stored
            self._due[action.happening.name] = AT_ONCE

    def next_due(self) -> float:
        """Clock reading at which there is something to do."""
        if self._removals:
            return AT_ONCE
        oldest = next(iter(self._all.values()), None)
        return min(min(self._due.values(), default=NEVER), NEVER if oldest is None else oldest.seen + self._limits.age)

    def _cluster(self, about: str) -> str:
        try:
            return parse_name(about)
        except InvalidName:
            return self._own

    def _current(self, alike: dict[tuple[str, str], Happening], key: tuple[str, str], moment: Moment) -> bool:
        return key in alike and moment.clock - alike[key].seen <= self._limits.window

    def _full(self, alike: dict[tuple[str, str], Happening], moment: Moment) -> bool:
        """There is no room for one more event of a reason, also when those that are over are left out."""
        if len(alike) >= self._limits.similar:
            for key in [key for key in alike if not self._current(alike, key, moment)]:
                del alike[key]
        return len(alike) >= self._limits.similar

    def _repeat(self, present: Happening, told: Told, moment: Moment) -> None:
        present.count += 1
        present.told, present.last, present.seen = told, moment.wall, moment.clock
        self._all[present.name] = self._all.pop(present.name)
        self._owe(present, moment.clock)

    def _begin(self, alike: dict[tuple[str, str], Happening], key: tuple[str, str], told: Told, moment: Moment) -> None:
        # As Kubernetes names events: the object, and the time in hexadecimal.
        self._serial = max(self._serial + 1, int(moment.wall * 1_000_000))
        new = Happening(
            f"{told.about}.{self._serial:x}",
            self._new_uid(),
            told,
            moment.wall,
            moment.wall,
            moment.clock,
            combined=key == _COMBINED,
        )
        alike[key] = self._all[new.name] = new
        self._owe(new, moment.clock)

    def _owe(self, happening: Happening, now: float) -> None:
        self._due.setdefault(happening.name, max(now + SOON, happening.written + self._limits.pace))

    def _bound(self) -> None:
        while len(self._all) > self._limits.kept:
            self._forget(next(iter(self._all.values())))

    def _expire(self, now: float) -> None:
        while self._all:
            oldest = next(iter(self._all.values()))
            if oldest.seen + self._limits.age > now:
                return
            self._forget(oldest)

    def _forget(self, happening: Happening) -> None:
        del self._all[happening.name]
        self._due.pop(happening.name, None)
        self.dropped += not happening.sent
        if happening.sent:
            self._removals[happening.name] = None
        alike = self._alike[happening.told.reason]
        if alike.get(_key(happening)) is happening:
            del alike[_key(happening)]


_COMBINED = ("", "")
"""Key of the event that stands for several; no other is about nobody."""


def _key(happening: Happening) -> tuple[str, str]:
    return _COMBINED if happening.combined else (happening.told.about, happening.told.message)


def _clean(text: str) -> str:
    """One that any store takes."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"
