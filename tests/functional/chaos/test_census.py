"""That the census sees what it is there to see."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.chaos.census import findings, unfinished
from tests.functional.chaos.plan import Job, jobs, rounds, sites, tree

JOB = Job("c0", "root", "a,b", frozenset("ab"), counted=True)
AGAIN = Job("c0", "root", "a,b", frozenset("ab"), counted=False)
DONE = {"state": "done", "code": 201}
UNKNOWN = {"state": "failed", "code": 500, "unknown": True, "why": "it is not known whether it took effect"}


def effects(**counts: int) -> dict[str, Counter[str]]:
    """Objects that the task made at each cluster."""
    return {site: Counter({"c0": counts.get(site, 0)}) for site in "ab"}


class CensusTests(SynchronousTestCase):
    """Answers beside effects."""

    def judged(self, answer: dict[str, Any], at_a: int, job: Job = JOB) -> Any:
        """Findings where b is as it should be."""
        found = findings([job], {"c0": {"a": answer, "b": DONE}}, effects(a=at_a, b=1))
        self.assertEqual(found.targets, 2)
        return found

    def test_all_well(self) -> None:
        """Everything done once passes."""
        found = self.judged(DONE, 1)
        self.assertTrue(found.passed)
        self.assertEqual((found.done, found.unknown, found.lost, found.doubled), (2, 0, [], []))

    def test_twice(self) -> None:
        """Two effects are seen, whatever was answered."""
        for answer in (DONE, UNKNOWN, {"state": "sent"}, {}):
            self.assertEqual(len(self.judged(answer, 2).doubled), 1)
            self.assertFalse(self.judged(answer, 2).passed)

    def test_lost(self) -> None:
        """Done without effect, failed, expired, unanswered, or never a target is lost."""
        for answer, at_a in (
            (DONE, 0),
            ({"state": "failed", "code": 409}, 1),
            ({"state": "expired"}, 0),
            ({"state": "sent"}, 1),
            ({}, 0),
        ):
            found = self.judged(answer, at_a)
            self.assertEqual((len(found.lost), found.passed), (1, False), answer)

    def test_unknown(self) -> None:
        """What is answered as unknown is neither, with an effect or without; what may be repeated has to be done."""
        for at_a in (0, 1):
            found = self.judged(UNKNOWN, at_a)
            self.assertEqual((found.unknown, found.unknown_effects, found.passed), (1, at_a, True))
        self.assertFalse(self.judged(UNKNOWN, 0, AGAIN).passed)

    def test_strangers(self) -> None:
        """A cluster that was not asked and answered is seen."""
        found = findings([JOB], {"c0": {"a": DONE, "b": DONE, "x": DONE}}, effects(a=1, b=1))
        self.assertFalse(found.passed)

    def test_unfinished(self) -> None:
        """What is not final is unfinished, and so is what never was a target."""
        self.assertEqual(unfinished([JOB], {"c0": {"a": {"state": "sent"}}}), 2)
        self.assertEqual(unfinished([JOB], {"c0": {"a": DONE, "b": UNKNOWN}}), 0)


class PlanTests(SynchronousTestCase):
    """What a seed makes."""

    def test_repeatable(self) -> None:
        """The same seed makes the same tasks and the same order of kills; another one makes others."""
        self.assertEqual(list(jobs(7, 500)), list(jobs(7, 500)))
        self.assertNotEqual(list(jobs(7, 500)), list(jobs(8, 500)))
        self.assertEqual(list(islice(rounds(7), 40)), list(islice(rounds(7), 40)))

    def test_everybody_dies(self) -> None:
        """Within a round each of the thirteen controllers is killed once."""
        self.assertEqual(len(tree()), 13)
        self.assertEqual(set(islice(rounds(3), 13)), {place.name for place in tree()})

    def test_targets(self) -> None:
        """The tasks have as many targets as were asked for, all of them sites, and are written at the root and at regions."""
        made = list(jobs(1, 5000))
        self.assertTrue(5000 <= sum(len(job.targets) for job in made) < 5009)
        self.assertTrue(all(job.targets <= sites() for job in made))
        self.assertEqual({job.owner for job in made}, {"root", "north", "south", "west"})
        self.assertEqual({job.counted for job in made}, {True, False})
