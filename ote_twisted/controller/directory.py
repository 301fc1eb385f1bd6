"""Every cluster that this controller knows, online or not, and which of them a selector chooses. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ote_twisted.controller.objects import Known
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.selection.evaluate import Explanation, explain
from ote_twisted.topology.selection.index import ClusterIndex
from ote_twisted.topology.selection.parser import parse
from ote_twisted.topology.selection.tree import InvalidParent
from ote_twisted.wire.entry import ClusterEntry


@dataclass(slots=True)
class _Record:
    entry: ClusterEntry
    labels: dict[str, str]
    online: bool
    since: float
    reason: str


class Directory:
    """Known clusters, indexed for selection. A cluster that is gone stays known, offline, until it is forgotten.

    :ivar lost_through: what to say of clusters that the next difference loses.
    """

    def __init__(self, own: ClusterEntry, now: Callable[[], float]) -> None:
        """:param now: wall clock, unix seconds."""
        self.lost_through = ""
        self._own = own.name
        self._now = now
        self._records: dict[str, _Record] = {}
        self._index = ClusterIndex()
        self._performing = self._index.make(())
        self._appear(own)

    def __len__(self) -> int:
        return len(self._records)

    def names(self) -> Iterable[str]:
        """Every known name."""
        return list(self._records)

    def known(self, name: str) -> Known | None:
        """What is known of a cluster; ``None`` for an unknown one."""
        record = self._records.get(name)
        if record is None:
            return None
        depth = self._depth(name)
        return Known(record.entry, record.labels, record.online, record.since, depth, record.reason)

    def parent_of(self, name: str) -> str:
        """The cluster that another is or was below; empty when that is not known."""
        record = self._records.get(name)
        return "" if record is None else record.entry.parent

    def online_count(self) -> int:
        """How many are online, this controller included."""
        return sum(record.online for record in self._records.values())

    def load(self, known: Known) -> None:
        """Take over what an object kept from before a restart; news that arrived since then stand."""
        name = known.entry.name
        present = self._records.get(name)
        if present is not None:
            users = {key: value for key, value in known.labels.items() if key not in known.entry.labels}
            self.label(name, users)
            return
        self._records[name] = _Record(known.entry, dict(known.labels), False, known.since, known.reason)
        self._put(name)

    def carried_along(self, difference: Difference) -> list[str]:
        """Those below clusters that are about to have another link to a parent: what was under way to them may be lost."""
        return [name for moved in filter(self._moves, difference.present.values()) for name in self._below(moved.name)]

    def _moves(self, entry: ClusterEntry) -> bool:
        record = self._records.get(entry.name)
        if record is None or not record.online or entry.name == self._own:
            return False
        return entry.epoch > record.entry.epoch and entry.instance == record.entry.instance

    def _below(self, name: str) -> list[str]:
        return self._index.names(self._index.below(name))

    def apply(self, difference: Difference) -> list[str]:
        """Take what the routes changed; gives the names whose objects have to be written."""
        for entry in difference.present.values():
            self._appear(entry)
        for name in difference.gone:
            self._disappear(name)
        return [*difference.present, *difference.gone]

    def label(self, name: str, own: Mapping[str, str]) -> bool:
        """Users' labels on the object of a cluster; true if that changes what selectors see."""
        record = self._records.get(name)
        if record is None:
            return False
        labels = {**own, **record.entry.labels}
        if labels == record.labels:
            return False
        record.labels = labels
        self._put(name)
        return True

    def object_deleted(self, name: str) -> bool:
        """A user deleted the object; one that is offline is forgotten, one that is online gets its object back."""
        record = self._records.get(name)
        if record is None or record.online:
            return record is not None
        self._performing.discard(self._index.remove(name))
        del self._records[name]
        return False

    def select(self, selector: str) -> list[str]:
        """Names that can perform and that the selector chooses, in any order.

        :raise ote_twisted.errors.InvalidSelector: out of grammar.
        """
        return self._index.names(self._index.resolve(parse(selector)) & self._performing)

    def explain(self, selector: str) -> Explanation:
        """Which clusters a selector chooses, those without a shim included, and why.

        :raise ote_twisted.errors.InvalidSelector: out of grammar.
        """
        return explain(parse(selector), self._index)

    def _appear(self, entry: ClusterEntry) -> None:
        record = self._records.get(entry.name)
        if record is None:
            self._records[entry.name] = _Record(entry, dict(entry.labels), True, self._now(), "")
        else:
            users = {key: value for key, value in record.labels.items() if key not in record.entry.labels}
            since = record.since if record.online else self._now()
            self._records[entry.name] = _Record(entry, {**users, **entry.labels}, True, since, "")
        self._put(entry.name)

    def _disappear(self, name: str) -> None:
        record = self._records.get(name)
        if record is not None and record.online:
            record.online, record.since = False, self._now()
            record.reason = self.lost_through or "it is no longer announced"

    def _put(self, name: str) -> None:
        record = self._records[name]
        parent = record.entry.parent if name != self._own else ""
        try:
            value = self._place(name, record, parent)
        except InvalidParent:
            value = self._place(name, record, self._own if name != self._own else "")
        if record.entry.performs:
            self._performing.add(value)
        else:
            self._performing.discard(value)

    def _place(self, name: str, record: _Record, parent: str) -> int:
        index = self._index
        place = index.update if name in index else index.add
        try:
            return place(name, record.labels, record.entry.tags, parent)
        except InvalidParent:
            self._uproot(parent)
            return place(name, record.labels, record.entry.tags, parent)

    def _uproot(self, name: str) -> None:
        """An old place of ``name`` below its new child: until it is announced anew it hangs below ourselves."""
        record = self._records.get(name)
        if record is not None and name != self._own:
            self._index.update(name, record.labels, record.entry.tags, self._own)

    def _depth(self, name: str) -> int | None:
        depth = self._index.depth_of(name)
        return depth if depth or name == self._own else None
