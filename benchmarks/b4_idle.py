"""B4: what a tree costs when nothing happens in it, when one thing happens, and when everybody joins."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from attrs import define, field, frozen

from benchmarks.api_client import await_true
from benchmarks.harness import Row, Target, at_most, ratio_at_most
from benchmarks.hop import Middle, product_middle
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, Program, await_port, cpu_seconds, free_port

NAME = "B4 an idle tree, one change, many joins (ote.v2)"

PING_INTERVAL = 5.5
CHANGES = 10
_NOTE = "bytes of both directions at the sockets; floor: a bare forwarder that pings each link as often"


@define
class Place:
    """A middle, its parent, and as many children as there are so far."""

    middle: Program
    parent: Program
    port: int
    stack: ExitStack
    crowds: list[Program] = field(factory=list)
    count: int = 0

    def counted(self) -> dict[str, float]:
        """What was counted round the middle, and the middle's CPU seconds."""
        children, parent = [crowd.ask() for crowd in self.crowds], self.parent.ask()
        return {
            "children": sum(each["bytes"] for each in children),
            "down": sum(each["payload"] for each in children),
            "parent": parent["bytes"],
            "up": parent["payload"],
            "messages": parent["messages"],
            "cpu": cpu_seconds(self.middle.pid),
            "time": time.perf_counter(),
        }


@frozen
class Figures:
    """What one place gave at one number of children; by the name of the quantity."""

    joins: dict[str, float]
    idle: dict[str, float]
    change: dict[str, float]


def run(quick: bool) -> list[Row]:
    """100, 1,000 and 5,000 children; quick: without 5,000 and for one ping only."""
    sizes = (100, 1000) if quick else (100, 1000, 5000)
    with ExitStack() as stack:
        places = [stack.enter_context(_place(_floor)), stack.enter_context(_place(product_middle))]
        floor, product = _measure(places, sizes, PING_INTERVAL * (1 if quick else 2))
    rows = [row for size in sizes for row in _rows(size, product[size], floor[size])]
    return [*rows, _growth(sizes, product)]


def _floor(listen: int, parent: int, state: str) -> Program:
    return Program(["-m", "benchmarks.floor_tree", str(listen), str(parent)], PRODUCT_CORE)


def _measure(places: list[Place], sizes: tuple[int, ...], seconds: float) -> list[dict[int, Figures]]:
    found: list[dict[int, Figures]] = [{} for _ in places]
    for size in sizes:
        joins = [_join(place, size) for place in places]
        time.sleep(PING_INTERVAL + 1)
        idle = _idle(places, seconds)
        for index, place in enumerate(places):
            found[index][size] = Figures(joins[index], idle[index], _change(place))
    return found


@contextmanager
def _place(start: Middle) -> Iterator[Place]:
    with ExitStack() as stack:
        parent_port, port = free_port(), free_port()
        parent = stack.enter_context(Program(["-m", "benchmarks.tree_load", "parent", str(parent_port)], LOAD_CORE))
        await_port(parent, parent_port)
        state = stack.enter_context(tempfile.TemporaryDirectory())
        middle = stack.enter_context(start(port, parent_port, state))
        await_port(middle, port)
        yield Place(middle, parent, port, stack)


def _join(place: Place, size: int) -> dict[str, float]:
    """So many children in all, as fast as they can; until the parent knows each of them and the middle is at rest."""
    cpu, started = cpu_seconds(place.middle.pid), time.perf_counter()
    arguments = ["-m", "benchmarks.tree_load", "children", str(place.port), str(place.count), str(size)]
    place.crowds.append(place.stack.enter_context(Program(arguments, LOAD_CORE)))
    await_true(place.middle, lambda: place.parent.ask()["known"] == size, f"{size} children known")
    joined, seconds = size - place.count, time.perf_counter() - started
    place.count = size
    return {"rate": joined / seconds, "cpu": (_cpu_at_rest(place.middle, size) - cpu) / joined * 1e6}


def _cpu_at_rest(program: Program, children: int) -> float:
    """CPU seconds once the program does nothing but ping: objects are written after the parent was told."""
    before, now = -1.0, cpu_seconds(program.pid)
    while now - before > 0.002 + 5e-6 * children:
        time.sleep(0.2)
        before, now = now, cpu_seconds(program.pid)
    return now


def _idle(places: list[Place], seconds: float) -> list[dict[str, float]]:
    """Rates while nothing happens, at all places at the same time."""
    before = [place.counted() for place in places]
    time.sleep(seconds)
    after = [place.counted() for place in places]
    return [
        {name: (new[name] - old[name]) / (new["time"] - old["time"]) for name in new}
        for old, new in zip(before, after, strict=True)
    ]


def _change(place: Place) -> dict[str, float]:
    """What one descendant that comes or goes causes; the child's own message is not counted."""
    before = place.counted()
    for number in range(CHANGES):
        place.crowds[0].ask(change=number % 2 == 0)
        time.sleep(0.1)
    after = place.counted()
    return {name: (after[name] - before[name]) / CHANGES for name in after}


def _rows(size: int, product: Figures, floor: Figures) -> Iterator[Row]:
    def row(what: str, text: str, get: Callable[[Figures], float], target: Target | None = None) -> Row:
        return Row(f"{size:,} children, {what}", text, get(product), get(floor), target, _NOTE)

    yield row("joining", "joins/s", lambda each: each.joins["rate"])
    yield row("joining", "middle CPU, µs/join", lambda each: each.joins["cpu"])
    yield row("idle", "bytes/s per child", lambda each: each.idle["children"] / size, ratio_at_most(1.5))
    yield row("idle", "bytes/s to and from the parent", lambda each: each.idle["parent"], at_most(10))
    yield row("idle", "middle CPU, ms/s", lambda each: each.idle["cpu"] * 1e3)
    yield row("one change", "messages up", lambda each: each.change["messages"], at_most(1))
    yield row("one change", "bytes up", lambda each: each.change["up"], ratio_at_most(2.0))
    yield row("one change", "bytes down, all children together", lambda each: each.change["down"], at_most(16))


def _growth(sizes: tuple[int, ...], product: dict[int, Figures]) -> Row:
    """A quadratic term would show as a dearer join among many."""
    few, many = sizes[-2:] if len(sizes) > 2 else sizes
    growth = product[many].joins["cpu"] / product[few].joins["cpu"]
    return Row(f"joins up to {many:,} beside joins up to {few:,}", "middle CPU per join, times", growth, target=at_most(1.3))
