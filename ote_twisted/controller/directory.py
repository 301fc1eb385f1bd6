"""Every cluster that this controller knows, online or not, since when, and why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import evolve

from ote_twisted.controller.catalogue import Catalogue, Record
from ote_twisted.controller.conditions import Synced
from ote_twisted.controller.objects import Known
from ote_twisted.topology.causes import Cause, Told
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.tombstones import Tombstones
from ote_twisted.wire.entry import ClusterEntry

NOT_ANNOUNCED = "it is no longer announced"

SAME = 5.0
"""Two accounts of one break may differ by the time that they travelled, seconds."""


class Directory(Catalogue):
    """Known clusters. One that is gone stays known, with the cause, until it is forgotten.

    No two machines' clocks are compared: others tell ages, which become moments of our own clocks as they arrive (F38).

    :ivar tombstones: what has been forgotten.
    """

    def __init__(self, own: ClusterEntry, now: Callable[[], float], seconds: Callable[[], float], leaf: bool = False) -> None:
        """
        :param now: wall clock, unix seconds.
        :param seconds: monotonic clock.
        :param leaf: see :class:`Catalogue`.
        """
        super().__init__(own.name, leaf)
        self._seconds = seconds
        self._synced: dict[str, Synced] = {}
        self._come_back: dict[str, None] = {}
        self.tombstones = Tombstones()
        self._now = now
        self._appear(own)

    def known(self, name: str) -> Known | None:
        """What is known of a cluster; ``None`` for an unknown one."""
        record = self._records.get(name)
        if record is None:
            return None
        known = Known(record.entry, record.labels, record.online, record.since, self._depth(name), as_of=record.as_of)
        if record.cause is None:
            return evolve(known, synced=self._synced.get(name))
        cause = self._effective(name, record.cause)
        return evolve(known, reason=cause.reason, hop=cause.hop, as_of=record.last_seen)

    def age_of(self, name: str) -> float:
        """Seconds since it was so what is known of a cluster's own status."""
        record = self._records.get(name)
        return 0.0 if record is None else max(0.0, self._seconds() - record.heard)

    def cause_of(self, name: str) -> Cause | None:
        """Why a cluster cannot be reached, as the one nearest to the break saw it."""
        record = self._records.get(name)
        return None if record is None else record.cause

    def causes(self) -> dict[str, Cause]:
        """Why clusters cannot be reached, of all of them."""
        return {name: record.cause for name, record in self._records.items() if record.cause is not None}

    def synchronised(self, child: str, synced: Synced | None) -> bool:
        """How far what is known of a child's subtree is what the child has; true if that is news."""
        if self._synced.get(child) == synced:
            return False
        if synced is None:
            del self._synced[child]
        else:
            self._synced[child] = synced
        return True

    def load(self, known: Known) -> None:
        """Take over what an object kept from before a restart; news that arrived since then stand.

        What was online then cannot be reached until it is announced; what could not be reached is so for the same cause.
        """
        name = known.entry.name
        present = self._records.get(name)
        if present is not None:
            users = {key: value for key, value in known.labels.items() if key not in known.entry.labels}
            self.label(name, users)
            return
        now, seconds = self._now(), self._seconds()
        reason, since = (f"not seen since the restart of {self._own}", now) if known.online else (known.reason, known.since)
        cause = Cause(known.hop, reason, seconds - (now - since))
        heard = seconds - (now - known.as_of)
        self._records[name] = Record(known.entry, dict(known.labels), since, known.as_of, heard, cause, known.as_of)
        self._put(name)

    def concerned(self, difference: Difference) -> list[str]:
        """Those of whom whoever waits for their answers has to know; not one that only tells another status of itself."""
        present = [name for name, entry in difference.present.items() if name in difference.returned or not self._same(entry)]
        return list(dict.fromkeys((*present, *difference.moved, *self.carried_along(difference))))

    def _same(self, entry: ClusterEntry) -> bool:
        record = self._records.get(entry.name)
        if record is None or not record.online:
            return False
        return evolve(record.entry, status=None) == evolve(entry, status=None)

    def carried_along(self, difference: Difference) -> list[str]:
        """Those below clusters that are about to have another link to a parent: what was under way to them may be lost."""
        return [name for moved in filter(self._moves, difference.present.values()) for name in self._below(moved.name)]

    def _moves(self, entry: ClusterEntry) -> bool:
        record = self._records.get(entry.name)
        if record is None or not record.online or entry.name == self._own:
            return False
        return entry.epoch > record.entry.epoch and entry.instance == record.entry.instance

    def apply(self, difference: Difference) -> list[str]:
        """Take what the routes changed; gives the names whose objects have to be written."""
        changed = {**difference.present, **difference.gone}
        for entry in difference.present.values():
            changed.update(self._appear(entry))
        for name, cause in difference.gone.items():
            changed.update(self._disappear(name, cause))
        difference.told = {name: told for name, told in difference.told.items() if self._learn(name, told)}
        return [*changed, *difference.told]

    def _appear(self, entry: ClusterEntry) -> Mapping[str, None]:
        """Gives others whose cause is another one now."""
        name, now, heard = entry.name, self._now(), self._seconds() - entry.age
        record = self._records.get(name)
        if record is None:
            self.tombstones.drop(name)
            self._records[name] = Record(entry, dict(entry.labels), now, now - entry.age, heard)
            self._put(name)
            return {}
        back = record.cause
        if back is not None or entry.status != record.entry.status or heard < record.heard:
            record.as_of, record.heard = now - entry.age, heard
        users = {key: value for key, value in record.labels.items() if key not in record.entry.labels}
        record.entry, record.labels, record.cause = entry, {**users, **entry.labels}, None
        record.since = record.since if back is None else now
        self._put(name)
        if back is None:
            return {}
        self._come_back[name] = None
        return {below: None for below, cause in self._lost_below(name) if cause.hop != back.hop}

    def _disappear(self, name: str, cause: Cause | None) -> Mapping[str, None]:
        """Gives others whose cause is another one now."""
        record = self._records.get(name)
        if record is None or not record.online:
            return {}
        record.cause = Cause("", NOT_ANNOUNCED, self._seconds()) if cause is None else cause
        record.since = record.last_seen = self._wall(record.cause)
        return {below: None for below, other in self._lost_below(name) if other.hop != record.cause.hop}

    def _learn(self, name: str, told: Told) -> bool:
        """Take a child's word for why what is behind it cannot be reached; false when that is no news, or not its business.

        Whoever is nearest to the break knows best (F119), so its account replaces ours.
        """
        record, cause = self._records.get(name), told.cause
        if record is None or record.cause is None or told.child not in self._index.ancestors(name):
            return False
        known = record.cause
        if (known.hop, known.reason) == (cause.hop, cause.reason) and abs(known.at - cause.at) < SAME:
            return False
        record.cause, record.since = cause, self._wall(cause)
        record.last_seen = max(record.last_seen, record.since) if cause.hop else record.last_seen
        return True

    def _wall(self, cause: Cause) -> float:
        return self._now() - max(0.0, self._seconds() - cause.at)

    def _lost_below(self, name: str) -> Iterator[tuple[str, Cause]]:
        """Those below a cluster that cannot be reached."""
        for below in self._below(name):
            cause = self._records[below].cause
            if cause is not None:
                yield below, cause

    def _effective(self, name: str, own: Cause) -> Cause:
        """The break that is nearest to us: beyond it nobody can see whether the others are healed."""
        found = own
        for above in self._index.ancestors(name):
            record = self._records.get(above)
            if record is not None and record.cause is not None:
                found = record.cause
        if found is own and own.hop != name and self.is_online(own.hop):
            return evolve(own, hop="", reason=f"{own.hop} is back and does not announce it")
        return found

    def forget(self, after: float) -> list[str]:
        """Forget clusters that could not be reached for so many seconds; gives their names."""
        before = self._seconds() - after
        old = [name for name, record in self._records.items() if record.cause is not None and record.cause.at <= before]
        for name in old:
            self.tombstones.put(self._records[name].entry)
            self._come_back.pop(name, None)
            self._remove(name)
        return old

    def left_behind(self) -> list[str]:
        """Clusters behind a hop that came back a while ago without them; their cause is another one now.

        To be asked a while after something came back, when what is behind it has been announced.
        """
        hops, self._come_back = self._come_back, {}
        return [
            name
            for hop in hops
            if hop in self._records and self.is_online(hop)
            for name, cause in self._lost_below(hop)
            if cause.hop in hops and cause.hop != name
        ]

    @property
    def come_back(self) -> bool:
        """Something came back since :meth:`left_behind` was asked."""
        return bool(self._come_back)
