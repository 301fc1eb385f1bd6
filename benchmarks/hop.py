"""What B1 and B1v1 share: a middle between a parent and children, measured beside its floor, turn by turn."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from attrs import frozen

from benchmarks.harness import Row, Target, at_least, ratio_at_most
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, DidNotStart, Program, await_port, free_port

SETTLE = 60.0
"""Seconds that all children may take to join."""


@frozen
class Setting:
    """A middle with its parent and children, ready for load."""

    middle: Program
    parent: Program
    children: Program
    count: int


@frozen
class Figures:
    """Medians of one case.

    :ivar rate: tasks per second.
    :ivar cpu: the middle's CPU time, µs per task.
    :ivar round_trip: seconds; of use at window 1 only.
    """

    rate: float
    cpu: float
    round_trip: float


@frozen
class Case:
    """One load."""

    children: int
    size: int
    window: int

    def __str__(self) -> str:
        children = "1 child" if self.children == 1 else f"{self.children:,} children"
        return f"{self.size} B, {children}, window {self.window}"


Middle = Callable[[int, int, str], Program]
"""Starts a middle, given its own port, its parent's, and a folder for its state."""


def floor_middle(v1: bool) -> Middle:
    """The bare forwarder."""
    flags = ["v1"] if v1 else []
    return lambda listen, parent, state: Program(["-m", "benchmarks.floor_hop", str(listen), str(parent), *flags], PRODUCT_CORE)


def product_middle(listen: int, parent: int, state: str) -> Program:
    """A controller as its users start it."""
    arguments = [
        "-m", "twisted", "ote-controller", "--name", "middle", "--shim", "none", "--state", state,
        "--tunnel", f"tcp:{listen}:interface=127.0.0.1", "--parent", f"ws://127.0.0.1:{parent}",
        "--api", f"tcp:{free_port()}:interface=127.0.0.1",
    ]  # fmt: skip
    return Program(arguments, PRODUCT_CORE, answers=False)


@contextmanager
def setting(start: Middle, count: int, v1: bool) -> Iterator[Setting]:
    """Start everything, and wait until the parent knows all children.

    :raise DidNotStart: something ended, or it took too long.
    """
    flags = ["v1"] if v1 else []
    with ExitStack() as stack:
        parent_port, port = free_port(), free_port()
        parent = stack.enter_context(Program(["-m", "benchmarks.hop_parent", str(parent_port), *flags], LOAD_CORE))
        await_port(parent, parent_port)
        state = stack.enter_context(tempfile.TemporaryDirectory())
        middle = stack.enter_context(start(port, parent_port, state))
        await_port(middle, port)
        arguments = ["-m", "benchmarks.hop_children", str(port), str(count), *flags]
        children = stack.enter_context(Program(arguments, LOAD_CORE))
        _await_children(parent, middle, count)
        yield Setting(middle, parent, children, count)


def _await_children(parent: Program, middle: Program, count: int) -> None:
    wanted = {f"child-{number:05d}" for number in range(count)}
    deadline = time.monotonic() + SETTLE
    while not wanted <= set(parent.ask()["known"]):
        if time.monotonic() > deadline or not middle.running:
            raise DidNotStart(f"{count} children did not become known to the parent; {middle.said()}")
        time.sleep(0.1)


def measure(place: Setting, case: Case, seconds: float) -> Figures:
    """Load for some seconds."""
    place.children.ask(size=case.size)
    got = place.parent.ask(pid=place.middle.pid, children=case.children, window=case.window, size=case.size, seconds=seconds)
    tasks = got["tasks"] or 1
    return Figures(got["tasks"] / got["seconds"], got["cpu"] / tasks * 1e6, got["round_trip"])


def medians(figures: Iterable[Figures]) -> Figures:
    """The median of each."""
    rates, cpus, round_trips = zip(*((each.rate, each.cpu, each.round_trip) for each in figures), strict=True)
    return Figures(median(rates), median(cpus), median(round_trips))


Rows = Callable[[Case, Figures | None, Figures, str], list[Row]]
"""Makes the rows of one case of the product's figures (if it ran), the floor's, and a note."""


def compare(count: int, cases: Iterable[Case], v1: bool, seconds: float, repeats: int, rows: Rows) -> list[Row]:
    """Measure floor and product in turns, so that what the machine does meets both alike."""
    result: list[Row] = []
    with ExitStack() as stack:
        floor = stack.enter_context(setting(floor_middle(v1), count, v1))
        note = ""
        product: Setting | None = None
        try:
            product = stack.enter_context(setting(product_middle, count, v1))
        except DidNotStart as fault:
            note = f"not measured: {fault}"
        for case in cases:
            bare, real = [], []
            for _ in range(repeats):
                bare.append(measure(floor, case, seconds))
                if product is not None:
                    real.append(measure(product, case, seconds))
            result += rows(case, medians(real) if real else None, medians(bare), note)
    return result


def hop_rows(case: Case, product: Figures | None, floor: Figures, note: str, rate: Target | None = None) -> list[Row]:
    """The rows of one case: CPU always, round trip at window 1, rate elsewhere."""
    cpu = Row(str(case), "middle CPU, µs/task", product.cpu if product else None, floor.cpu, ratio_at_most(2.0), note)
    if case.window == 1:
        latency = Row(
            str(case),
            "round trip, µs",
            product.round_trip * 1e6 if product else None,
            floor.round_trip * 1e6,
            ratio_at_most(1.3) if case.children == 1 else None,
            note,
        )
        return [cpu, latency]
    return [cpu, Row(str(case), "tasks/s", product.rate if product else None, floor.rate, rate, note)]


def wanted_rate(case: Case) -> Target | None:
    """The rate that is asked of ote.v2."""
    return at_least(100_000) if (case.children, case.size, case.window) == (1, 128, 1024) else None
