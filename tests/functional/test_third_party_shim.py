"""The example of a third party's shim, installed beside our wheel into a fresh environment and used there."""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
import venv
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

from ote_twisted.tasks.model import Task

from .shim_processes import SECONDS, TWISTD, Program, ShimProcess, WaitingHost
from .test_packaging import NOT_SOURCE, TOP, built, run, workshop

EXAMPLE = TOP / "examples" / "third-party-shim"
TASKS = "/apis/ote.baidu.com/v1/namespaces/kube-system/clustercontrollers"
TUNNEL = ("--tunnel", "tcp:0:interface=127.0.0.1")
API = ("--api", "tcp:0:interface=127.0.0.1")


@cache
def environment() -> Path:
    """A fresh environment with both wheels; gives its python. The dependencies are those of the running environment."""
    source, out, home = (workshop() / name for name in ("third-party", "third-party-dist", "third-party-venv"))
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=workshop())
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet")
    run(*pip, built()[0], next(out.glob("*.whl")), cwd=workshop())
    inside = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=workshop()).strip())
    (inside / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


class ThirdPartyShimTests(TestCase):
    """A stranger's package is found, driven and proven."""

    timeout = 240

    def test_short_enough(self) -> None:
        """The whole shim is under 100 lines."""
        self.assertLess(len((EXAMPLE / "files_shim.py").read_text().splitlines()), 100)

    def test_contract_tests(self) -> None:
        """The shipped contract tests pass there."""
        python = environment()
        folder = workshop() / "third-party-tests"
        folder.mkdir()
        shutil.copy(EXAMPLE / "test_files_shim.py", folder)
        said = run(python, "-m", "twisted.trial", "test_files_shim", cwd=folder)
        self.assertIn("PASSED", said)
        self.assertIn("test_order_of_one_object", said)

    def test_unknown_kind_names_it(self) -> None:
        """Who misspells a kind is told what is installed."""
        python = environment()
        with self.assertRaises(AssertionError) as caught:
            run(python, "-c", TWISTD, "-n", "--pidfile=", "ote-shim", "--kind", "flies", cwd=workshop())
        self.assertRegex(str(caught.exception), r"no shim of kind 'flies' is installed; installed kinds: .*files")

    async def test_driven_over_the_websocket(self) -> None:
        """twistd finds the kind; a controller's end writes and reads files with it, until it is stopped."""
        from twisted.internet import reactor

        folder = workshop() / "third-party-run"
        process = ShimProcess(reactor, str(environment()))
        self.addCleanup(process.stop)
        await process.start(folder, "--kind", "files")
        remote, host = process.remote(), WaitingHost(reactor)
        self.addCleanup(remote.stop)
        remote.start("shelf", host)
        await host.ready()
        wrote = await remote.perform(Task("files", "PUT", "/a/greeting", b"hello\xff"))
        self.assertEqual(wrote.code, 201)
        self.assertEqual((folder / "state" / "files" / "a" / "greeting").read_bytes(), b"hello\xff")
        self.assertEqual((await remote.perform(Task("files", "GET", "/a"))).body, b"greeting")
        self.assertEqual((await remote.perform(Task("api", "GET", "/"))).code, 404)
        self.assertEqual((await remote.describe())["kind"], "files")

    async def test_driven_through_a_tree(self) -> None:
        """One object at the root: a controller with the shim inside, and one with it behind a websocket, both perform it."""
        from twisted.internet import reactor

        folder, python = workshop() / "third-party-tree", str(environment())
        shim = ShimProcess(reactor, python)
        self.addCleanup(shim.stop)
        await shim.start(folder / "shim", "--kind", "files")
        root, inside, beside = (Program(reactor, python) for _ in range(3))
        root.run(folder / "root", "ote-controller", "--name", "root", "--shim", "none", "--state", "state", *TUNNEL, *API)
        self.addCleanup(root.stop)
        parent = f"ws://127.0.0.1:{await root.port(r'CloudTunnelFactory starting on ([0-9]+)')}"
        self.api = f"http://127.0.0.1:{await root.port(r'ApiSite starting on ([0-9]+)')}"
        for program, name, kind in ((inside, "in", "files"), (beside, "by", f"ws://127.0.0.1:{shim.address.port}")):
            self.addCleanup(program.stop)
            program.run(folder / name, "ote-controller", "--name", name, "--shim", kind, "--state", "state", "--parent", parent)
        spec = {"destination": "files", "clusterSelector": "in,by", "method": "PUT", "url": "/greeting", "body": "hello"}
        task = {"apiVersion": "ote.baidu.com/v1", "kind": "ClusterController", "metadata": {"name": "greet"}, "spec": spec}
        await self.until(lambda found: len(found["items"]) >= 2, "/apis/ote.baidu.com/v1/namespaces/kube-system/clusters")
        await self.ask(TASKS, task)
        done = await self.until(lambda found: len(found.get("status", {}).get("clusters", {})) == 2, f"{TASKS}/greet")
        self.assertEqual({name: each["code"] for name, each in done["status"]["clusters"].items()}, {"in": 201, "by": 201})
        for place in ("in", "shim"):
            self.assertEqual((folder / place / "state" / "files" / "greeting").read_text(), "hello")

    async def call(self, path: str, value: Any = None) -> tuple[int, Any]:
        """GET a path of the root's API, or POST to it; gives the status and what is said."""
        from twisted.internet import reactor

        agent = Agent(reactor)
        if value is None:
            response = await agent.request(b"GET", (self.api + path).encode())
        else:
            headers = Headers({"content-type": ["application/json"]})
            body = FileBodyProducer(BytesIO(json.dumps(value).encode()))
            response = await agent.request(b"POST", (self.api + path).encode(), headers, body)
        return response.code, json.loads(await readBody(response))

    async def ask(self, path: str, value: Any = None) -> Any:
        """As :meth:`call`, of a controller that is there."""
        code, found = await self.call(path, value)
        self.assertLess(code, 300, found)
        return found

    async def until(self, condition: Callable[[Any], bool], path: str) -> Any:
        """Ask until the answer is as wanted, within bounded time."""
        from twisted.internet import reactor

        deadline = reactor.seconds() + SECONDS
        while True:
            code, found = await self.call(path)
            if code < 300 and condition(found):
                return found
            if reactor.seconds() > deadline or code not in (200, 503):
                self.fail(f"{path} is not as wanted: {code} {found}")
            await deferLater(reactor, 0.05)
