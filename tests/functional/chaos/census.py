"""Compares what was asked for, what was answered and what there is at the clusters. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import Factory, define

from tests.functional.chaos.plan import Job

Answers = Mapping[str, Mapping[str, Any]]
"""Entries of a task's status, by cluster."""

FINAL = ("done", "failed", "expired")


@define
class Findings:
    """What became of the targets of all tasks.

    :ivar targets: of all tasks together.
    :ivar done: answered as done.
    :ivar unknown: answered so that nobody knows whether it took effect; ``unknown_effects`` of these did.
    :ivar lost: done without an effect, failed, expired, never answered, or never a target.
    :ivar doubled: with more than one effect.
    """

    targets: int = 0
    done: int = 0
    unknown: int = 0
    unknown_effects: int = 0
    lost: list[str] = Factory(list)
    doubled: list[str] = Factory(list)

    @property
    def passed(self) -> bool:
        """Nothing is lost, nothing was done twice, everything is answered."""
        return not self.lost and not self.doubled and self.done + self.unknown == self.targets

    def told(self) -> str:
        """It all in a sentence, with examples of what is wrong."""
        unknown = f"{self.unknown} unknown (of which {self.unknown_effects} took effect)"
        text = f"{self.targets} targets: {self.done} done, {unknown}, {len(self.lost)} lost, {len(self.doubled)} performed twice"
        examples = [*self.lost[:5], *self.doubled[:5]]
        return text + (f"; e.g. {'; '.join(examples)}" if examples else "")


def unfinished(jobs: Iterable[Job], answers: Mapping[str, Answers]) -> int:
    """Targets that have no final answer yet."""
    return sum(answers.get(job.name, {}).get(target, {}).get("state") not in FINAL for job in jobs for target in job.targets)


def findings(jobs: Iterable[Job], answers: Mapping[str, Answers], effects: Mapping[str, Counter[str]]) -> Findings:
    """Judge every target of every task.

    :param effects: of each cluster, how many objects each task made there.
    """
    found = Findings()
    for job in jobs:
        for target in sorted(job.targets):
            _judge(found, job, target, answers.get(job.name, {}).get(target, {}), effects[target][job.name])
        for stranger in answers.get(job.name, {}).keys() - job.targets:
            found.doubled.append(f"{job.name} at {stranger}, which was not asked")
    return found


def _judge(found: Findings, job: Job, target: str, answer: Mapping[str, Any], effects: int) -> None:
    found.targets += 1
    state = answer.get("state", "no target")
    done = state == "done"
    unknown = state == "failed" and job.counted and _is_unknown(answer)
    found.done += done
    found.unknown += unknown
    found.unknown_effects += unknown and effects > 0
    if effects > 1:
        found.doubled.append(f"{job.name} at {target}: {effects} effects, {state}")
    if not done and not unknown:
        found.lost.append(f"{job.name} at {target}: {state} {answer.get('code', '')} {answer.get('why', '')}".rstrip())
    elif done and job.counted and effects == 0:
        found.lost.append(f"{job.name} at {target}: said to be done, and has no effect")


def _is_unknown(answer: Mapping[str, Any]) -> bool:
    return answer.get("code") == 500 and answer.get("unknown") is True
