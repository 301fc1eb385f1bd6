"""How a controller stands, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ote_twisted.cli.ages import age
from ote_twisted.cli.tables import Cell, Row, Table, counted, pairs
from ote_twisted.cli.views import labels_text

QUEUES = {
    "uplinkMessages": "messages waiting for the parent",
    "uplinkBytes": "bytes waiting for the parent",
    "uplinkDropped": "messages dropped because too many waited",
    "outboxMessages": "own answers and reports that are not confirmed",
    "outboxBytes": "bytes of these",
    "journalHeld": "writes that wait for room on the disk",
    "performing": "tasks being performed here",
    "objectsToWrite": "objects of clusters waiting to be written",
}


def summary_table(status: Mapping[str, Any]) -> Table:
    """Who it is, its place in the tree, and whether it is ready."""
    return pairs(
        (
            ("Controller", status["name"]),
            ("Ready", _ready(status)),
            ("Parent", _parent(status)),
            ("Path", " > ".join(status.get("path") or ())),
            ("Refusal", Cell(status.get("refusal") or "", "red")),
            ("Shim", _shim(status)),
            ("Labels", labels_text(status.get("labels") or {})),
            ("Tags", ",".join(status.get("tags") or ())),
            ("Clusters", _clusters(status.get("counts") or {})),
            ("Version", status.get("version") or ""),
        )
    )


def links_table(status: Mapping[str, Any]) -> Table:
    """Each link, that to the parent first."""
    columns = ("LINK", "DIRECTION", "PROTOCOL", "ADDRESS", "AGE", "QUEUED BYTES")
    return Table(
        columns, tuple(_link(link, status.get("parent") or "-") for link in status["links"]), frozenset({"QUEUED BYTES"})
    )


def queues_table(status: Mapping[str, Any]) -> Table:
    """What waits, and how much of it."""
    queues = status.get("queues") or {}
    rows = tuple((QUEUES.get(name, name), str(number)) for name, number in queues.items())
    return Table(("QUEUE", "NUMBER"), rows, frozenset({"NUMBER"}))


def _ready(status: Mapping[str, Any]) -> Cell:
    missing = "; ".join(status.get("notReady") or ())
    return Cell("yes", "green") if status.get("ready") else Cell(f"no: {missing}", "red")


def _parent(status: Mapping[str, Any]) -> str:
    if status.get("isRoot"):
        return "none, it is the root"
    uplink = status.get("uplink") or {}
    state, address = uplink.get("state"), uplink.get("address", "")
    if state == "connected":
        named = status.get("parent") or "(not named yet)"
        return f"{named} at {address} since {age(uplink.get('seconds', 0))}{_better(uplink)}"
    error = uplink.get("lastError")
    when = f", next attempt in {uplink['nextAttemptSeconds']:.0f}s" if "nextAttemptSeconds" in uplink else ""
    return f"none, {state} {address}{when}{f' ({error})' if error else ''}"


def _better(uplink: Mapping[str, Any]) -> str:
    """What is done about a better parent, where this is not the best."""
    if (standby := uplink.get("standby")) is not None:
        watched = f"{standby.get('name') or standby['address']} stands by since {age(standby['seconds'])}"
        return f"; {watched}{'' if standby.get('rooted') else ', without a way to the root'}"
    if "better" not in uplink:
        return ""
    why = f" ({uplink['lastError']})" if uplink.get("lastError") else ""
    return f"; {uplink['better']} is tried again in {uplink['nextAttemptSeconds']:.0f}s{why}"


def _shim(status: Mapping[str, Any]) -> str:
    if status.get("shim") == "none":
        return "none, tasks pass through only"
    return f"{status.get('shim')}, {'ready' if status.get('shimReady') else 'not ready: ' + str(status.get('shimReason'))}"


def _clusters(counts: Mapping[str, int]) -> str:
    known, online = counts.get("known", 0), counts.get("online", 0)
    children = counts.get("children", 0)
    return f"{online} of {known} online, {counted(children, 'child') if children == 1 else f'{children} children'} linked"


def _link(link: Mapping[str, Any], parent: str) -> Row:
    queued = str(link["queuedBytes"])
    return (
        link["peer"] or parent,
        link["direction"],
        link["protocol"],
        link["address"] or "-",
        age(link["ageSeconds"]),
        Cell(f"{queued} (congested)", "red") if link["congested"] else queued,
    )
