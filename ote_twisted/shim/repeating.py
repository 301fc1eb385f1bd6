"""Which tasks do no harm when they are performed a second time, because nobody knows whether the first time counted. Pure."""

from __future__ import annotations

import json
from typing import Any

from ote_twisted.tasks.model import Task

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


def safe(task: Task) -> bool:
    """What is true of any shim, also of one that says nothing."""
    return task.method in SAFE


def repeatable_at_api(task: Task) -> bool:
    """What is true of a Kubernetes API.

    A PUT and a merge patch say how the object is to be, so the second time changes nothing; but one with a ``resourceVersion``
    would meet its own first time as a conflict. A DELETE with the uid of the object finds it gone. A POST creates, and a JSON
    patch may add, once more.
    """
    if safe(task):
        return True
    body = _object(task.body)
    if task.method in ("PUT", "PATCH"):
        return body is not None and not _part(body, "metadata").get("resourceVersion")
    preconditions = _part(body or {}, "preconditions")
    return task.method == "DELETE" and bool(preconditions.get("uid")) and not preconditions.get("resourceVersion")


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _part(value: dict[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
