"""Values of a task. Pure."""

from __future__ import annotations

from enum import StrEnum

from attrs import field

from ote_twisted.values import frozen


@frozen
class Task:
    """One request for one cluster.

    :ivar destination: ``api`` (the cluster's Kubernetes-shaped API) or ``helm``; shims may know others.
    :ivar method: upper-case HTTP verb.
    :ivar uri: path and optional query, e.g. ``/api/v1/namespaces?limit=5``.
    :ivar body: request body, opaque bytes.
    :ivar uid: identifies the task generation (``<object uid>.<generation>``); empty for a v1 owner.
    """

    destination: str
    method: str
    uri: str
    body: bytes = field(default=b"", repr=False)
    uid: str = ""


@frozen
class Answer:
    """What a cluster answered.

    :ivar code: HTTP status. 404 unknown destination or path, 405 method, 502/503/504 the cluster was not reached.
    :ivar body: raw answer body, possibly cut at the configured limit.
    :ivar truncated: the body was cut; ``full_length`` tells how long it was, bytes.
    :ivar unknown: nobody knows whether the task took effect: the cluster's controller crashed while it was performed, and
        performing it again could do harm. ``code`` is 500 then.
    """

    code: int
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False
    full_length: int = 0
    unknown: bool = False


UNKNOWN = "nobody knows whether the task took effect: its controller ended while it was performed"
"""``LedgerEntry.why`` of a target whose answer was ``unknown``."""


class TargetState(StrEnum):
    """Life of one target of one task generation. ``done``, ``failed`` and ``expired`` are final."""

    PENDING = "pending"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


@frozen
class LedgerEntry:
    """One target of one task generation, as kept in the ledger.

    :ivar uid: task generation, ``<object uid>.<generation>``.
    :ivar cluster: target's name.
    :ivar state: see :class:`TargetState`. ``done`` is an answer with a code below 400; ``failed`` has another code, or
        no code and a reason.
    :ivar code: HTTP status of the answer, ``None`` without one.
    :ivar body: answer body.
    :ivar why: reason for a failure or expiry, a sentence; empty otherwise.
    :ivar timestamp: unix seconds on the answering machine's clock, only shown, never compared.
    :ivar received: unix seconds on the owner's clock when the answer was recorded.
    """

    uid: str
    cluster: str
    state: TargetState
    code: int | None = None
    body: bytes = field(default=b"", repr=False)
    truncated: bool = False
    why: str = ""
    timestamp: int | None = None
    received: float | None = None
