"""Clusters as people see them: read from ``Cluster`` objects, put into a tree, shown as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ote_twisted.cli.ages import age, unix_seconds
from ote_twisted.cli.tables import Cell, Row, Table
from ote_twisted.storage.model import JSON

STYLES = {"online": "green", "not ready": "yellow", "unreachable": "red"}

WIDE = ("SHIM", "KIND", "NODES", "LISTEN", "VERSION", "AS OF", "REASON")
"""Further columns of a wide table."""


@frozen
class ClusterView:
    """One cluster.

    :ivar depth: hops below the controller that was asked; ``None`` when not known.
    :ivar since: unix seconds: of the link when online, else since when it cannot be reached; ``None`` when not known.
    :ivar performs: it has a shim.
    :ivar via: the cluster whose link is broken, when it cannot be reached.
    :ivar ready: status of its condition ``Ready``; empty when there is none. ``not_ready`` says why it is not.
    :ivar as_of: unix seconds: what is told of it was so then.
    :ivar nodes: number of its nodes; ``None`` when not known.
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
    via: str = ""
    ready: str = ""
    not_ready: str = ""
    as_of: float | None = None
    kind: str = ""
    nodes: int | None = None

    @property
    def state(self) -> str:
        """``online``, ``not ready`` or ``unreachable``."""
        if not self.online:
            return "unreachable"
        return "not ready" if self.ready == "False" else "online"

    @property
    def why(self) -> str:
        """Why it cannot be reached, or is not ready; a sentence."""
        return self.not_ready if self.state == "not ready" else self.reason


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
        status.get("brokenHop") or "",
        *_ready(status.get("conditions") or ()),
        unix_seconds(status.get("asOf")),
        status.get("kind") or "",
        status.get("nodes"),
    )


def state_text(state: str, via: str, since: float | None, now: float) -> str:
    """A state with the broken hop and for how long it is so: ``unreachable via bj, 12s``."""
    if state != "unreachable":
        return state
    return f"{state}{f' via {via}' if via else ''}{f', {age(now - since)}' if since is not None else ''}"


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
    :param wide: with address, version, kind, nodes, shim, how old what is told is, and why a cluster is not online.
    """
    columns = ("NAME", "STATE", "DEPTH", "LINK AGE", "LABELS", "TAGS")
    rows = tuple(_row(guide, view, now, wide) for guide, view in _drawn(trees, "", top=True))
    return Table((*columns, *WIDE) if wide else columns, rows, frozenset({"DEPTH", "NODES"}))


def tree_value(branch: Branch, now: float) -> dict[str, Any]:
    """A tree as nested JSON."""
    view = branch.view
    return {
        "name": view.name,
        "parent": view.parent,
        "depth": view.depth,
        "status": view.state,
        "linkAgeSeconds": max(0, int(now - view.since)) if view.online and view.since is not None else None,
        "via": view.via,
        "unreachableSeconds": None if view.online or view.since is None else max(0, int(now - view.since)),
        "ready": {"True": True, "False": False}.get(view.ready),
        "reason": view.why,
        "labels": dict(view.labels),
        "tags": list(view.tags),
        "performs": view.performs,
        "listen": view.listen,
        "version": view.version,
        "kind": view.kind,
        "nodes": view.nodes,
        "ageSeconds": None if view.as_of is None else max(0, int(now - view.as_of)),
        "children": [tree_value(child, now) for child in branch.below],
    }


def change_line(kind: str, view: ClusterView) -> str:
    """A change as one line, for pipes."""
    parent = f" below {view.parent}" if view.parent else ""
    if kind == "DELETED":
        return f"{view.name}{parent} is gone"
    via = f" via {view.via}" if view.via else ""
    return f"{view.name}{parent} is {view.state}{via}{f': {view.why}' if view.why else ''}"


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
        Cell(state_text(view.state, view.via, view.since, now), STYLES[view.state]),
        "-" if view.depth is None else str(view.depth),
        age(now - view.since) if view.online and view.since is not None and view.depth else "-",
        labels_text(view.labels) or "-",
        ",".join(view.tags) or "-",
    ]
    if wide:
        row += _more(view, now)
    return row


def _more(view: ClusterView, now: float) -> Iterator[str]:
    yield "yes" if view.performs else "no"
    yield view.kind or "-"
    yield "-" if view.nodes is None else str(view.nodes)
    yield view.listen or "-"
    yield view.version or "-"
    yield "-" if view.as_of is None else f"{age(now - view.as_of)} ago"
    yield view.why or "-"


def _ready(conditions: Iterable[Mapping[str, str]]) -> tuple[str, str]:
    """Status of the condition ``Ready``, and its sentence when it is false."""
    for each in conditions:
        if each.get("type") == "Ready":
            status = each.get("status", "")
            return status, each.get("message", "") if status == "False" else ""
    return "", ""
