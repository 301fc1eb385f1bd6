"""Tasks: planned from the seed; selectors of several kinds, written at the root and at other controllers with children."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from attrs import field, frozen

from ote_twisted.testing.simulation.scenario import Place, Scenario

Chosen = Callable[[Place], bool]
METHODS = ("PUT", "PUT", "PUT", "POST", "POST", "DELETE", "GET")
SHORT = 0.2
"""Share of tasks whose deadline comes while faults go on."""


@frozen
class PlannedTask:
    """One task.

    :ivar at: seconds after the tree was built.
    :ivar owner: the controller at which it is written.
    :ivar chosen: who has to perform it, as far as that does not depend on where clusters are when it is written.
    :ivar seconds: its deadline.
    """

    name: str
    at: float
    owner: str
    selector: str
    method: str
    seconds: int
    chosen: tuple[str, ...] = field(repr=False)


def plan_tasks(scenario: Scenario, tree: Sequence[Place], rest: float) -> list[PlannedTask]:
    """Every task, in order of time.

    :param rest: how long it may take after the last fault until everything is answered, seconds.
    """
    chance = Random(f"tasks {scenario.seed}")
    lasting = scenario.minutes * 60
    times = sorted(chance.uniform(0.01, 0.95) * lasting for _ in range(scenario.tasks))
    parents = sorted({place.parents[0] for place in tree if len(place.parents) and place.parents[0] != "root"})
    return [_task(chance, number, at, tree, parents, lasting + rest - at) for number, at in enumerate(times)]


def _task(chance: Random, number: int, at: float, tree: Sequence[Place], parents: Sequence[str], long: float) -> PlannedTask:
    owner = chance.choice(parents) if parents and chance.random() < 0.4 else "root"
    selector, chosen = _selector(chance, tree)
    seconds = chance.uniform(60, 600) if chance.random() < SHORT else long
    names = tuple(place.name for place in tree if chosen(place)) if owner == "root" else ()
    return PlannedTask(f"task-{number}", at, owner, selector, chance.choice(METHODS), round(min(seconds, long)), names)


def _selector(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    kind = chance.choices(tuple(_KINDS), tuple(weight for weight, _ in _KINDS.values()))[0]
    return _KINDS[kind][1](chance, tree)


def _one(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    name = chance.choice(tree).name
    return name, lambda place: place.name == name


def _some(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    names = {chance.choice(tree).name for _ in range(8)}
    return ",".join(sorted(names)), lambda place: place.name in names


def _region(chance: Random, tree: Sequence[Place]) -> str:
    return chance.choice(tree).labels.get("region", "r0")


def _pattern(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    prefix = f"{_region(chance, tree)}-"
    return f"{prefix}*", lambda place: place.name.startswith(prefix)


def _label(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    region = _region(chance, tree)
    return f"[region={region}]", lambda place: place.labels.get("region") == region


def _labels(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    region = _region(chance, tree)
    return f"[region={region},!gpu]", lambda place: place.labels.get("region") == region and "gpu" not in place.labels


def _regex(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    expression = rf"^{_region(chance, tree)}(-\d*[02468])?$"
    compiled = re.compile(expression)
    return f"/{expression}/", lambda place: compiled.fullmatch(place.name) is not None


def _under(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    """Whoever is below it when the task is written; that depends on what happened."""
    return f"under({_region(chance, tree)})", lambda place: False


def _gpu(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    return "[gpu=true]", lambda place: "gpu" in place.labels


def _all(chance: Random, tree: Sequence[Place]) -> tuple[str, Chosen]:
    return "*", lambda place: True


_KINDS: dict[str, tuple[float, Callable[[Random, Sequence[Place]], tuple[str, Chosen]]]] = {
    "one": (25, _one),
    "some": (15, _some),
    "pattern": (12, _pattern),
    "label": (12, _label),
    "labels": (10, _labels),
    "regex": (10, _regex),
    "under": (10, _under),
    "gpu": (4, _gpu),
    "all": (2, _all),
}
