"""Conditions of ``Cluster`` objects: ``Ready``, ``Reachable`` and ``Synced``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ote_twisted.api.times import rfc3339
from ote_twisted.values import frozen
from ote_twisted.wire.entry import ClusterStatus

_WORD = re.compile(r"[A-Za-z](?:[A-Za-z0-9_,:]{0,254}[A-Za-z0-9_])?")
"""What Kubernetes takes as the reason of a condition."""


@frozen
class Synced:
    """How far what is known of a child's subtree is what the child has.

    :ivar reason: one word; ``message`` is a sentence.
    """

    agrees: bool
    reason: str
    message: str


AGREES = Synced(True, "DigestAgrees", "What is known of the clusters below it is what it announced, by digest.")
ANNOUNCING = Synced(False, "Announcing", "It is announcing the clusters below it.")
DISAGREES = Synced(
    False, "DigestDiffers", "What is known of the clusters below it is not what it has; it was asked for all of it."
)


@frozen
class Standing:
    """How a cluster stands, as this controller knows it.

    :ivar status: what the cluster says of itself.
    :ivar online: there is a way to it; ``since`` (unix seconds) tells since when, or since when not.
    :ivar as_of: unix seconds: ``status`` was so then.
    :ivar hop: the cluster whose link is broken; ``reason`` says why, a sentence.
    """

    status: ClusterStatus | None
    online: bool
    since: float
    as_of: float
    reason: str
    hop: str
    synced: Synced | None


def unreachable(hop: str, since: float, reason: str) -> str:
    """The sentence that tells which hop is broken, since when and why."""
    return f"Unreachable{f' via {hop}' if hop else ''} since {rfc3339(since)}: {reason}"


def conditions(standing: Standing, before: object, now: float) -> list[dict[str, Any]]:
    """The conditions of a cluster, each with the moment of its last transition.

    :param before: the conditions so far; a moment moves only when the status of its condition does.
    :param now: unix seconds.
    """
    known = {each["type"]: each for each in _maps(before) if isinstance(each.get("type"), str)}
    told_at = max(standing.since, standing.as_of)
    found = [
        _condition("Ready", *_ready(standing), told_at, known),
        _condition("Reachable", *_reachable(standing), standing.since, known),
    ]
    if standing.synced is not None:
        synced = standing.synced
        found.append(_condition("Synced", _status(synced.agrees), synced.reason, synced.message, now, known))
    elif not standing.online and "Synced" in known:
        found.append(_condition("Synced", *_unknown(standing), standing.since, known))
    return found


def _ready(standing: Standing) -> tuple[str, str, str]:
    status = standing.status
    if not standing.online:
        return _unknown(standing)
    if status is None:
        return "Unknown", "NotTold", "There is a way to the cluster; it tells nothing of itself."
    word = status.reason if _WORD.fullmatch(status.reason) else "Told"
    return _status(status.ready), word, status.message


def _reachable(standing: Standing) -> tuple[str, str, str]:
    if standing.online:
        return "True", "Linked", "There is a way to the cluster."
    word = "LinkLost" if standing.hop else "NotAnnounced"
    return "False", word, unreachable(standing.hop, standing.since, standing.reason)


def _unknown(standing: Standing) -> tuple[str, str, str]:
    return "Unknown", "Unreachable", unreachable(standing.hop, standing.since, standing.reason)


def _condition(
    kind: str, status: str, reason: str, message: str, since: float, known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    before = known.get(kind, {})
    moment = before.get("lastTransitionTime")
    if before.get("status") != status or not isinstance(moment, str):
        moment = rfc3339(since)
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": moment}


def _status(value: bool) -> str:
    return "True" if value else "False"


def _maps(value: object) -> Iterable[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
