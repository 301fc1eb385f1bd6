"""B6, the API half: objects created by many clients, and every change told to many watchers."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

from attrs import frozen

from benchmarks.api_load import Creators, Load, Watchers
from benchmarks.harness import Row, at_least, at_most
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, DidNotStart, Program, cpu_seconds

NAME = "B6api creates and watches over HTTP"

PRODUCT, FLOOR = "benchmarks.api_server", "benchmarks.floor_api"
_WARM_UP = 500


@frozen
class FanOut:
    """What a run with watchers gave.

    :ivar cpu: CPU µs of the server per delivery.
    :ivar encoded: events encoded per object created; 0 where the program does not say.
    """

    load: Load
    cpu: float
    encoded: float


def run(quick: bool) -> list[Row]:
    """Creates with 1 and 64 clients, then with 100 watchers, product and floor one after the other."""
    requests = 4_000 if quick else 20_000
    rows: list[Row] = []
    for clients in (1, 64):
        count = requests if clients > 1 else requests // 4
        product, product_cpu = creates(PRODUCT, clients, count)
        floor, floor_cpu = creates(FLOOR, clients, count)
        case = f"{clients} client{'s' if clients > 1 else ''}"
        target = at_least(5_000) if clients == 64 else None
        rows += [
            Row(case, "creates/s", product.rate, floor.rate, target, f"p99 {product.percentile(0.99):.1f} ms"),
            Row(case, "p50 ms", product.percentile(0.5), floor.percentile(0.5)),
            Row(case, "CPU µs/create", product_cpu, floor_cpu),
        ]
    return rows + _watched(500 if quick else 2_000)


def _watched(events: int) -> list[Row]:
    product, floor = fan_out(PRODUCT, 100, events), fan_out(FLOOR, 100, events)
    case = "100 watchers, 8 clients"
    return [
        Row(case, "deliveries/s", product.load.rate * 100, floor.load.rate * 100),
        Row(case, "CPU µs/delivery, create included", product.cpu, floor.cpu),
        Row(case, "times an event is encoded", product.encoded, target=at_most(1.0)),
    ]


def creates(program: str, clients: int, requests: int) -> tuple[Load, float]:
    """Creates, and the server's CPU µs for each."""
    with Program(["-m", program], PRODUCT_CORE) as server, _on_core(LOAD_CORE):
        creators = Creators(_port(server), "x")
        creators.run(clients, _WARM_UP)
        before = cpu_seconds(server.pid)
        load = creators.run(clients, requests)
        return load, (cpu_seconds(server.pid) - before) / requests * 1e6


def fan_out(program: str, watchers: int, events: int) -> FanOut:
    """Creates while everybody watches, until everybody has seen everything."""
    with Program(["-m", program], PRODUCT_CORE) as server, _on_core(LOAD_CORE):
        port = _port(server)
        watching = Watchers(port, watchers)
        before = cpu_seconds(server.pid)
        reading = threading.Thread(target=watching.read, args=(events,))
        reading.start()
        creators = Creators(port, "w")
        load = creators.run(8, events)
        reading.join()
        cpu = (cpu_seconds(server.pid) - before) / (events * watchers) * 1e6
        encoded = _encoded(port) / creators.sent if program == PRODUCT else 0.0
        watching.close()
        return FanOut(load, cpu, encoded)


def _encoded(port: int) -> int:
    with urlopen(f"http://127.0.0.1:{port}/counts", timeout=10) as answer:
        return int(json.loads(answer.read())["encoded"])


def _port(server: Program) -> int:
    port = server.hear()["port"]
    if not isinstance(port, int):
        raise DidNotStart(server.said())
    return port


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """Run this process on one core for the while."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} if core in allowed else allowed)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
