"""``Cluster`` objects: what the controller knows of a cluster, written as an object, and read back after a restart. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.conditions import Standing, Synced, conditions
from ote_twisted.storage.model import JSON, Key
from ote_twisted.values import frozen
from ote_twisted.wire.entry import ClusterEntry, ClusterStatus

RESOURCE = "clusters.ote.baidu.com"
NAMESPACE = "kube-system"
API_VERSION = "ote.baidu.com/v1"

ANNOUNCED = "ote-twisted.dev/announced-labels"
"""Annotation that lists which labels the cluster itself announced; all others on the object are its users'."""


@frozen
class Known:
    """One cluster as this controller knows it.

    :ivar labels: what selectors see: the announced labels and those that users put on the object.
    :ivar online: there is a route to it.
    :ivar since: unix seconds of the last change of ``online``.
    :ivar depth: hops below this controller; ``None`` when not known.
    :ivar reason: why it cannot be reached, a sentence.
    :ivar hop: the cluster whose link is broken; empty when that is not known.
    :ivar as_of: unix seconds: what is told of it was so then.
    :ivar synced: for a child: how far its subtree is known.
    """

    entry: ClusterEntry
    labels: Mapping[str, str]
    online: bool
    since: float
    depth: int | None = None
    reason: str = ""
    hop: str = ""
    as_of: float = 0.0
    synced: Synced | None = None


def key_of(name: str) -> Key:
    """Where the object of a cluster lives."""
    return Key(RESOURCE, NAMESPACE, name)


def cluster_object(known: Known, existing: JSON | None, uid: str, now: float) -> JSON:
    """The object to store for a cluster.

    :param existing: the stored object; labels, annotations and everything that is not ours are kept.
    :param uid: for a new object.
    """
    base: JSON = existing or {"metadata": {"creationTimestamp": rfc3339(now), "uid": uid, "generation": 1}}
    entry = known.entry
    spec = {**(base.get("spec") or {}), "name": entry.user_defined_name or entry.name, "tags": list(entry.tags)}
    metadata = _metadata(dict(base["metadata"]), entry)
    if existing is not None and spec != existing.get("spec"):
        metadata["generation"] = metadata.get("generation", 1) + 1
    before = base.get("status") or {}
    standing = Standing(entry.status, known.online, known.since, known.as_of, known.reason, known.hop, known.synced)
    status = {**before, **_status(known), "conditions": conditions(standing, before.get("conditions"), now)}
    return {
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "metadata": metadata,
        "spec": spec,
        "status": {key: value for key, value in status.items() if value is not None},
    }


def known_of(value: JSON) -> Known:
    """Read an object back: what was known when it was written."""
    metadata, spec, status = value["metadata"], value.get("spec") or {}, value.get("status") or {}
    labels = dict(metadata.get("labels") or {})
    announced = _announced(metadata)
    entry = ClusterEntry(
        metadata["name"],
        parent=_text(status.get("parentName")),
        listen=_text(status.get("listen")),
        labels={key: labels[key] for key in announced if key in labels},
        tags=tuple(tag for tag in spec.get("tags") or () if isinstance(tag, str)),
        performs=status.get("performs") is True,
        user_defined_name=_text(spec.get("name")),
        version=_text(status.get("version")),
        status=_told(status),
    )
    since = _seconds(status.get("timestamp"))
    return Known(
        entry,
        labels,
        status.get("status") == "online",
        since,
        reason=_text(status.get("reason")),
        hop=_text(status.get("brokenHop")),
        as_of=unix_seconds(status.get("asOf"), since),
    )


def unix_seconds(text: object, otherwise: float) -> float:
    """What :func:`rfc3339` wrote."""
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else otherwise
    except ValueError:
        return otherwise


def _told(status: Mapping[str, Any]) -> ClusterStatus | None:
    """What the cluster said of itself; whether it was ready is no longer of interest."""
    if "kind" not in status:
        return None
    return ClusterStatus(
        _text(status["kind"]),
        _text(status.get("clusterVersion")),
        _texts(status.get("capacity")),
        _texts(status.get("allocatable")),
        int(_seconds(status.get("nodes"))),
        int(_seconds(status.get("nodesReady"))),
    )


def _texts(value: object) -> dict[str, str]:
    """The texts of a map, as far as it is one."""
    return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int) else 0.0


def own_labels(value: JSON) -> dict[str, str]:
    """Labels that users put on the object, beside those that the cluster announced."""
    metadata = value["metadata"]
    announced = _announced(metadata)
    return {key: text for key, text in (metadata.get("labels") or {}).items() if key not in announced}


def _metadata(metadata: dict[str, Any], entry: ClusterEntry) -> dict[str, Any]:
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in _announced(metadata)}
    labels.update(entry.labels)
    annotations = {**(metadata.get("annotations") or {}), ANNOUNCED: orjson.dumps(sorted(entry.labels)).decode()}
    return {**metadata, "name": entry.name, "namespace": NAMESPACE, "labels": labels, "annotations": annotations}


def _announced(metadata: Mapping[str, Any]) -> frozenset[str]:
    try:
        names = orjson.loads((metadata.get("annotations") or {}).get(ANNOUNCED, "[]"))
    except orjson.JSONDecodeError:
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def _status(known: Known) -> dict[str, Any]:
    entry = known.entry
    since = rfc3339(known.since)
    return {
        "listen": entry.listen,
        "parentName": entry.parent,
        "status": "online" if known.online else "offline",
        "timestamp": int(known.since),
        "asOf": rfc3339(known.as_of),
        "depth": known.depth,
        "linkedAt": since if known.online else None,
        "lastSeen": None if known.online else since,
        "reason": known.reason,
        "brokenHop": known.hop or None,
        "performs": entry.performs,
        "version": entry.version,
        **_described(entry.status),
    }


def _described(status: ClusterStatus | None) -> dict[str, Any]:
    if status is None:
        return dict.fromkeys(("kind", "clusterVersion", "capacity", "allocatable", "nodes", "nodesReady"))
    return {
        "kind": status.kind,
        "clusterVersion": status.version or None,
        "capacity": dict(status.capacity) or None,
        "allocatable": dict(status.allocatable) or None,
        "nodes": status.nodes,
        "nodesReady": status.nodes_ready,
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
