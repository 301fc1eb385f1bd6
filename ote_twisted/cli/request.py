"""A request for many clusters as an object, and what became of it as a table. Pure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from attrs import frozen

from ote_twisted.cli.tables import Cell, Row, Table, counted, shortened
from ote_twisted.storage.model import JSON

STYLES = {"done": "green", "failed": "red", "expired": "red", "pending": "yellow", "sent": "yellow"}
SHORT, LONG = 60, 240
"""Characters of a body in a table, and in a wide one."""


@frozen
class Request:
    """What the selected clusters are to perform.

    :ivar deadline: seconds after which clusters that have not answered are given up.
    """

    selector: str
    method: str
    path: str
    body: str = ""
    destination: str = "api"
    deadline: float = 60.0

    def task(self) -> JSON:
        """The object to create."""
        spec: JSON = {
            "clusterSelector": self.selector,
            "destination": self.destination,
            "method": self.method.upper(),
            "url": self.path,
            "deadlineSeconds": math.ceil(self.deadline),
        }
        if self.body:
            spec["body"] = self.body
        return {
            "apiVersion": "ote.baidu.com/v1",
            "kind": "ClusterController",
            "metadata": {"generateName": "run-"},
            "spec": spec,
        }


def body_text(text: str) -> str:
    """A body for an API: JSON stays as it is, YAML becomes JSON.

    :raise ValueError: it is neither one JSON value nor one YAML document that is a mapping or a list.
    """
    try:
        json.loads(text)
    except ValueError:
        pass
    else:
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise ValueError(" ".join(str(fault).split())) from None
    if not isinstance(value, dict | list):
        raise ValueError("expected one JSON or YAML object")
    return json.dumps(value, default=str)


@frozen
class Outcome:
    """What became of a task.

    :ivar results: items of its results, by cluster name.
    :ivar late: waiting ended before every cluster had answered.
    """

    name: str
    namespace: str
    request: Request
    results: Sequence[JSON]
    late: bool = False

    @property
    def counts(self) -> Counter[str]:
        """Clusters by state."""
        return Counter(item["state"] for item in self.results)

    @property
    def success(self) -> bool:
        """Somebody was selected, and everybody has performed it."""
        return bool(self.results) and self.counts["done"] == len(self.results)


def outcome_table(outcome: Outcome, wide: bool = False) -> Table:
    """Each cluster with its state, code and the beginning of its answer."""
    columns = ("CLUSTER", "STATE", "CODE", "ANSWER")
    rows = tuple(_row(item, wide) for item in outcome.results)
    return Table((*columns, "RECEIVED") if wide else columns, rows, frozenset({"CODE"}))


def outcome_value(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON; each cluster's entry is that of the task's results."""
    counts = outcome.counts
    return {
        "name": outcome.name,
        "namespace": outcome.namespace,
        "selector": outcome.request.selector,
        "method": outcome.request.method.upper(),
        "path": outcome.request.path,
        "success": outcome.success,
        "selected": len(outcome.results),
        "succeeded": counts["done"],
        "failed": counts["failed"],
        "expired": counts["expired"],
        "unfinished": counts["pending"] + counts["sent"],
        "clusters": {item["metadata"]["name"]: _entry(item) for item in outcome.results},
    }


def outcome_summary(outcome: Outcome) -> str:
    """It all in a sentence."""
    counts = outcome.counts
    told = [f"{counts[state]} {word}" for state, word in _WORDS.items() if counts[state]]
    return f"{counted(len(outcome.results), 'cluster')}: {', '.join(told)}." + (" Waiting ended." if outcome.late else "")


def progress_text(status: Mapping[str, Any]) -> str:
    """A status as a line, such as ``3 of 6 answered, 1 failed``."""
    lost = status.get("failed", 0) + status.get("expired", 0)
    answered = status.get("succeeded", 0) + lost
    return f"{answered} of {status.get('selected', 0)} answered" + (f", {lost} failed" if lost else "")


def brief(body: str, limit: int = SHORT) -> str:
    """The beginning of an answer; of an answer in Kubernetes' form, what it is."""
    try:
        value = json.loads(body)
    except ValueError:
        return shortened(body, limit)
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return shortened(body, limit)
    return shortened(_object(value), limit)


_WORDS = {"done": "succeeded", "failed": "failed", "expired": "expired", "sent": "not answered", "pending": "not reached"}


def _object(value: Mapping[str, Any]) -> str:
    kind, metadata = value["kind"], value.get("metadata")
    if kind == "Status":
        return str(value.get("message") or value.get("status") or kind)
    items = value.get("items")
    if isinstance(items, list):
        names = ", ".join(str((item.get("metadata") or {}).get("name", "")) for item in items if isinstance(item, dict))
        return f"{kind} of {len(items)}" + (f": {names}" if names else "")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    return f"{kind} {name}".rstrip()


def _entry(item: JSON) -> JSON:
    return {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata")}


def _row(item: JSON, wide: bool) -> Row:
    state, code = item["state"], item.get("code")
    answer = brief(item.get("body", ""), LONG if wide else SHORT) or item.get("why", "")
    row = [item["metadata"]["name"], Cell(state, STYLES.get(state, "")), "-" if code is None else str(code), answer or "-"]
    return (*row, item.get("received", "-")) if wide else row
