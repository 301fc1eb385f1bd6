"""A tree in a dictionary: selects like a controller and remembers what was sent, for tests of owners of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field, frozen
from zope.interface import implementer

from ote_twisted.interfaces import ITaskCarrier
from ote_twisted.tasks.model import Task
from ote_twisted.topology.selection.index import ClusterIndex
from ote_twisted.topology.selection.parser import parse


@frozen
class Dispatched:
    """One call of ``dispatch``; ``targets`` are those that had a way."""

    task: Task
    name: str
    targets: tuple[str, ...]
    seconds_left: float


@implementer(ITaskCarrier)
@define(eq=False)
class RecordingCarrier:
    """Clusters that join, leave, and perform nothing.

    :ivar dispatched: what was sent, in order.
    :ivar cancelled: uid and targets of what was withdrawn, in order.
    :ivar confirmed: uid and cluster of every answer that was confirmed, in order.
    :ivar selections: how often a selector was resolved.
    :ivar broken: an error that every selection raises.
    """

    dispatched: list[Dispatched] = field(factory=list)
    cancelled: list[tuple[str, tuple[str, ...]]] = field(factory=list)
    confirmed: list[tuple[str, str]] = field(factory=list)
    selections: int = 0
    broken: Exception | None = None
    _index: ClusterIndex = field(factory=ClusterIndex)
    _online: set[str] = field(factory=set)

    def join(self, name: str, labels: Mapping[str, str] | None = None, tags: Iterable[str] = ()) -> None:
        """A cluster is online, new, back, or with other labels."""
        (self._index.update if name in self._index else self._index.add)(name, labels or {}, tags)
        self._online.add(name)

    def leave(self, name: str) -> None:
        """A cluster goes offline; it stays known."""
        self._online.discard(name)

    def reached(self, uid: str | None = None) -> list[str]:
        """Clusters that were sent a task (of one generation), in order, repeats included."""
        return [name for sent in self.dispatched if uid in (None, sent.task.uid) for name in sent.targets]

    def select(self, selector: str) -> Sequence[str]:
        """See :meth:`ITaskCarrier.select`."""
        self.selections += 1
        if self.broken is not None:
            raise self.broken
        return self._index.names(self._index.resolve(parse(selector)))

    def online(self, cluster: str) -> bool:
        """See :meth:`ITaskCarrier.online`."""
        return cluster in self._online

    def dispatch(self, task: Task, name: str, targets: Sequence[str], seconds_left: float) -> Sequence[str]:
        """See :meth:`ITaskCarrier.dispatch`."""
        there = tuple(target for target in targets if target in self._online)
        if there:
            self.dispatched.append(Dispatched(task, name, there, seconds_left))
        return [target for target in targets if target not in self._online]

    def cancel(self, uid: str, targets: Sequence[str]) -> None:
        """See :meth:`ITaskCarrier.cancel`."""
        there = tuple(target for target in targets if target in self._online)
        if there:
            self.cancelled.append((uid, there))

    def received(self, uid: str, clusters: Sequence[str]) -> None:
        """See :meth:`ITaskCarrier.received`."""
        self.confirmed += [(uid, cluster) for cluster in clusters]
