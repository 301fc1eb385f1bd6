"""Events as Kubernetes has them, and read back after a restart. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.objects import API_VERSION, NAMESPACE
from ote_twisted.events.model import Happening, Moment, Told
from ote_twisted.storage.model import JSON, Key

RESOURCE = "events"
COMPONENT = "ote-controller"
RECORDER = ("ote-twisted.dev/recorder", COMPONENT)
"""Label of the events that a controller wrote, by which it tells them from everybody else's."""

COMBINED = "ote-twisted.dev/combined"
"""Annotation of an event that stands for several."""


def event_key(name: str) -> Key:
    """Where an event lives."""
    return Key(RESOURCE, NAMESPACE, name)


def event_object(happening: Happening, own: str, involved: str) -> JSON:
    """The object to store for an event.

    :param own: name of the controller that writes it.
    :param involved: uid of the object of the cluster that it is about; empty when there is none.
    """
    told = happening.told
    cluster = {"apiVersion": API_VERSION, "kind": "Cluster", "namespace": NAMESPACE, "name": told.about}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": _metadata(happening),
        "involvedObject": {**cluster, "uid": involved} if involved else cluster,
        "reason": told.reason,
        "message": told.message,
        "type": "Warning" if told.warning else "Normal",
        "count": happening.count,
        "firstTimestamp": rfc3339(happening.first),
        "lastTimestamp": rfc3339(happening.last),
        "eventTime": None,
        "source": {"component": COMPONENT, "host": own},
        "reportingComponent": COMPONENT,
        "reportingInstance": own,
    }


def happening_of(value: JSON, moment: Moment) -> Happening:
    """Read an event of our own back; where a user made nonsense of it, something is read."""
    metadata, involved, count = value["metadata"], value.get("involvedObject"), value.get("count")
    about = str(involved.get("name")) if isinstance(involved, dict) else ""
    last = _seconds(value.get("lastTimestamp"), moment.wall)
    return Happening(
        metadata["name"],
        str(metadata.get("uid")),
        Told(str(value.get("reason")), str(value.get("message")), about, value.get("type") == "Warning"),
        _seconds(value.get("firstTimestamp"), last),
        last,
        moment.clock - max(0.0, moment.wall - last),
        count if isinstance(count, int) else 1,
        combined=COMBINED in (metadata.get("annotations") or {}),
        sent=True,
        stored=True,
    )


def _metadata(happening: Happening) -> dict[str, Any]:
    label, recorder = RECORDER
    metadata: dict[str, Any] = {
        "name": happening.name,
        "namespace": NAMESPACE,
        "uid": happening.uid,
        "creationTimestamp": rfc3339(happening.first),
        "labels": {label: recorder},
    }
    return {**metadata, "annotations": {COMBINED: "true"}} if happening.combined else metadata


def _seconds(text: object, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else otherwise
    except ValueError:
        return otherwise
