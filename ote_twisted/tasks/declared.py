"""A task as its ClusterController object declares it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Any

import orjson
from attrs import field

from ote_twisted.storage.model import JSON, Key, StoredObject
from ote_twisted.tasks.books import uid_of
from ote_twisted.tasks.model import Task
from ote_twisted.tasks.validate import Fault, deadline_fault, validate_task
from ote_twisted.values import frozen

RESOURCE = "clustercontrollers.ote.baidu.com"
"""Under which the store keeps task objects."""

API_VERSION = "ote.baidu.com/v1"
DEFAULT_DESTINATION = "api"
LAST_SECOND = 253_402_300_799
"""The last second that has a year of four digits, unix seconds."""


@frozen(eq=False)
class DeclaredTask:
    """One generation of one ClusterController object.

    :ivar object_uid: ``metadata.uid``, the same for all generations.
    :ivar uid: the generation.
    :ivar selector: text that chooses the clusters.
    :ivar task: what they shall perform.
    :ivar lifetime: seconds from its beginning to its deadline; ``None`` when the object does not say.
    :ivar created: when the object was created, unix seconds, ``None`` if it does not say.
    :ivar kept_deadline: the deadline that an earlier status write kept for this generation, unix seconds.
    :ivar faults: why it cannot be performed; empty for a good one.
    """

    key: Key
    object_uid: str
    generation: int
    selector: str
    task: Task
    lifetime: float | None = None
    created: float | None = None
    kept_deadline: float | None = None
    faults: tuple[Fault, ...] = field(default=())

    @property
    def uid(self) -> str:
        """Identity of this generation in ledger and messages."""
        return uid_of(self.object_uid, self.generation)

    def deadline(self, now: float, default: float) -> float:
        """When this generation is over, unix seconds.

        A deadline that was kept stands. The first generation counts from its creation, a later one from ``now``,
        when it is seen first.
        """
        if self.kept_deadline is not None:
            return self.kept_deadline
        begun = self.created if self.generation <= 1 and self.created is not None else now
        return begun + (default if self.lifetime is None else self.lifetime)


def declared(stored: StoredObject) -> DeclaredTask | None:
    """Read an object; ``None`` for one that is being deleted, or is no object with an identity at all."""
    try:
        value = orjson.loads(stored.value)
    except orjson.JSONDecodeError:
        return None
    metadata = _mapping(value, "metadata")
    object_uid = _text(metadata, "uid")
    if not object_uid or metadata.get("deletionTimestamp"):
        return None
    spec, generation = _mapping(value, "spec"), generation_of(value)
    seconds = spec.get("deadlineSeconds")
    return DeclaredTask(
        key=stored.key,
        object_uid=object_uid,
        generation=generation,
        selector=_text(spec, "clusterSelector"),
        task=_task(spec, uid_of(object_uid, generation)),
        lifetime=None if deadline_fault(seconds) or seconds is None else float(seconds),
        created=read_time(metadata.get("creationTimestamp")),
        kept_deadline=_kept_deadline(value, generation),
        faults=tuple(validate_task(value, None)),
    )


def generation_of(value: JSON) -> int:
    """``metadata.generation``; 1 where a store counts none."""
    generation = _mapping(value, "metadata").get("generation")
    return generation if isinstance(generation, int) else 1


def read_time(text: object) -> float | None:
    """RFC 3339 text to unix seconds; ``None`` for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def write_time(moment: float) -> str:
    """Unix seconds to RFC 3339 text in whole seconds, as Kubernetes writes it; not earlier, within years 1970 to 9999."""
    return datetime.fromtimestamp(min(max(0, ceil(moment)), LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _task(spec: JSON, uid: str) -> Task:
    return Task(
        destination=_text(spec, "destination") or DEFAULT_DESTINATION,
        method=_text(spec, "method"),
        uri=_text(spec, "url"),
        body=_text(spec, "body").encode("utf-8", "surrogatepass"),
        uid=uid,
    )


def _kept_deadline(value: JSON, generation: int) -> float | None:
    status = _mapping(value, "status")
    if status.get("observedGeneration") != generation:
        return None
    return read_time(status.get("deadline"))


def _mapping(value: Any, name: str) -> JSON:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _text(value: JSON, name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""
