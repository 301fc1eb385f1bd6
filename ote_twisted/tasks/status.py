"""The status of a task object, built from counts and the first entries of its books. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from attrs import evolve

from ote_twisted.storage.model import JSON
from ote_twisted.tasks.bodies import Shown, cut, fair_limit, show
from ote_twisted.tasks.conditions import Progress, conditions
from ote_twisted.tasks.declared import write_time
from ote_twisted.tasks.model import UNKNOWN, LedgerEntry, TargetState
from ote_twisted.tasks.settings import Bounds

OFFLINE = "offline; it gets the task when it is online again"
WHY_LENGTH = 200
"""Characters of an entry's reason that are shown."""


def build_status(
    progress: Progress, entries: Sequence[LedgerEntry], previous: JSON, now: float, bounds: Bounds, online: Callable[[str], bool]
) -> JSON:
    """The whole ``status``.

    :param entries: the first entries of the books by name, at most ``bounds.entries`` of them are used.
    :param previous: the status that is stored now.
    :param now: unix seconds.
    :param online: tells pending targets that wait for their link from those that wait for their turn.
    """
    clusters = shown_clusters(entries, bounds, online)
    if previous.get("observedGeneration") == progress.generation:  # of a task that is over the books are not read again
        progress = evolve(progress, unknown=max(progress.unknown, _whole(previous.get("unknown"))))
    told = conditions(progress, _history(previous, progress.generation), now)
    return {
        "observedGeneration": progress.generation,
        "deadline": write_time(progress.deadline),
        **_counted(progress),
        "message": told[0]["message"],
        "omitted": max(0, progress.total - len(clusters)),
        "conditions": told,
        "clusters": clusters,
    }


def shown_clusters(entries: Sequence[LedgerEntry], bounds: Bounds, online: Callable[[str], bool]) -> JSON:
    """``status.clusters``: everything but the bodies first, then the bodies share the room that is left."""
    frames: list[tuple[LedgerEntry, JSON]] = []
    left = bounds.size
    for entry in entries[: bounds.entries]:
        frame = entry_frame(entry, online)
        left -= len(orjson.dumps(frame)) + len(entry.cluster) + 64
        if left < 0:
            break
        frames.append((entry, frame))
    bodies = [show(entry.body) for entry, _ in frames]
    limit = fair_limit([body.size for body in bodies], max(0, left))
    return {entry.cluster: with_body(frame, entry, cut(body, limit)) for (entry, frame), body in zip(frames, bodies, strict=True)}


def entry_frame(entry: LedgerEntry, online: Callable[[str], bool] | None = None) -> JSON:
    """One target without its body; fields that have nothing to say are absent."""
    frame: JSON = {"state": str(entry.state)}
    if entry.timestamp is not None:
        frame["timestamp"] = entry.timestamp
    if entry.received is not None:
        frame["received"] = write_time(entry.received)
    if entry.code is not None:
        frame["code"] = entry.code
    why = entry.why
    if not why and entry.state is TargetState.PENDING and online is not None and not online(entry.cluster):
        why = OFFLINE
    if entry.why == UNKNOWN:
        frame["unknown"] = True
    if why:
        frame["why"] = why[:WHY_LENGTH]
    return frame


def with_body(frame: JSON, entry: LedgerEntry, body: Shown) -> JSON:
    """The frame with its body; only a target that answered has one."""
    if entry.code is None:
        return frame
    frame["body"] = body.text
    if body.encoding:
        frame["encoding"] = body.encoding
    if body.truncated or entry.truncated:
        frame["truncated"] = True
    return frame


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _history(previous: JSON, generation: int) -> object:
    return previous.get("conditions") if previous.get("observedGeneration") == generation else None


def _counted(progress: Progress) -> JSON:
    return {
        "selected": progress.total,
        "pending": progress.counts[TargetState.PENDING],
        "sent": progress.counts[TargetState.SENT],
        "succeeded": progress.counts[TargetState.DONE],
        "failed": progress.counts[TargetState.FAILED],
        "unknown": progress.unknown,
        "expired": progress.counts[TargetState.EXPIRED],
        "done": f"{progress.total - progress.unfinished}/{progress.total}",
    }
