"""B2: one task to every child of one controller, all answers merged durably at its owner."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from statistics import median

from attrs import frozen

from benchmarks.api_client import TASKS, ApiClient, await_true
from benchmarks.fan_children import SIZE
from benchmarks.harness import Row, Target, at_most, ratio_at_most
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, DidNotStart, Program, await_port, cpu_seconds, free_port

NAME = "B2 one task to all children of one controller (ote.v2, 1 KiB)"

FLOOR_NOTE = "floor: bare fan-out and fan-in; measured: from the POST to the status that says Complete, as a watcher sees it"


@frozen
class Fan:
    """One round: seconds until the last answer, and the CPU time of the measured process."""

    seconds: float
    cpu: float


@frozen
class Owner:
    """A root controller with its children."""

    program: Program
    api: ApiClient
    children: int


def run(quick: bool) -> list[Row]:
    """1,000 and 10,000 children; quick: 1,000 and 3,000."""
    rows: list[Row] = []
    per_child: list[float] = []
    for count in (1000, 3000) if quick else (1000, 10_000):
        floor, product, note = _compare(count, 3 if quick else 7)
        rows += _rows(count, floor, product, note, None if count == 1000 else ratio_at_most(3.0))
        if product is not None:
            per_child.append(product.seconds / count)
    growth = per_child[1] / per_child[0] if len(per_child) == 2 else None
    rows.append(Row("from the fewer to the more", "time per child, times", growth, target=at_most(1.3)))
    return rows


def _rows(count: int, floor: Fan, product: Fan | None, note: str, target: Target | None) -> list[Row]:
    case = f"{count:,} children"
    elapsed = product.seconds * 1e3 if product else None
    cpu = product.cpu / count * 1e6 if product else None
    return [
        Row(case, "until all answers are merged, ms", elapsed, floor.seconds * 1e3, target, note or FLOOR_NOTE),
        Row(case, "owner's CPU, µs/child", cpu, floor.cpu / count * 1e6),
    ]


def _compare(count: int, rounds: int) -> tuple[Fan, Fan | None, str]:
    """Medians of floor and product, measured in turns."""
    with ExitStack() as stack:
        bare = stack.enter_context(_floor(count))
        owner, note = None, ""
        try:
            owner = stack.enter_context(_owner(count))
        except DidNotStart as fault:
            note = f"not measured: {fault}"
        floors, products = [], []
        for number in range(rounds + 1):
            floors.append(_fan_bare(bare))
            if owner is not None:
                products.append(_fan_task(owner, f"b2-{number}"))
        return _median(floors[1:]), _median(products[1:]) if products else None, note


def _median(rounds: list[Fan]) -> Fan:
    return Fan(median(each.seconds for each in rounds), median(each.cpu for each in rounds))


@contextmanager
def _floor(count: int) -> Iterator[Program]:
    port = free_port()
    with Program(["-m", "benchmarks.floor_fan", str(port)], PRODUCT_CORE) as program:
        await_port(program, port)
        with Program(["-m", "benchmarks.fan_children", str(port), str(count)], LOAD_CORE):
            await_true(program, lambda: program.ask()["links"] == count, f"{count} links at the floor")
            yield program


def _fan_bare(program: Program) -> Fan:
    before = cpu_seconds(program.pid)
    seconds = program.ask(fan=True)["seconds"]
    return Fan(seconds, cpu_seconds(program.pid) - before)


@contextmanager
def _owner(count: int) -> Iterator[Owner]:
    port, api_port = free_port(), free_port()
    with ExitStack() as stack:
        state = stack.enter_context(tempfile.TemporaryDirectory())
        arguments = [
            "-m", "twisted", "ote-controller", "--name", "root", "--shim", "none", "--state", state,
            "--tunnel", f"tcp:{port}:interface=127.0.0.1", "--api", f"tcp:{api_port}:interface=127.0.0.1",
        ]  # fmt: skip
        program = stack.enter_context(Program(arguments, PRODUCT_CORE, answers=False))
        await_port(program, port)
        await_port(program, api_port)
        stack.enter_context(Program(["-m", "benchmarks.fan_children", str(port), str(count)], LOAD_CORE))
        api = stack.enter_context(closing(ApiClient(api_port)))
        await_true(program, lambda: _all_known(api, count), f"{count} clusters online and written")
        yield Owner(program, api, count)


def _all_known(api: ApiClient, count: int) -> bool:
    """Every child is online, and the objects of all of them are written."""
    samples = {name.partition("{")[0]: value for name, value in api.metrics().items()}
    return samples["ote_clusters_online"] == count + 1 and samples["ote_cluster_objects_pending"] == 0


def _fan_task(owner: Owner, name: str) -> Fan:
    """One task for every child."""
    api = owner.api
    with closing(api.watch(f"{TASKS}?fieldSelector=metadata.name={name}")) as events:
        spec = {
            "clusterSelector": "*", "destination": "api", "method": "PUT", "url": "/api/v1/namespaces/a/configmaps/b",
            "body": "x" * SIZE,
        }  # fmt: skip
        task = {"apiVersion": "ote.baidu.com/v1", "kind": "ClusterController", "metadata": {"name": name}, "spec": spec}
        before, started = cpu_seconds(owner.program.pid), time.perf_counter()
        api.call("POST", TASKS, task)
        for event in events:
            if _complete(event["object"]):
                break
        seconds = time.perf_counter() - started
    cpu = cpu_seconds(owner.program.pid) - before
    if (done := event["object"]["status"]["succeeded"]) != owner.children:
        raise DidNotStart(f"{done} of {owner.children} answered")
    api.call("DELETE", f"{TASKS}/{name}")
    time.sleep(0.2)
    return Fan(seconds, cpu)


def _complete(task: dict[str, object]) -> bool:
    status = task.get("status")
    conditions = status.get("conditions", []) if isinstance(status, dict) else []
    return any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)
