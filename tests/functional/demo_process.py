"""Starts ``otectl demo`` as a process, and runs otectl and kubectl against it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

TOP = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0
"""Seconds after which a test gives up waiting."""

STRANGE = ("KUBECONFIG", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
"""Variables of whoever runs the tests that a user's shell would not have."""

BIN = Path(sys.executable).parent
SITES = [f"{region}-{number}" for region in ("north", "south") for number in (1, 2, 3)]
EVERYBODY = sorted(["root", "north", "south", *SITES])


class Demo:
    """One running demo.

    :ivar folder: its state.
    :ivar text: what it has printed so far.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [BIN / "otectl", "demo", "--dir", folder, *options],
            cwd=TOP,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.text = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text += line
            if line.startswith("Ctrl-C"):
                return
        raise AssertionError(f"the demo ended with {self.process.wait()}:\n{self.text}")

    @property
    def kubeconfig(self) -> Path:
        """Where it says how to reach its controllers."""
        return self.folder / "kubeconfig"

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.text += rest
        return self.process.returncode


class Ran:
    """What a program that has ended left."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.out)


class DemoTestCase(SynchronousTestCase):
    """Has folders, demos and programs that end with the test."""

    timeout = 120

    def setUp(self) -> None:
        self.home = self.folder()

    def folder(self) -> Path:
        """Give an empty folder."""
        folder = TemporaryDirectory(prefix="ote-cli-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def demo(self, *options: str, folder: Path | None = None) -> Demo:
        """Give a demo whose tree is complete."""
        self.running = Demo(folder or self.folder(), *options)
        self.addCleanup(self.running.stop)
        return self.running

    def otectl(self, *arguments: str | Path, code: int = 0, text: str = "") -> Ran:
        """Run otectl against the demo to its end; it must end with that exit code."""
        return self.ran(BIN / "otectl", *arguments, code=code, text=text)

    def kubectl(self, *arguments: str | Path, code: int = 0, text: str = "") -> Ran:
        """Run kubectl against the demo to its end."""
        return self.ran(BIN / "kubectl", "--request-timeout=20s", *arguments, code=code, text=text)

    def ran(self, *command: str | Path, code: int = 0, text: str = "", **environment: str) -> Ran:
        """Run any program, with the demo's kubeconfig if there is a demo."""
        done = subprocess.run(
            command, cwd=TOP, env=self.environment(**environment), input=text, capture_output=True, text=True, timeout=PATIENCE
        )
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")
        return Ran(done)

    def environment(self, **more: str) -> dict[str, str]:
        """Give the environment of programs: a home of its own, no terminal but its tables."""
        running = getattr(self, "running", None)
        kept = {name: value for name, value in os.environ.items() if name not in STRANGE}
        kubeconfig = {"KUBECONFIG": str(running.kubeconfig)} if running is not None else {}
        return {**kept, "HOME": str(self.home), "OTECTL_OUTPUT": "table", **kubeconfig, **more}

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Ask again and again until it is so."""
        limit = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), limit, f"never came to be: {what}")
