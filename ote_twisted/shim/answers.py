"""Answers that are made here and not by a cluster, and the rules that every task and every answer obeys. Pure.

The rules are the same for a shim in the controller's process and for a remote one, so that the same task has the
same answer both ways.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from attrs import evolve

from ote_twisted.tasks.model import Answer, Task

BODY_LIMIT = 1 << 20
"""Bytes of an answer's body that are kept by default. An object that holds the answers has to fit into a store."""

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Methods of the destination ``api``."""

_REASONS = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    500: "InternalError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def failure(code: int, message: str) -> Answer:
    """An answer of our own: a Kubernetes ``Status`` with a sentence for people."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, ""),
        "code": code,
    }
    return Answer(code, json.dumps(status).encode())


def fault(task: Task) -> Answer | None:
    """The 400 for a task that no shim should see, or ``None`` for a sound one."""
    if task.method and not (task.method.isascii() and task.method.isalpha()):
        return failure(400, f"the task's method must be letters, not {task.method[:20]!r}")
    if not task.uri.startswith("/"):
        return failure(400, "the task's URI must start with /")
    if not task.uri.isascii() or any(character <= " " or character == "\x7f" for character in task.uri):
        return failure(400, "the task's URI must be printable ASCII without blanks; encode others as %XX")
    return None


def refusal(task: Task, destinations: Collection[str], methods: Collection[str] = VERBS) -> Answer | None:
    """404 for a destination that a shim does not serve, 405 for a method, ``None`` for a task that it performs."""
    if task.destination not in destinations:
        known = ", ".join(sorted(destinations))
        return failure(404, f"this cluster has no destination {task.destination[:64]!r}; it has: {known}")
    if task.method not in methods:
        return failure(405, f"destination {task.destination} takes {', '.join(methods)}, not {task.method[:20]}")
    return None


def content_type(task: Task) -> str:
    """Media type of a task's body, which travels without one.

    A PATCH is told by its shape: an object is a merge patch, anything else a JSON patch.
    """
    if task.method != "PATCH":
        return "application/json"
    kind = "merge-patch" if task.body.lstrip()[:1] == b"{" else "json-patch"
    return f"application/{kind}+json"


def limited(answer: Answer, limit: int) -> Answer:
    """The answer with at most ``limit`` bytes of body, marked as truncated if any had to go.

    A UTF-8 character is not cut in two.
    """
    if len(answer.body) <= limit:
        return answer
    full = answer.full_length or len(answer.body)
    return evolve(answer, body=_cut(answer.body, limit), truncated=True, full_length=full)


def _cut(body: bytes, limit: int) -> bytes:
    end = limit
    while end > max(0, limit - 3) and body[end] & 0xC0 == 0x80:
        end -= 1
    return body[:end] if body[end] & 0xC0 != 0x80 else body[:limit]


def from_wire(answer: Answer) -> Answer:
    """A remote shim's answer with a code that HTTP knows. The original writes 0 when it had no HTTP answer at all."""
    if 100 <= answer.code <= 599:
        return answer
    text = answer.body[:512].decode("utf-8", "replace")
    return failure(502, f"the shim did not reach its cluster (it answered with code {answer.code}) {text}".rstrip())
