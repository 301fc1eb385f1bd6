"""What has to be true once everything is well again: one sentence for each thing that is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from attrs import define, field

from ote_twisted.controller.objects import key_of
from ote_twisted.tasks.model import LedgerEntry, TargetState
from ote_twisted.testing.simulation.node import Node
from ote_twisted.testing.simulation.workload import PlannedTask

OPEN = (TargetState.PENDING, TargetState.SENT)


@define
class WrittenTask:
    """A task that a controller accepted.

    :ivar uid: its generation.
    :ivar due: when its deadline is over, clock reading.
    :ivar lasting: that is after everything has become well again.
    :ivar peaceful: targets that had not answered by the deadline -> seconds for which nothing had been wrong with them.
    """

    planned: PlannedTask
    uid: str
    due: float
    lasting: bool
    peaceful: dict[str, float] = field(factory=dict)


@define
class TaskSums:
    """What became of tasks.

    :ivar moved: targets that were not answered because they are not below the task's owner any more.
    :ivar lost: targets that were not answered though they could.
    :ivar unknown: targets of which nobody knows whether they took effect.
    """

    tasks: int = 0
    targets: int = 0
    answered: int = 0
    failed: int = 0
    unknown: int = 0
    expired: int = 0
    moved: int = 0
    lost: int = 0
    examples: list[str] = field(factory=list)


class AtRest:
    """Looks at everybody when all faults are over."""

    def __init__(self, nodes: dict[str, Node], twins: dict[str, Node]) -> None:
        self._nodes = nodes
        self._twins = twins

    def unrest(self, tasks: Sequence[WrittenTask]) -> list[tuple[str, str]]:
        """Invariants that do not hold (yet), with a sentence; cheap ones first, and only those while they do not hold."""
        for looks in (self._attached, self._views, self._objects):
            found = list(looks())
            if found:
                return found
        return [("answered", text) for text in self.sums(tasks).examples]

    def sums(self, tasks: Sequence[WrittenTask]) -> TaskSums:
        """Add up the books of all tasks."""
        sums = TaskSums(len(tasks))
        for task in tasks:
            self._sum(task, sums)
        return sums

    # ---- the tree

    def _attached(self) -> Iterator[tuple[str, str]]:
        for node in self._nodes.values():
            link = node.uplink
            if not node.place.parents:
                continue
            if link is None or not link.answers:
                yield "attached", f"{node.name} has no parent"
            elif link.far.machine.name != node.place.parents[0]:
                yield "home", f"{node.name} is below {link.far.machine.name}, not below {node.place.parents[0]} as before"

    def _views(self) -> Iterator[tuple[str, str]]:
        """Both ends of each link say the same of what is below it, and every ancestor has the route."""
        for node in self._nodes.values():
            table = node.controller.table
            for child, subtree in table.children.items():
                below = self._nodes[child].controller.table if child in self._nodes else None
                if below is not None and subtree.said != below.digest:
                    yield "views", f"{node.name} has another view of what is below {child} than {child} itself"
        root = next(iter(self._nodes.values()))
        for name in self._nodes.keys() - root.controller.table.via.keys() - {root.name}:
            yield "views", f"{root.name} has no route to {name}"

    def _objects(self) -> Iterator[tuple[str, str]]:
        """Cluster objects tell the truth at each of a cluster's ancestors."""
        for node in self._nodes.values():
            at = node.uplink
            while at is not None:
                above = self._nodes[at.far.machine.name]
                yield from self._object(above, node)
                at = above.uplink

    def _object(self, at: Node, node: Node) -> Iterator[tuple[str, str]]:
        found: list[Any] = []
        at.disk.store.get(key_of(node.name)).addCallbacks(found.append, lambda failure: None)
        status = orjson.loads(found[0].value).get("status", {}) if found else {}
        uplink = node.uplink
        parent = "" if uplink is None else uplink.far.machine.name
        if (status.get("status"), status.get("parentName")) != ("online", parent):
            yield "objects", f"{at.name} says that {node.name} is {status.get('status')} below {status.get('parentName')}"

    # ---- tasks

    def _sum(self, task: WrittenTask, sums: TaskSums) -> None:
        node = self._nodes[task.planned.owner]
        entries: list[LedgerEntry] = []
        node.disk.ledger.page(task.uid, 1_000_000).addCallback(entries.extend)
        sums.targets += len(entries)
        for entry in entries:
            self._entry(task, entry, sums)
        for name in set(task.planned.chosen) - {entry.cluster for entry in entries} if task.lasting else ():
            self._lose(sums, f"{name} is no target of {task.planned.name} of {node.name}, {task.planned.selector!r}")

    def _entry(self, task: WrittenTask, entry: LedgerEntry, sums: TaskSums) -> None:
        who = f"{task.planned.name} of {task.planned.owner} at {entry.cluster}"
        if entry.state in OPEN and not self._nodes[task.planned.owner].controller.online(entry.cluster):
            sums.moved += 1
        elif entry.state in OPEN:
            self._lose(sums, f"{who} is {entry.state.value}: {entry.why or 'no answer yet'}")
        elif entry.state is TargetState.EXPIRED:
            sums.expired += 1
            if entry.cluster in task.peaceful:
                self._lose(sums, f"{who} expired after {task.peaceful[entry.cluster]:.0f} s in which nothing was wrong")
        elif entry.state is TargetState.DONE:
            sums.answered += 1
            if entry.body != f"{entry.cluster} {task.uid}".encode() or not self._performed(entry.cluster, task.uid):
                self._lose(sums, f"{who} has an answer that its cluster did not give")
        elif entry.code == 500 and task.planned.method == "POST":
            sums.unknown += 1
        else:
            sums.failed += 1
            self._lose(sums, f"{who} failed: {entry.code} {entry.why}")

    def _performed(self, cluster: str, uid: str) -> bool:
        """The cluster, or a second one of that name, had it done."""
        grounds = [node.ground for node in (*self._twins.values(), self._nodes[cluster]) if node.name == cluster]
        return any(uid in ground.effects for ground in grounds)

    def _lose(self, sums: TaskSums, text: str) -> None:
        sums.lost += 1
        if len(sums.examples) < 20:
            sums.examples.append(text)
