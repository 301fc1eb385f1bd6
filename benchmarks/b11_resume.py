"""B11: what a region says again after an outage of its link, beside all that it has to say."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from attrs import define

from benchmarks.api_client import ApiClient, await_true
from benchmarks.harness import Row, at_most, ratio_at_most
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, Program, await_port, free_port

NAME = "B11 bytes of a reconnect: a region with 1,000 children, a tenth of a minute without its link (ote.v2)"

CHILDREN = 1000
CHANGED = 10
"""Children below which something appears during the outage: 1 %."""

OUTAGE = 10.0
QUIET = 3.0
"""Seconds without news after which a reconnect has said what it has to say."""

_NOTE = "floor: the same link when the root has forgotten everything, so that all is announced; handshakes counted in both"


@define
class Tree:
    """A root, a region with its children, and the way between the two."""

    root: Program
    way: Program
    children: Program
    api: ApiClient

    def online(self) -> int:
        """Clusters with a way to them, as the root sees it."""
        samples = {name.partition("{")[0]: value for name, value in self.api.metrics().items()}
        return int(samples["ote_clusters_online"])


@define
class Said:
    """Bytes of both directions over the way, from the first of the new connection until nothing more is said."""

    up: int
    down: int


def run(quick: bool) -> list[Row]:
    """One outage, then one start of a root that knows nothing, with the same subtree."""
    rounds = 1 if quick else 3
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        ports = {name: free_port() for name in ("root", "api", "way", "region")}
        region = stack.enter_context(_region(folder, ports))
        with _root(f"{folder}/root", ports) as root:
            tree = _tree(stack, root, region, ports)
            resumed = [_outage(tree, number) for number in range(rounds)]
            tree.way.ask(cut=True)
        with _root(f"{folder}/another", ports) as root:
            tree.root, tree.api = root, ApiClient(ports["api"])
            whole = _heal(tree, 2 + CHILDREN + CHANGED * (rounds % 2))
            tree.api.close()
    return _rows(min(resumed, key=lambda each: each.up), whole)


def _rows(resumed: Said, whole: Said) -> list[Row]:
    case = f"{CHILDREN:,} children, {CHANGED} changed in {OUTAGE:g} s"
    return [
        Row(case, "bytes up", resumed.up, whole.up, ratio_at_most(0.03), _NOTE),
        Row(case, "bytes of both directions", resumed.up + resumed.down, whole.up + whole.down),
        Row(case, "bytes up per change", resumed.up / CHANGED, target=at_most(200)),
    ]


def _outage(tree: Tree, number: int) -> Said:
    """Descendants come in one outage, and go in the next."""
    appear = number % 2 == 0
    tree.way.ask(cut=True)
    began = time.monotonic()
    await_true(tree.root, lambda: tree.online() == 1, "the region is lost")
    tree.children.ask(change=appear, count=CHANGED)
    time.sleep(max(0.0, began + OUTAGE - time.monotonic()))
    return _heal(tree, 2 + CHILDREN + (CHANGED if appear else 0))


def _heal(tree: Tree, online: int) -> Said:
    """Let the region through; gives what was said until the root knows everything and nothing more comes."""
    before = tree.way.ask(cut=False)
    await_true(tree.root, lambda: tree.online() == online, f"{online} clusters online")
    after = tree.way.ask()
    while True:
        time.sleep(QUIET)
        now = tree.way.ask()
        if now["up"] - after["up"] < 64:
            return Said(after["up"] - before["up"], after["down"] - before["down"])
        after = now


def _tree(stack: ExitStack, root: Program, region: Program, ports: dict[str, int]) -> Tree:
    way = stack.enter_context(Program(["-m", "benchmarks.counting_proxy", str(ports["way"]), str(ports["root"])], LOAD_CORE))
    await_port(way, ports["way"])
    arguments = ["-m", "benchmarks.tree_load", "children", str(ports["region"]), "0", str(CHILDREN)]
    api = stack.enter_context(closing(ApiClient(ports["api"])))
    tree = Tree(root, way, region, api)
    await_true(root, lambda: tree.online() == 2, "the region joined")
    tree.children = stack.enter_context(Program(arguments, LOAD_CORE))
    await_true(root, lambda: tree.online() == 2 + CHILDREN, "all children known at the root", 60)
    time.sleep(QUIET)
    return tree


@contextmanager
def _root(state: str, ports: dict[str, int]) -> Iterator[Program]:
    arguments = [
        "-m", "twisted", "ote-controller", "--name", "root", "--shim", "none", "--state", state,
        "--tunnel", f"tcp:{ports['root']}:interface=127.0.0.1", "--api", f"tcp:{ports['api']}:interface=127.0.0.1",
    ]  # fmt: skip
    with Program(arguments, PRODUCT_CORE, answers=False) as program:
        await_port(program, ports["root"])
        await_port(program, ports["api"])
        yield program


@contextmanager
def _region(folder: str, ports: dict[str, int]) -> Iterator[Program]:
    arguments = [
        "-m", "twisted", "ote-controller", "--name", "middle", "--shim", "none", "--state", f"{folder}/middle",
        "--parent", f"ws://127.0.0.1:{ports['way']}", "--tunnel", f"tcp:{ports['region']}:interface=127.0.0.1",
    ]  # fmt: skip
    with Program(arguments, PRODUCT_CORE, answers=False) as program:
        await_port(program, ports["region"])
        yield program
