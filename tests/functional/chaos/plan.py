"""What a run of chaos does, by its seed: the tree, the tasks, the order of kills. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from attrs import frozen

REGIONS = ("north", "south", "west")
SITES_EACH = 3
LABEL = "chaos"
"""Label of everything that a task makes; its value is the task's name."""

MAPS = "/api/v1/namespaces/default/configmaps"


@frozen
class Place:
    """One controller; ``parent`` is empty for the root."""

    name: str
    parent: str = ""
    tier: str = "root"


@frozen
class Job:
    """One task.

    :ivar owner: the controller at which it is written.
    :ivar targets: the clusters that have to perform it.
    :ivar counted: each performance makes an object of its own, so that a second one shows.
    """

    name: str
    owner: str
    selector: str
    targets: frozenset[str]
    counted: bool

    def value(self) -> dict[str, Any]:
        """The object to write."""
        marked = {"metadata": {"generateName": f"{self.name}-", "labels": {LABEL: self.name}}}
        noted = {"metadata": {"annotations": {LABEL: self.name}}}
        way = ("POST", MAPS, marked) if self.counted else ("PATCH", "/api/v1/namespaces/default", noted)
        method, url, body = way
        spec = {"clusterSelector": self.selector, "destination": "api", "method": method, "url": url, "body": json.dumps(body)}
        return {"apiVersion": "ote.baidu.com/v1", "kind": "ClusterController", "metadata": {"name": self.name}, "spec": spec}


def tree() -> tuple[Place, ...]:
    """A root, its regions, and three sites below each: thirteen controllers in three tiers."""
    regions = tuple(Place(region, "root", "region") for region in REGIONS)
    sites = (Place(f"{region}-{number}", region, "site") for region in REGIONS for number in range(1, SITES_EACH + 1))
    return (Place("root"), *regions, *sites)


def sites(region: str = "") -> frozenset[str]:
    """All sites, or those of a region."""
    return frozenset(place.name for place in tree() if place.tier == "site" and region in ("", place.parent))


def jobs(seed: int, targets: int) -> Iterator[Job]:
    """Tasks with at least so many targets together: for everybody, for a region's sites, for one site; some written at a region.

    One in ten is of a kind that may be performed again without harm, and so has to be done whatever happens.
    """
    chance = Random(seed)
    number = 0
    while targets > 0:
        job = _job(chance, f"c{number}")
        yield job
        targets -= len(job.targets)
        number += 1


def rounds(seed: int) -> Iterator[str]:
    """Whom to kill, for ever: everybody in turn, each round in an order of its own."""
    chance = Random(seed)
    names = [place.name for place in tree()]
    while True:
        yield from chance.sample(names, len(names))


def _job(chance: Random, name: str) -> Job:
    counted, kind, region = chance.random() > 0.1, chance.random(), chance.choice(REGIONS)
    if kind < 0.7:
        return Job(name, "root", "[tier=site]", sites(), counted)
    if kind < 0.8:
        site = chance.choice(sorted(sites()))
        return Job(name, "root", site, frozenset({site}), counted)
    owner = "root" if kind < 0.9 else region
    return Job(name, owner, ",".join(sorted(sites(region))), sites(region), counted)
