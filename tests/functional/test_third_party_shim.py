"""The example of a third party's shim, installed beside our wheel into a fresh environment and used there."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import venv
from functools import cache
from pathlib import Path

from twisted.trial.unittest import TestCase

from ote_twisted.tasks.model import Task

from .shim_processes import TWISTD, ShimProcess, WaitingHost
from .test_packaging import NOT_SOURCE, TOP, built, run, workshop

EXAMPLE = TOP / "examples" / "third-party-shim"


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
