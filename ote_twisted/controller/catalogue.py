"""Known clusters with their place in the tree, and which of them a selector chooses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ote_twisted.topology.causes import Cause
from ote_twisted.topology.selection.ids import plain_ids
from ote_twisted.topology.selection.index import ClusterIndex
from ote_twisted.topology.selection.tree import InvalidParent
from ote_twisted.wire.entry import ClusterEntry

if TYPE_CHECKING:
    from ote_twisted.topology.selection.evaluate import Explanation


@dataclass(slots=True)
class Record:
    """One cluster.

    :ivar since: unix seconds: it is online, or cannot be reached, since then.
    :ivar as_of: unix seconds: it said then what is known of its status.
    :ivar heard: the same moment on the monotonic clock.
    :ivar cause: why it cannot be reached; ``None`` while it can.
    :ivar last_seen: unix seconds: when it could not be reached any more; until then every change was told.
    """

    entry: ClusterEntry
    labels: dict[str, str]
    since: float
    as_of: float
    heard: float
    cause: Cause | None = None
    last_seen: float = 0.0

    @property
    def online(self) -> bool:
        """There is a way to it."""
        return self.cause is None


class Catalogue:
    """Clusters, indexed for selection."""

    def __init__(self, own: str, leaf: bool = False) -> None:
        """
        :param own: name of this controller, the top of the tree.
        :param leaf: hardly any others will be known, so that bitmaps would not pay.
        """
        self._own = own
        self._records: dict[str, Record] = {}
        self._index = ClusterIndex(plain_ids if leaf else None)
        self._performing = self._index.make(())

    def __len__(self) -> int:
        return len(self._records)

    def names(self) -> Iterable[str]:
        """Every known name."""
        return list(self._records)

    def parent_of(self, name: str) -> str:
        """The cluster that another is or was below; empty when that is not known."""
        record = self._records.get(name)
        return "" if record is None else record.entry.parent

    def online_count(self) -> int:
        """How many are online, this controller included."""
        return sum(record.online for record in self._records.values())

    def _below(self, name: str) -> list[str]:
        return self._index.names(self._index.below(name))

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
        self._remove(name)
        return False

    def _remove(self, name: str) -> None:
        self._performing.discard(self._index.remove(name))
        del self._records[name]

    def select(self, selector: str) -> list[str]:
        """Names that can perform and that the selector chooses, in any order.

        :raise ote_twisted.errors.InvalidSelector: out of grammar.
        """
        from ote_twisted.topology.selection.parser import parse  # a site that nobody asks has no use for the language

        return self._index.names(self._index.resolve(parse(selector)) & self._performing)

    def explain(self, selector: str) -> Explanation:
        """Which clusters a selector chooses, those without a shim included, and why.

        :raise ote_twisted.errors.InvalidSelector: out of grammar.
        """
        from ote_twisted.topology.selection.evaluate import explain  # as above
        from ote_twisted.topology.selection.parser import parse

        return explain(parse(selector), self._index)

    def is_online(self, name: str) -> bool:
        """There is a way to a cluster of that name."""
        record = self._records.get(name)
        return record is not None and record.online

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

    def _place(self, name: str, record: Record, parent: str) -> int:
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
