"""What is simulated: the tree, its faults by name, how long. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from attrs import field, frozen

FAULTS = {
    "kill": "a controller is killed and starts again from its disk",
    "wipe": "a controller is killed and its disk is lost",
    "power": "a machine goes without a word, and comes back",
    "partition": "a machine, or a region with all its sites, is cut off",
    "oneway": "packets of a machine are lost in one direction",
    "delay": "all packets of a machine are late",
    "reorder": "packets of a machine are late by different times, so that links overtake each other",
    "slow": "a machine takes few bytes per second",
    "skew": "each machine's wall clock is off by up to an hour",
    "duplicate": "a second controller calls itself like one of the tree",
}
"""Every kind of fault and what it does."""


class ScenarioError(ValueError):
    """There is no such tree, or no such fault; the text says what there is."""


@frozen
class Place:
    """One controller of the tree.

    :ivar parents: names of the parents that it is configured with, in order of preference.
    :ivar tier: 0 is the root's.
    """

    name: str
    parents: tuple[str, ...]
    tier: int
    labels: dict[str, str] = field(eq=False)
    tags: tuple[str, ...] = ()


@frozen
class Scenario:
    """What ``otectl simulate`` is told.

    :ivar clusters: how many controllers, the root included.
    :ivar tiers: of the tree, that of the root included.
    :ivar minutes: of virtual time with faults; the time to build the tree before and to heal after is added.
    :ivar tasks: how many are created.
    :ivar rate: faults per minute; 0 is as many as are usual for a tree of that size.
    """

    clusters: int = 100
    tiers: int = 3
    seed: int = 0
    minutes: float = 10.0
    faults: tuple[str, ...] = ("kill", "partition", "delay", "slow", "skew")
    tasks: int = 60
    rate: float = 0.0

    def __attrs_post_init__(self) -> None:
        unknown = [fault for fault in self.faults if fault not in FAULTS]
        if unknown:
            raise ScenarioError(f"there is no fault {unknown[0]!r}; there are {', '.join(FAULTS)}")
        if not 1 <= self.tiers <= 16 or self.clusters < self.tiers or (self.tiers == 1 < self.clusters):
            raise ScenarioError(f"{self.clusters} clusters make no tree of {self.tiers} tiers")

    @property
    def faults_per_minute(self) -> float:
        """How many faults begin in a minute."""
        return self.rate or max(1.0, min(12.0, self.clusters / 100))

    def command(self) -> str:
        """The call that does exactly the same again."""
        faults = ",".join(self.faults) or "none"
        call = f"otectl simulate --clusters {self.clusters} --tiers {self.tiers} --seed {self.seed} --minutes {self.minutes:g}"
        return f"{call} --faults {faults} --tasks {self.tasks}" + (f" --rate {self.rate:g}" if self.rate else "")


def places(scenario: Scenario) -> list[Place]:
    """The tree, parents before children: each tier is larger than the one above by the same factor.

    Every second controller below the second tier is configured with the next one of its parent's tier as a second parent,
    the others know of other parents only what they learn.
    """
    sizes = _sizes(scenario.clusters, scenario.tiers)
    above: Sequence[Place] = ()
    tree: list[Place] = []
    for tier, size in enumerate(sizes):
        here = [_place(tier, number, size, above) for number in range(size)]
        tree += here
        above = here
    return tree


def _place(tier: int, number: int, size: int, above: Sequence[Place]) -> Place:
    if not above:
        return Place("root", (), 0, {"tier": "0"})
    at = number * len(above) // size
    parent, next_one = above[at], above[(at + 1) % len(above)]
    parents = (parent.name,) if tier == 1 or parent is next_one or number % 2 else (parent.name, next_one.name)
    name = f"r{number}" if tier == 1 else f"{parent.name}-{number}"
    labels = {"tier": str(tier), "region": name if tier == 1 else parent.labels["region"]} | (
        {"gpu": "true"} if number % 5 == 0 else {}
    )
    return Place(name, parents, tier, labels, ("camera",) if number % 3 == 0 else ())


def _sizes(clusters: int, tiers: int) -> list[int]:
    """How many controllers each tier has: 1, f, f², …, the rest in the last."""
    if tiers == 1:
        return [1]
    factor = 1.0
    while sum(factor**tier for tier in range(tiers)) < clusters:
        factor *= 1.001
    sizes = [1]
    for tier in range(1, tiers - 1):
        sizes.append(max(1, min(ceil(factor**tier - 0.5), clusters - sum(sizes) - (tiers - 1 - tier))))
    return [*sizes, clusters - sum(sizes)]
