"""Tries the examples on a demo tree: who should perform each, and who did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen
from twisted.internet.defer import Deferred, TimeoutError, gatherResults
from twisted.internet.interfaces import IReactorTime

from ote_twisted.cli.client import ApiClient
from ote_twisted.cli.demo.places import CAMERA, Place, subtree
from ote_twisted.cli.errors import CommandError, Refused
from ote_twisted.cli.kubeconfig import Server
from ote_twisted.cli.running import follow, tasks_path
from ote_twisted.cli.tables import Cell, Table, counted
from ote_twisted.storage.model import JSON

EXAMPLES = Path(__file__).parent.parent / "examples"
"""Where the examples are, installed or not."""

SECONDS = 30.0
"""For all answers to all examples."""

Expected = Callable[[Sequence[Place]], Iterable[str]]

EXPECTED: dict[str, Expected] = {
    "every-cluster": lambda places: [place.name for place in places],
    "gpu-sites": lambda places: [place.name for place in places if "gpu" in place.labels],
    "camera-sites": lambda places: [place.name for place in places if CAMERA in place.tags],
    "below-north": lambda places: subtree(places, "north") - {"north"},
    "one-cluster": lambda places: [place.name for place in places if place.name == "south-2"],
    "sites-but-south": lambda places: [place.name for place in places if not place.inner and place.labels["region"] != "south"],
}
"""Who should perform each example, said anew by the tree's definition and not by its selector."""


@frozen
class Finding:
    """One example and what came of it.

    :ivar expected: who should perform it.
    :ivar answered: who is done with it, as its results say.
    :ivar performed: clusters whose own API shows what it made; those that answered where it makes nothing.
    :ivar trouble: answers that are no success, a sentence; empty when there are none.
    """

    name: str
    selector: str
    expected: frozenset[str]
    answered: frozenset[str]
    performed: frozenset[str]
    trouble: str = ""

    @property
    def passed(self) -> bool:
        """Exactly those who should have performed it."""
        return self.expected == self.answered == self.performed and not self.trouble

    def value(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "example": self.name,
            "selector": self.selector,
            "expected": sorted(self.expected),
            "got": sorted(self.answered),
            "performed": sorted(self.performed),
            "trouble": self.trouble,
            "passed": self.passed,
        }


def load_examples(folder: Path = EXAMPLES) -> list[JSON]:
    """The objects of all example files.

    :raise CommandError: there is none.
    """
    examples = [task for file in sorted(folder.glob("*.yaml")) for task in yaml.safe_load_all(file.read_bytes()) if task]
    if not examples:
        raise CommandError(f"there are no examples in {folder}; install ote-twisted again")
    return examples


class Check:
    """Applies examples at the root and compares."""

    def __init__(self, places: Sequence[Place], urls: Mapping[str, str], reactor: Any) -> None:
        self._places = places
        self._clock: IReactorTime = reactor
        self._clients = {name: ApiClient(Server(url, name), reactor) for name, url in urls.items()}
        self._root = self._clients[places[0].name]

    async def run(self) -> list[Finding]:
        """Give a finding for each example, in the order of the files."""
        tasks = [await self._apply(example) for example in load_examples()]
        following = [Deferred.fromCoroutine(follow(self._root, self._clock, task, lambda status: None)) for task in tasks]
        try:
            await gatherResults(following, consumeErrors=True).addTimeout(SECONDS, self._clock)
        except TimeoutError:
            pass  # what did not come in time is seen in the findings
        findings = [await self._finding(task) for task in tasks]
        await gatherResults([Deferred.fromCoroutine(client.close()) for client in self._clients.values()])
        return findings

    async def _apply(self, example: JSON) -> JSON:
        """What ``kubectl apply`` would come to."""
        metadata = example["metadata"]
        try:
            return await self._root.create(tasks_path(metadata["namespace"]), example)
        except Refused as refused:
            if refused.code != 409:
                raise
        return await self._root.merge(tasks_path(metadata["namespace"], metadata["name"]), {"spec": example["spec"]})

    async def _finding(self, task: JSON) -> Finding:
        name, spec = task["metadata"]["name"], task["spec"]
        results, _ = await self._root.every(f"{tasks_path(task['metadata']['namespace'], name)}/results")
        answered = frozenset(item["metadata"]["name"] for item in results if item["state"] == "done")
        others = [item for item in results if item["state"] != "done"]
        trouble = ", ".join(f"{item['metadata']['name']}: {item['state']} {item.get('code', '')}".rstrip() for item in others)
        expected = frozenset(EXPECTED[name](self._places))
        performed = answered if spec["method"] == "GET" else await self._performers(name, spec["url"])
        return Finding(name, spec["clusterSelector"], expected, answered, performed, trouble)

    async def _performers(self, name: str, path: str) -> frozenset[str]:
        """Ask each cluster itself whether it has what the example makes."""
        return frozenset([cluster for cluster, client in self._clients.items() if _made(await client.get(path), name)])


def _made(answer: JSON, example: str) -> bool:
    items = answer.get("items", [answer])
    return any((item["metadata"].get("labels") or {}).get("example") == example for item in items)


def findings_table(findings: Sequence[Finding]) -> Table:
    """Expected and got, side by side."""
    rows = tuple(
        (
            finding.name,
            finding.selector,
            _names(finding.expected),
            _names(finding.answered & finding.performed),
            Cell("ok", "green") if finding.passed else Cell(_wrong(finding), "red"),
        )
        for finding in findings
    )
    return Table(("EXAMPLE", "SELECTOR", "EXPECTED", "GOT", "RESULT"), rows)


def findings_summary(findings: Sequence[Finding]) -> str:
    """It all in a sentence."""
    passed = sum(finding.passed for finding in findings)
    return f"{passed} of {counted(len(findings), 'example')} performed by exactly the clusters that should."


def _names(names: Iterable[str]) -> str:
    return ",".join(sorted(names)) or "-"


def _wrong(finding: Finding) -> str:
    if finding.trouble:
        return finding.trouble
    unasked = finding.performed - finding.expected
    return f"performed by {_names(unasked)} as well" if unasked else "FAILED"
