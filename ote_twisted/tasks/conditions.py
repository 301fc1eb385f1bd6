"""The conditions of a task's status. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field

from ote_twisted.storage.model import JSON
from ote_twisted.tasks.declared import write_time
from ote_twisted.tasks.model import TargetState
from ote_twisted.tasks.validate import Fault
from ote_twisted.values import frozen

COMPLETE = "Complete"
FAILED = "Failed"


@frozen
class Progress:
    """How far a task generation is.

    :ivar counts: targets in each state.
    :ivar deadline: unix seconds.
    :ivar over: the deadline has passed and was acted on.
    :ivar faults: why the spec cannot be performed.
    :ivar unknown: how many of the failed may have taken effect, nobody knows.
    """

    generation: int
    counts: Mapping[TargetState, int]
    deadline: float
    over: bool = False
    faults: tuple[Fault, ...] = field(default=())
    unknown: int = 0

    @property
    def total(self) -> int:
        """Targets known now."""
        return sum(self.counts.values())

    @property
    def unfinished(self) -> int:
        """Targets without a final state."""
        return self.counts[TargetState.PENDING] + self.counts[TargetState.SENT]

    @property
    def lost(self) -> int:
        """Targets that failed or expired."""
        return self.counts[TargetState.FAILED] + self.counts[TargetState.EXPIRED]

    @property
    def complete(self) -> bool:
        """There are targets, and each has its final state."""
        return bool(self.total) and not self.unfinished and not self.faults


@frozen
class Verdict:
    """One condition without its history."""

    type: str
    status: bool
    reason: str
    message: str


def verdicts(progress: Progress) -> tuple[Verdict, Verdict]:
    """What ``Complete`` and ``Failed`` say now."""
    if progress.faults:
        return _unusable(progress)
    if not progress.total:
        return _nobody(progress)
    return _complete(progress), _failed(progress)


def conditions(progress: Progress, previous: object, now: float) -> list[JSON]:
    """The conditions as JSON; a transition time changes only when the status of the condition does.

    :param previous: ``status.conditions`` as stored, whatever that is.
    :param now: unix seconds.
    """
    before = {str(item.get("type")): item for item in previous if isinstance(item, dict)} if isinstance(previous, list) else {}
    return [_condition(verdict, before.get(verdict.type, {}), progress.generation, now) for verdict in verdicts(progress)]


def _condition(verdict: Verdict, before: JSON, generation: int, now: float) -> JSON:
    status = "True" if verdict.status else "False"
    since = before.get("lastTransitionTime") if before.get("status") == status else None
    return {
        "type": verdict.type,
        "status": status,
        "reason": verdict.reason,
        "message": verdict.message,
        "lastTransitionTime": since or write_time(now),
        "observedGeneration": generation,
    }


def _unusable(progress: Progress) -> tuple[Verdict, Verdict]:
    message = "; ".join(f"{path}: {rule}" for path, rule in progress.faults)[:1024]
    return Verdict(COMPLETE, False, "InvalidSpec", message), Verdict(FAILED, True, "InvalidSpec", message)


def _nobody(progress: Progress) -> tuple[Verdict, Verdict]:
    if progress.over:
        message = "the selector chose no cluster that is known here until the deadline"
    else:
        message = (
            "the selector chooses no cluster that is known here now; "
            f"one that joins before {write_time(progress.deadline)} and matches gets the task"
        )
    reason = "NoClusterSelected"
    return Verdict(COMPLETE, False, reason, message), Verdict(FAILED, progress.over, reason, message)


def _complete(progress: Progress) -> Verdict:
    total, finished = progress.total, progress.total - progress.unfinished
    if progress.unfinished:
        return Verdict(COMPLETE, False, "InProgress", f"{finished} of {_clusters(total)} finished")
    if progress.lost:
        return Verdict(COMPLETE, True, "SomeFailed", f"all of {_clusters(total)} finished, {progress.lost} without success")
    return Verdict(COMPLETE, True, "AllDone", f"all of {_clusters(total)} performed it")


def _failed(progress: Progress) -> Verdict:
    failed, expired = progress.counts[TargetState.FAILED], progress.counts[TargetState.EXPIRED]
    told = " and ".join(
        text for text in (failed and f"{_clusters(failed)} failed", expired and f"{_clusters(expired)} expired") if text
    )
    if progress.unknown:
        doubt = f"{told}; nobody knows whether it took effect at {progress.unknown} of them: look there before it is done again"
        return Verdict(FAILED, True, "OutcomeUnknown", doubt)
    if failed:
        return Verdict(FAILED, True, "ClustersFailed", told)
    if expired:
        return Verdict(FAILED, True, "DeadlineExceeded", told)
    return Verdict(FAILED, False, "NoneFailed", "no cluster failed")


def _clusters(count: int) -> str:
    return f"{count} cluster" if count == 1 else f"{count} clusters"
