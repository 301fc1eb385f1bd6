"""Clusters as people see them: read from ``Cluster`` objects, put into a tree, shown as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ote_twisted.cli.ages import age, unix_seconds
from ote_twisted.cli.tables import Cell, Row, Table
from ote_twisted.storage.model import JSON

STYLES = {"online": "green", "offline": "red"}


@frozen
class ClusterView:
    """One cluster.

    :ivar depth: hops below the controller that was asked; ``None`` when not known.
    :ivar since: unix seconds: of the link when online, else when it was last seen; ``None`` when not known.
    :ivar performs: it has a shim.
    """

    name: str
    parent: str = ""
    depth: int | None = None
    online: bool = False
    since: float | None = None
    reason: str = ""
    labels: Mapping[str, str] = field(factory=dict)
    tags: tuple[str, ...] = ()
    performs: bool = False
    listen: str = ""
    version: str = ""

    @property
    def state(self) -> str:
        """``online`` or ``offline``."""
        return "online" if self.online else "offline"


@frozen
class Branch:
    """A cluster and what is below it."""

    view: ClusterView
    below: tuple[Branch, ...] = ()


def cluster_view(value: JSON) -> ClusterView:
    """Read a ``Cluster`` object; what is missing stays empty."""
    metadata, spec, status = value["metadata"], value.get("spec") or {}, value.get("status") or {}
    online = status.get("status") == "online"
    return ClusterView(
        metadata["name"],
        status.get("parentName") or "",
        status.get("depth"),
        online,
        unix_seconds(status.get("linkedAt" if online else "lastSeen")),
        status.get("reason") or "",
        metadata.get("labels") or {},
        tuple(spec.get("tags") or ()),
        status.get("performs") is True,
        status.get("listen") or "",
        status.get("version") or "",
    )


def branches(views: Iterable[ClusterView]) -> tuple[Branch, ...]:
    """The trees that the clusters make; a cluster whose parent is not among them is the top of one.

    Clusters whose remembered parents make a circle are each a top.
    """
    known = {view.name: view for view in views}
    children: dict[str, list[ClusterView]] = {}
    for view in known.values():
        top = view.parent not in known or view.name in _ancestors(view, known)
        children.setdefault("" if top else view.parent, []).append(view)
    return _grow("", children)


def flat(trees: Iterable[Branch]) -> Iterator[ClusterView]:
    """Every cluster, each before what is below it."""
    for branch in trees:
        yield branch.view
        yield from flat(branch.below)


def tree_table(trees: tuple[Branch, ...], now: float, wide: bool = False) -> Table:
    """The trees as a table whose first column draws them.

    :param now: unix seconds.
    :param wide: with address, version, shim and the reason of being offline.
    """
    columns = ("NAME", "STATE", "DEPTH", "LINK AGE", "LABELS", "TAGS")
    rows = tuple(_row(guide, view, now, wide) for guide, view in _drawn(trees, "", top=True))
    return Table((*columns, "SHIM", "LISTEN", "VERSION", "REASON") if wide else columns, rows, frozenset({"DEPTH"}))


def tree_value(branch: Branch, now: float) -> dict[str, Any]:
    """A tree as nested JSON."""
    view = branch.view
    return {
        "name": view.name,
        "parent": view.parent,
        "depth": view.depth,
        "status": view.state,
        "linkAgeSeconds": max(0, int(now - view.since)) if view.online and view.since is not None else None,
        "reason": view.reason,
        "labels": dict(view.labels),
        "tags": list(view.tags),
        "performs": view.performs,
        "listen": view.listen,
        "version": view.version,
        "children": [tree_value(child, now) for child in branch.below],
    }


def change_line(kind: str, view: ClusterView) -> str:
    """A change as one line, for pipes."""
    parent = f" below {view.parent}" if view.parent else ""
    reason = f": {view.reason}" if view.reason else ""
    return f"{view.name}{parent} is {'gone' if kind == 'DELETED' else view.state}{'' if kind == 'DELETED' else reason}"


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as kubectl writes them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _ancestors(view: ClusterView, known: Mapping[str, ClusterView]) -> set[str]:
    """Names above a cluster; with its own name in it when they make a circle."""
    seen: set[str] = set()
    name = view.parent
    while name in known and name not in seen:
        seen.add(name)
        name = known[name].parent
    return seen


def _grow(parent: str, children: Mapping[str, list[ClusterView]]) -> tuple[Branch, ...]:
    below = sorted(children.get(parent, ()), key=lambda view: view.name)
    return tuple(Branch(view, _grow(view.name, children)) for view in below)


def _drawn(trees: tuple[Branch, ...], indent: str, top: bool = False) -> Iterator[tuple[str, ClusterView]]:
    for number, branch in enumerate(trees, 1):
        last = number == len(trees)
        yield indent + ("" if top else "└── " if last else "├── "), branch.view
        yield from _drawn(branch.below, indent + ("" if top else "    " if last else "│   "))


def _row(guide: str, view: ClusterView, now: float, wide: bool) -> Row:
    row: list[str | Cell] = [
        guide + view.name,
        Cell(view.state, STYLES[view.state]),
        "-" if view.depth is None else str(view.depth),
        age(now - view.since) if view.online and view.since is not None and view.depth else "-",
        labels_text(view.labels) or "-",
        ",".join(view.tags) or "-",
    ]
    if wide:
        row += ["yes" if view.performs else "no", view.listen or "-", view.version or "-", view.reason or "-"]
    return row
