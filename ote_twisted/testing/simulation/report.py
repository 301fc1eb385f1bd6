"""What a run found, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import asdict, define, frozen

from ote_twisted.testing.simulation.clock import HeapClock
from ote_twisted.testing.simulation.network import NetworkCounts, SimulatedNetwork
from ote_twisted.testing.simulation.rest import TaskSums
from ote_twisted.testing.simulation.scenario import Scenario
from ote_twisted.testing.simulation.watch import Findings


@frozen
class Sample:
    """How things were at one moment.

    :ivar at: clock reading.
    :ivar messages: arrived so far; ``at_root`` at the root.
    :ivar faults: under way.
    """

    at: float
    running: int
    rooted: int
    messages: int
    at_root: int
    faults: int


@define
class Report:
    """Everything that is told of a run.

    :ivar steps: calls of the clock; ``seconds`` how much time passed on it.
    :ivar healed: seconds from the end of the last fault until everything was well.
    :ivar orphans: controllers without a way to the root at the end.
    :ivar trace: two runs of one scenario have the same.
    """

    scenario: Scenario
    steps: int
    seconds: float
    trace: int
    counts: NetworkCounts
    findings: Findings
    tasks: TaskSums
    faults: Mapping[str, int]
    events: Mapping[str, int]
    samples: Sequence[Sample]
    healed: float
    orphans: int

    @classmethod
    def of(
        cls, scenario: Scenario, clock: HeapClock, network: SimulatedNetwork, findings: Findings, tasks: TaskSums,
        faults: Mapping[str, int], events: Mapping[str, int], samples: Sequence[Sample], healed: float, orphans: int,
    ) -> Report:  # fmt: skip
        """Gather it."""
        return cls(
            scenario, clock.steps, clock.rightNow, network.trace, network.counts, findings, tasks, dict(sorted(faults.items())),
            dict(sorted(events.items())), samples, healed, orphans,
        )  # fmt: skip

    @property
    def passed(self) -> bool:
        """Every invariant held."""
        return not self.findings.broken

    def rehome(self, share: float) -> float:
        """The time within which that share of controllers had a way to the root again, seconds; 0 without any."""
        times = sorted(self.findings.rehomes)
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0

    @property
    def per_change(self) -> float:
        """Messages to the root for each change of a parent, answers and reports included."""
        return self.counts.at_root / self.findings.moves if self.findings.moves else 0.0

    def value(self) -> dict[str, Any]:
        """For programs."""
        return {
            "scenario": asdict(self.scenario),
            "passed": self.passed,
            "steps": self.steps,
            "virtualSeconds": round(self.seconds, 3),
            "trace": f"{self.trace:08x}",
            "rehomes": {
                "count": len(self.findings.rehomes),
                **{f"p{round(share * 100)}Seconds": round(self.rehome(share), 3) for share in (0.5, 0.9, 0.99, 1.0)},
            },
            "healedSeconds": round(self.healed, 3),
            "tasks": asdict(self.tasks),
            "effects": {name: getattr(self.findings, name) for name in ("effects", "doubled", "excused", "repeated")},
            "moves": self.findings.moves,
            "loops": self.findings.loops,
            "orphans": self.orphans,
            "messages": asdict(self.counts) | {"atRootPerChange": round(self.per_change, 2)},
            "faults": dict(self.faults),
            "events": dict(self.events),
            "violations": [asdict(each) for each in self.findings.violations],
            "broken": dict(self.findings.broken),
            "replay": self.scenario.command(),
        }

    def last_line(self) -> str:
        """The sum of it."""
        tasks, findings = self.tasks, self.findings
        return (
            f"{tasks.tasks} tasks for {tasks.targets} targets: {tasks.lost} lost, {findings.doubled} doubled, "
            f"{findings.broken.get('loop', 0)} loops, {self.orphans} orphans left"
        )
