"""B9: tasks through two hops, kept at every place on the way, beside the same way that keeps nothing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from statistics import median
from typing import Any

from attrs import frozen

from benchmarks.api_client import ApiClient, await_true
from benchmarks.api_load import Creators
from benchmarks.harness import Row, ratio_at_least
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, DidNotStart, Program, await_port, cpu_seconds, free_port

NAME = "B9 durable tasks end to end: root, region, site (ote.v2)"

CLIENTS = 64
TASKS = b"/apis/ote.baidu.com/v1/namespaces/kube-system/clustercontrollers"
DURABLE = ["-m", "twisted", "ote-controller"]
FORGETFUL = ["-m", "benchmarks.forgetful"]

_NOTE = (
    "one object per task, posted by 64 clients, performed by the site's embedded cluster, until the owner has every answer; "
    "floor: the same controllers with their stores in memory"
)


@frozen
class Way:
    """Three controllers."""

    controllers: tuple[Program, ...]
    port: int
    api: ApiClient


@frozen
class Rate:
    """Tasks per second from the first POST to the last answer, and all CPU seconds per task of the three."""

    tasks: float
    cpu: float


def run(quick: bool) -> list[Row]:
    """Both ways in turns; a task that can be performed again, and one that cannot."""
    count, rounds = (500, 1) if quick else (3000, 5)
    with _way(DURABLE) as durable, _way(FORGETFUL) as forgetful:
        return [
            row
            for case, method, path in (
                ("GET, may be repeated", "GET", "/api/v1/namespaces/default"),
                ("POST, must not be repeated", "POST", "/api/v1/namespaces/default/configmaps"),
            )
            for row in _compare(case, method, path, durable, forgetful, count, rounds)
        ]


def _compare(case: str, method: str, path: str, durable: Way, forgetful: Way, count: int, rounds: int) -> Iterator[Row]:
    kept: list[Rate] = []
    lost: list[Rate] = []
    for number in range(rounds + 1):
        for way, found in ((durable, kept), (forgetful, lost)):
            found.append(_round(way, f"{method.lower()}-{number}", method, path, count if number else count // 5))
    yield Row(
        case,
        "tasks/s, stored, performed and acknowledged",
        median(each.tasks for each in kept[1:]),
        median(each.tasks for each in lost[1:]),
        ratio_at_least(0.5),
        _NOTE,
    )
    yield Row(
        case,
        "CPU of all three, µs/task",
        median(each.cpu for each in kept[1:]) * 1e6,
        median(each.cpu for each in lost[1:]) * 1e6,
    )


def _round(way: Way, prefix: str, method: str, path: str, count: int) -> Rate:
    """So many tasks, until the owner has the answers of all."""

    def task(name: str) -> dict[str, Any]:
        value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "b9-"}, "data": {"text": "x" * 128}}
        spec = {"clusterSelector": "site", "destination": "api", "method": method, "url": path}
        metadata = {"name": f"{prefix}-{name}"}
        whole = {"apiVersion": "ote.baidu.com/v1", "kind": "ClusterController", "metadata": metadata, "spec": spec}
        return {**whole, "spec": {**spec, "body": _json(value)}} if method == "POST" else whole

    before, cpu, began = _done(way), _cpu(way), time.perf_counter()
    creators = Creators(way.port, prefix, task, TASKS)
    creators.run(CLIENTS, count)
    await_true(way.controllers[0], lambda: _done(way) >= before + creators.sent, f"{creators.sent} tasks done")
    seconds = time.perf_counter() - began
    way.api.call("DELETE", TASKS.decode())
    await_true(way.controllers[0], lambda: _active(way) == 0, "the tasks are deleted")
    return Rate(creators.sent / seconds, (_cpu(way) - cpu) / creators.sent)


def _json(value: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(value).decode()


def _done(way: Way) -> float:
    """Targets that have answered well; one that failed would never do so, and is no measurement."""
    if failed := way.api.metrics().get('ote_task_targets{state="failed"}', 0.0):
        raise DidNotStart(f"{failed:g} tasks failed")
    return way.api.metrics().get('ote_task_targets{state="done"}', 0.0)


def _active(way: Way) -> float:
    return way.api.metrics()["ote_tasks_active"]


def _cpu(way: Way) -> float:
    return sum(cpu_seconds(program.pid) for program in way.controllers)


@contextmanager
def _way(kind: list[str]) -> Iterator[Way]:
    root, region, api_port = free_port(), free_port(), free_port()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def start(name: str, core: int, *options: str) -> Program:
            arguments = [*kind, "--name", name, "--state", f"{folder}/{name}", *options]
            return stack.enter_context(Program(arguments, core, answers=False))

        top = start(
            "root", PRODUCT_CORE, "--shim", "none",
            "--tunnel", f"tcp:{root}:interface=127.0.0.1", "--api", f"tcp:{api_port}:interface=127.0.0.1",
        )  # fmt: skip
        await_port(top, root)
        await_port(top, api_port)
        parent = f"ws://127.0.0.1:{root}"
        middle = start("region", LOAD_CORE, "--shim", "none", "--parent", parent, "--tunnel", f"tcp:{region}:interface=127.0.0.1")
        await_port(middle, region)
        site = start("site", LOAD_CORE, "--parent", f"ws://127.0.0.1:{region}")
        api = stack.enter_context(closing(ApiClient(api_port)))
        await_true(top, lambda: api.ready() and api.metrics()["ote_clusters_online"] == 3, "three clusters online")
        if not site.running:
            raise DidNotStart(site.said())
        yield Way((top, middle, site), api_port, api)
