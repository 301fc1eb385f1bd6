"""B8: a parent of a thousand children is killed: how long until the root hears each of them on another way."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from attrs import frozen

from benchmarks.api_client import ApiClient, await_true
from benchmarks.harness import Row, at_most
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, DidNotStart, Program, await_port, cpu_seconds, free_port

NAME = "B8 kill -9 of a parent of many children: until the root hears each of them by another way (default timers)"

CLUSTERS = "/apis/ote.baidu.com/v1/namespaces/kube-system/clusters"
_NOTE = (
    "children are whole controllers in one process; as a watcher at the root sees it; "
    "floor: as many bare children that join the other parent, having nothing to find out"
)


@frozen
class Tree:
    """A root, two regions, and the ports of their tunnels."""

    root: Program
    regions: dict[str, Program]
    ports: dict[str, int]
    api: ApiClient
    api_port: int

    def address(self, name: str) -> str:
        """Where a controller takes children."""
        return f"ws://127.0.0.1:{self.ports[name]}"

    def online(self) -> int:
        """Clusters with a way to them, as the root sees it."""
        samples = {name.partition("{")[0]: value for name, value in self.api.metrics().items()}
        return int(samples["ote_clusters_online"])


class Heard(threading.Thread):
    """Reads a watch at the root: when each child was first online below one of some parents.

    :ivar at: by child, on this process's clock.
    """

    def __init__(self, tree: Tree, count: int, parents: tuple[str, ...]) -> None:
        super().__init__(daemon=True)
        self.at: dict[str, float] = {}
        self._api = ApiClient(tree.api_port)
        self._count = count
        self._parents = parents

    def run(self) -> None:
        """Read until all were heard, or the root is gone."""
        with closing(self._api.watch(CLUSTERS)) as events:
            for event in events:
                name, status = event["object"]["metadata"]["name"], event["object"].get("status", {})
                known = name.startswith("child-") and name not in self.at
                if known and status.get("status") == "online" and status.get("parentName") in self._parents:
                    self.at[name] = time.monotonic()
                    if len(self.at) == self._count:
                        return


def run(quick: bool) -> list[Row]:
    """The other parent is configured, or was learnt from the first."""
    count = 200 if quick else 1000
    bare = _joining(count)
    rows = []
    for case, configured in (("another parent configured", ("a", "b")), ("others learnt from the parent", ("a",))):
        seconds, cpu = _killed(count, configured)
        for share in (0.5, 0.99):
            target = at_most(10.0) if share > 0.9 else None
            rows.append(Row(case, f"p{share * 100:g}, s", _percentile(seconds, share), _percentile(bare, share), target, _NOTE))
        rows.append(Row(case, "last, s", seconds[-1], bare[-1]))
        rows.append(Row(case, "CPU of the children's one process meanwhile, s", cpu))
    return rows


def _percentile(seconds: list[float], share: float) -> float:
    return seconds[int(share * (len(seconds) - 1))]


def _killed(count: int, configured: tuple[str, ...]) -> tuple[list[float], float]:
    """Seconds from the kill until each child was heard, sorted, and the CPU seconds that the children had for it."""
    with _tree() as tree:
        parents = [tree.address(name) for name in configured]
        with Program(["-m", "benchmarks.orphans", str(count), *parents], LOAD_CORE) as children:
            await_true(tree.root, lambda: tree.online() == 3 + count, f"{count} children online")
            time.sleep(5)
            if (linked := children.ask()["linked"]) != count:
                raise DidNotStart(f"{linked} of {count} children are linked")
            heard = Heard(tree, count, ("b", "root"))
            heard.start()
            time.sleep(1)
            if heard.at:
                raise DidNotStart(f"{len(heard.at)} children are not below the parent that is to be killed")
            cpu = cpu_seconds(children.pid)
            os.kill(tree.regions["a"].pid, signal.SIGKILL)
            return _times(heard, time.monotonic(), count), cpu_seconds(children.pid) - cpu


def _joining(count: int) -> list[float]:
    """Seconds from their start until each of as many bare children was heard, sorted."""
    with _tree() as tree:
        heard = Heard(tree, count, ("b",))
        heard.start()
        time.sleep(1)
        arguments = ["-m", "benchmarks.tree_load", "children", str(tree.ports["b"]), "0", str(count), "b"]
        with Program(arguments, LOAD_CORE) as children:
            children.ask()
            return _times(heard, time.monotonic(), count)


def _times(heard: Heard, began: float, count: int) -> list[float]:
    heard.join(120)
    if len(heard.at) != count:
        raise DidNotStart(f"{len(heard.at)} of {count} children were heard within 120 s")
    return sorted(max(0.0, at - began) for at in heard.at.values())


@contextmanager
def _tree() -> Iterator[Tree]:
    ports = {name: free_port() for name in ("root", "a", "b")}
    api_port = free_port()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def start(name: str, *options: str) -> Program:
            arguments = [
                "-m", "twisted", "ote-controller", "--name", name, "--shim", "none", "--state", f"{folder}/{name}",
                "--tunnel", f"tcp:{ports[name]}:interface=127.0.0.1", "--advertise", f"127.0.0.1:{ports[name]}", *options,
            ]  # fmt: skip
            program = stack.enter_context(Program(arguments, PRODUCT_CORE, answers=False))
            await_port(program, ports[name])
            return program

        root = start("root", "--api", f"tcp:{api_port}:interface=127.0.0.1")
        parent = f"ws://127.0.0.1:{ports['root']}"
        regions = {name: start(name, "--parent", parent) for name in ("a", "b")}
        tree = Tree(root, regions, ports, stack.enter_context(closing(ApiClient(api_port))), api_port)
        await_true(root, lambda: tree.online() == 3, "both regions joined")
        yield tree
