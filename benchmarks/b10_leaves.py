"""B10: a root of a hundred thousand and of a million leaves, which it knows from a thousand links."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from attrs import frozen

from benchmarks.api_client import ApiClient, await_true
from benchmarks.harness import Row, at_most, ratio_at_most
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, Program, await_port, cpu_seconds, free_port, resident_bytes

NAME = "B10 a root of many leaves: two tiers of 1,000, leaves aggregated (ote.v2)"

REGIONS = 1000
PING_INTERVAL = 5.5
PER_MINUTE = 0.01
"""Part of all leaves that changes in a minute."""

PATIENCE = 1800.0
_NOTE = "leaves are announced by their region's link, as many links in one process; floor: a bare forwarder that pings as often"


@frozen
class Figures:
    """What one root gave.

    :ivar join_cpu: the root's CPU seconds until all leaves were known and their objects written.
    :ivar idle: bytes of both directions per second at the links.
    :ivar busy: the same while leaves change.
    :ivar told: bytes per change beyond those of idle links.
    :ivar change_cpu: the root's CPU seconds per change, beyond what idle links take.
    :ivar memory: resident bytes per leaf.
    """

    join_cpu: float
    idle: float
    busy: float
    told: float
    change_cpu: float
    memory: float


def run(quick: bool) -> list[Row]:
    """100,000 and 1,000,000 leaves; quick: 10,000 and 100,000."""
    sizes = (10_000, 100_000) if quick else (100_000, 1_000_000)
    bare = _bare(PING_INTERVAL * (2 if quick else 4))
    found = {size: _measure(size // REGIONS, PING_INTERVAL * (2 if quick else 4)) for size in sizes}
    few, many = (found[size] for size in sizes)
    case = f"from {sizes[0]:,} to {sizes[1]:,}"
    return [
        *(row for size in sizes for row in _rows(size, found[size], bare)),
        Row(case, "idle bytes/s, times", many.idle / few.idle, target=at_most(1.1)),
        Row(case, "bytes per change, times", many.told / few.told, target=at_most(1.2)),
        Row(case, "root's CPU per change, times", many.change_cpu / few.change_cpu, target=at_most(1.5)),
        Row(case, "memory per leaf, times", many.memory / few.memory, target=at_most(1.2)),
    ]


def _rows(size: int, root: Figures, bare: float) -> list[Row]:
    case = f"{size:,} leaves"
    return [
        Row(case, "idle, bytes/s at the root", root.idle, bare, ratio_at_most(1.5), _NOTE),
        Row(case, "1 % changes per minute, bytes/s at the root", root.busy),
        Row(case, "bytes per change", root.told),
        Row(case, "root's CPU, µs/change", root.change_cpu * 1e6),
        Row(case, "root's CPU, µs/leaf, until known and written", root.join_cpu / size * 1e6),
        Row(case, "resident memory, B/leaf", root.memory),
    ]


def _bare(seconds: float) -> float:
    """Bytes per second of as many links that only ping."""
    port, parent_port = free_port(), free_port()
    with ExitStack() as stack:
        parent = stack.enter_context(Program(["-m", "benchmarks.tree_load", "parent", str(parent_port)], LOAD_CORE))
        await_port(parent, parent_port)
        middle = stack.enter_context(Program(["-m", "benchmarks.floor_tree", str(port), str(parent_port)], PRODUCT_CORE))
        await_port(middle, port)
        children = ["-m", "benchmarks.tree_load", "children", str(port), "0", str(REGIONS)]
        load = stack.enter_context(Program(children, LOAD_CORE))
        await_true(middle, lambda: load.ask()["connected"] == REGIONS, "all links are there")
        time.sleep(PING_INTERVAL)
        return _rate(load, seconds)


def _rate(load: Program, seconds: float) -> float:
    """Bytes per second at the load's links."""
    before, began = load.ask(), time.perf_counter()
    time.sleep(seconds)
    after = load.ask()
    rate: float = (after["bytes"] - before["bytes"]) / (time.perf_counter() - began)
    return rate


@contextmanager
def _root() -> Iterator[tuple[Program, ApiClient, int]]:
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
        yield program, stack.enter_context(closing(ApiClient(api_port))), port


def _measure(leaves: int, seconds: float) -> Figures:
    with _root() as (root, api, port):
        memory, cpu = resident_bytes(root.pid), cpu_seconds(root.pid)
        count = REGIONS * leaves
        with Program(["-m", "benchmarks.leaf_load", str(port), str(REGIONS), str(leaves)], LOAD_CORE) as load:
            await_true(root, lambda: _all_known(api, 1 + REGIONS + count), f"{count:,} leaves known and written", PATIENCE)
            joined = cpu_seconds(root.pid) - cpu
            time.sleep(PING_INTERVAL + 1)
            memory = resident_bytes(root.pid) - memory
            idle_cpu, began = cpu_seconds(root.pid), time.perf_counter()
            idle = _rate(load, seconds)
            idle_cpu = (cpu_seconds(root.pid) - idle_cpu) / (time.perf_counter() - began)
            load.ask(per_second=count * PER_MINUTE / 60)
            time.sleep(1)
            before, cpu, began = load.ask(), cpu_seconds(root.pid), time.perf_counter()
            time.sleep(seconds)
            after, cpu, elapsed = load.ask(), cpu_seconds(root.pid) - cpu, time.perf_counter() - began
        changes, told = after["changes"] - before["changes"], after["bytes"] - before["bytes"]
        extra = (told - idle * elapsed) / changes
        return Figures(joined, idle, told / elapsed, extra, (cpu - idle_cpu * elapsed) / changes, memory / count)


def _all_known(api: ApiClient, count: int) -> bool:
    """So many clusters are online, and the objects of all of them are written."""
    samples = {name.partition("{")[0]: value for name, value in api.metrics().items()}
    return samples["ote_clusters_online"] == count and samples["ote_cluster_objects_pending"] == 0
