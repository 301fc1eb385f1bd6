"""The object that a task is about. Pure."""

from __future__ import annotations

import json

from ote_twisted.tasks.model import Task

_OF_NAMESPACE_ITSELF = frozenset({"status", "finalize"})


def object_key(task: Task) -> tuple[str, str]:
    """Destination and path of the object that a task is about. Tasks with equal keys take effect in the order given.

    Queries and subresources belong to their object, and a creation belongs to the object that it creates.
    """
    path = task.uri.partition("?")[0].rstrip("/")
    if task.method == "POST" and (name := _named(task.body)):
        path = f"{path}/{name}"
    if task.destination == "api":
        path = _object_path(path)
    return task.destination, path


def _named(body: bytes) -> str:
    try:
        name = json.loads(body)["metadata"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def _object_path(path: str) -> str:
    parts = path.split("/")
    start = {"api": 3, "apis": 4}.get(parts[1] if len(parts) > 1 else "", len(parts))
    rest = parts[start:]
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in _OF_NAMESPACE_ITSELF:
        start += 2
    return "/".join(parts[: start + 2])
