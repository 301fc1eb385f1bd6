"""``Cluster`` objects: what the controller knows of a cluster, written as an object, and read back after a restart. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from attrs import frozen

from ote_twisted.storage.model import JSON, Key
from ote_twisted.wire.entry import ClusterEntry

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
    :ivar reason: why it is offline, a sentence.
    """

    entry: ClusterEntry
    labels: Mapping[str, str]
    online: bool
    since: float
    depth: int | None = None
    reason: str = ""


def key_of(name: str) -> Key:
    """Where the object of a cluster lives."""
    return Key(RESOURCE, NAMESPACE, name)


def rfc3339(seconds: float) -> str:
    """Unix seconds as Kubernetes writes times."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
    status = {**(base.get("status") or {}), **_status(known)}
    return {
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "metadata": metadata,
        "spec": spec,
        "status": {key: value for key, value in status.items() if value is not None},
    }


def known_of(value: JSON) -> Known:
    """Read an object back; nothing is online until it is announced again."""
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
    )
    since = status.get("timestamp")
    return Known(entry, labels, False, float(since) if isinstance(since, int) else 0.0, reason="not seen since the restart")


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
        "depth": known.depth,
        "linkedAt": since if known.online else None,
        "lastSeen": None if known.online else since,
        "reason": known.reason,
        "performs": entry.performs,
        "version": entry.version,
        "conditions": [_ready(known, since)],
    }


def _ready(known: Known, since: str) -> dict[str, Any]:
    online = known.online
    return {
        "type": "Ready",
        "status": "True" if online else "False",
        "reason": "Online" if online else "Offline",
        "message": known.reason or "There is a way to the cluster.",
        "lastTransitionTime": since,
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
