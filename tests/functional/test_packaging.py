"""The wheel and the source archive, built, installed into a fresh environment and used from another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted import __version__

TOP = Path(__file__).resolve().parent.parent.parent
NOT_SOURCE = (".*", "_trial_temp*", "build", "dist", "*.egg-info", "__pycache__", "_build", "dropin.cache", "node_modules")
KEPT: list[TemporaryDirectory[str]] = []
"""Folders that live as long as the process does."""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command within bounded time and give what it says; a failure shows all of it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180
    )
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr


@cache
def workshop() -> Path:
    """Give an empty folder outside the source."""
    KEPT.append(TemporaryDirectory(prefix="ote-packaging-"))
    return Path(KEPT[-1].name)


@cache
def built() -> tuple[Path, Path]:
    """Build the source archive, and the wheel from it; give wheel and archive."""
    source, out = workshop() / "source", workshop() / "dist"
    shutil.copytree(TOP, source, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=workshop())
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


@cache
def installed() -> Path:
    """Install the wheel into a fresh environment; give its bin. The dependencies are those of the running environment."""
    home = workshop() / "venv"
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        built()[0],
        cwd=workshop(),
    )
    inside = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=workshop()).strip())
    (inside / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


class WheelTests(SynchronousTestCase):
    """What the wheel holds."""

    def names(self) -> set[str]:
        """Give the paths inside the wheel."""
        with zipfile.ZipFile(built()[0]) as wheel:
            return set(wheel.namelist())

    def test_nothing_else_slips_in(self) -> None:
        """The wheel holds our package, one plugin file and its own description."""
        outside = {name for name in self.names() if not name.startswith("ote_twisted/") and ".dist-info/" not in name}
        self.assertEqual(outside, {"twisted/plugins/ote_twisted_plugins.py"})

    def test_every_file_of_the_package(self) -> None:
        """Every file of the source package, data included, is in the wheel."""
        source = {
            str(path.relative_to(TOP))
            for path in (TOP / "ote_twisted").rglob("*")
            if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
        }
        self.assertEqual(source - self.names(), set())

    def test_licence(self) -> None:
        """The licence travels with the wheel."""
        self.assertTrue(any(name.endswith("/LICENSE") for name in self.names()))


class SourceArchiveTests(SynchronousTestCase):
    """What the source archive holds."""

    def test_everything_to_build_and_check(self) -> None:
        """The archive holds what a packager needs: tests, examples, documents, locks, tools."""
        with tarfile.open(built()[1]) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        wanted = {
            "Makefile",
            "requirements.lock",
            "etc/controller-root.toml",
            "docs/conf.py",
            "tests/functional/test_packaging.py",
        }
        self.assertEqual(wanted - names, set())
        self.assertNotIn("twisted/__init__.py", names)


class InstalledTests(SynchronousTestCase):
    """The wheel in a fresh environment, used from a folder that knows nothing of the source."""

    def run_inside(self, *arguments: str | Path) -> str:
        """Run a program of the fresh environment."""
        return run(installed() / arguments[0], *arguments[1:], cwd=workshop())

    def test_package_comes_from_the_wheel(self) -> None:
        """The imported package is the installed one, not the source."""
        where = self.run_inside("python", "-c", "import ote_twisted; print(ote_twisted.__file__)")
        self.assertTrue(where.startswith(str(installed().parent)), where)

    def test_twistd_finds_the_programs(self) -> None:
        """twistd lists our programs."""
        listed = self.run_inside("python", "-c", "from twisted.scripts.twistd import run; run()", "--help")
        self.assertIn("ote-controller", listed)
        self.assertIn("ote-shim", listed)

    def test_programs_show_their_options(self) -> None:
        """Each program's own help works, which imports all of it."""
        for program in ("ote-controller", "ote-shim"):
            shown = self.run_inside("python", "-c", "from twisted.scripts.twistd import run; run()", program, "--help")
            self.assertIn("--config=", shown)

    def test_otectl(self) -> None:
        """The command for people is installed and tells its version."""
        self.assertIn(__version__, self.run_inside("otectl", "version"))
