"""B7: a site controller with its embedded cluster and TLS to its parent: how long until it is ready, how much memory."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median

from attrs import frozen

from benchmarks.api_client import ApiClient, await_true
from benchmarks.harness import Row, Target, at_most
from benchmarks.processes import (
    LOAD_CORE,
    PRODUCT_CORE,
    DidNotStart,
    Program,
    await_port,
    free_port,
    resident_bytes,
    unique_bytes,
)
from ote_twisted.testing.certificates import self_signed_pem

NAME = "B7 a site controller: start, memory (embedded cluster, 100 objects, TLS)"

OBJECTS = 100
SETTLE = 0.5
"""Seconds between ready and the reading of its memory."""

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
_MIB = 2**20
_FLOOR = Path(__file__).with_name("floor_site.py")
_NOTE = "floor: twistd with TLS and HTTP, protobuf and SQLite, linked to the same parent"


@frozen
class Start:
    """One start: seconds until ready, then bytes."""

    seconds: float
    resident: int
    unique: int


@frozen
class Stage:
    """What starts need: a folder with the parent's certificate, and the parent's port."""

    folder: Path
    parent_port: int

    @property
    def environment(self) -> dict[str, str]:
        """The certificate of the moment is trusted, and compiled modules are kept, as an installation has them."""
        return {
            "SSL_CERT_FILE": str(self.folder / "parent.pem"),
            "PYTHONPYCACHEPREFIX": str(self.folder / "compiled"),
            "PYTHONDONTWRITEBYTECODE": "",
        }


def run(quick: bool) -> list[Row]:
    """Medians of several starts, floor and product in turns."""
    with _stage() as stage:
        for start in (_floor, _site):
            _start(stage, start)
        used = _fill(stage)
        floors, sites = [], []
        for _ in range(3 if quick else 7):
            floors.append(_start(stage, _floor))
            sites.append(_start(stage, _site))
    return [
        _row("start to ready, ms", lambda each: each.seconds * 1e3, sites, floors, at_most(1000)),
        _row("resident memory, MiB", lambda each: each.resident / _MIB, sites, floors, at_most(60)),
        _row("unique memory, MiB", lambda each: each.unique / _MIB, sites, floors),
        Row("after 100 objects were created", "resident memory, MiB", used.resident / _MIB, note=_NOTE),
    ]


def _row(
    quantity: str, get: Callable[[Start], float], sites: list[Start], floors: list[Start], target: Target | None = None
) -> Row:
    return Row("with 100 objects", quantity, median(map(get, sites)), median(map(get, floors)), target, _NOTE)


@contextmanager
def _stage() -> Iterator[Stage]:
    """A root that listens with TLS."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        pem = folder / "parent.pem"
        pem.write_bytes(self_signed_pem("localhost"))
        arguments = [
            *_twistd(), "ote-controller", "--name", "root", "--shim", "none", "--state", f"{folder}/root",
            "--tunnel", f"ssl:{port}:privateKey={pem}:certKey={pem}:interface=127.0.0.1",
        ]  # fmt: skip
        parent = stack.enter_context(Program(arguments, LOAD_CORE, answers=False))
        await_port(parent, port)
        yield Stage(folder, port)


def _twistd() -> list[str]:
    """As the manual says it, with no file left behind."""
    return [str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile="]


def _site(stage: Stage, api_port: int) -> Program:
    arguments = [
        *_twistd(), "ote-controller", "--name", "site", "--state", f"{stage.folder}/site",
        "--parent", f"wss://localhost:{stage.parent_port}",
        "--api", f"tcp:{api_port}:interface=127.0.0.1",
    ]  # fmt: skip
    return Program(arguments, PRODUCT_CORE, stage.environment, answers=False)


def _floor(stage: Stage, api_port: int) -> Program:
    told = {"FLOOR_SITE": f"{api_port} {stage.parent_port} {stage.folder}/floor.sqlite"}
    return Program([*_twistd(), "--python", str(_FLOOR)], PRODUCT_CORE, {**stage.environment, **told}, answers=False)


def _fill(stage: Stage) -> Start:
    """Let the site's store have its objects; gives what the site that made them takes."""
    port = free_port()
    with _site(stage, port) as program, closing(ApiClient(port)) as api:
        await_true(program, api.ready, "ready", 20)
        for number in range(OBJECTS):
            value = {"metadata": {"name": f"settings-{number:03d}"}, "data": {"text": "x" * 900}}
            api.call("POST", CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **value})
        return Start(0.0, resident_bytes(program.pid), unique_bytes(program.pid))


def _start(stage: Stage, start: Callable[[Stage, int], Program]) -> Start:
    port, began = free_port(), time.perf_counter()
    with start(stage, port) as program:
        while not _ready(port):
            if time.perf_counter() > began + 20 or not program.running:
                raise DidNotStart(program.said())
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        time.sleep(SETTLE)
        return Start(seconds, resident_bytes(program.pid), unique_bytes(program.pid))


def _ready(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
