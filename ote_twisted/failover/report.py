"""How the search for a parent stands, as JSON for people and programs."""

from __future__ import annotations

from typing import Any

from ote_twisted.failover.candidates import Candidate
from ote_twisted.failover.service import Failover
from ote_twisted.failover.status import Connected, Connecting, Waiting

Report = dict[str, Any]


def report(failover: Failover, now: float) -> Report:
    """What ``status.uplink`` of a ControllerStatus is."""
    status = failover.status
    if isinstance(status, Connected):
        return {
            "state": "connected",
            "address": status.address,
            "seconds": _round(now - status.since),
            **_attached(failover, now),
        }
    if not isinstance(status, Connecting | Waiting):
        return {"state": "none"}
    stated: Report = {"state": "connecting", "address": status.address, "lastError": status.last_error}
    if isinstance(status, Waiting):
        stated |= {"state": "waiting", "nextAttemptSeconds": _round(max(0.0, status.until - now))}
    return {**stated, "candidates": _candidates(failover, now)}


def _attached(failover: Failover, now: float) -> Report:
    policy, found = failover.policy, Report()
    if (carrying := policy.carrying) is not None:
        candidate = carrying.candidate
        found = {"name": candidate.name, "known": _kind(candidate), "preferred": candidate.best}
    if (standby := policy.standby) is not None:
        found["standby"] = {
            "address": str(standby.address),
            "name": standby.candidate.name,
            "seconds": _round(now - standby.opened_at),
            "rooted": standby.told_a_way,
        }
    elif policy.target is not None:
        candidate, when = policy.target
        found |= {"better": str(candidate), "nextAttemptSeconds": _round(max(0.0, when - now))}
    if not found.get("preferred") and failover.error:
        found["lastError"] = failover.error
    return {**found, "candidates": _candidates(failover, now)}


def _candidates(failover: Failover, now: float) -> list[Report]:
    penalties = failover.policy.penalties
    return [
        {
            "address": str(each.address),
            "name": each.name,
            "known": _kind(each),
            "failures": (record := penalties.of(each.address)).failures,
            "waitSeconds": _round(max(0.0, record.not_before - now)),
        }
        for each in failover.knowledge
    ]


def _kind(candidate: Candidate) -> str:
    return candidate.kind.name.lower().replace("_", " ")


def _round(seconds: float) -> float:
    return round(seconds, 3)
