"""A controller as a process: readiness, health, metrics, reload and stop, as an operator and systemd see them."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

PATIENCE = 30.0
"""Seconds after which a test gives up waiting."""

TWISTD = "from twisted.scripts.twistd import run; run()"


class Program:
    """One running twistd program whose log is JSON lines and whose systemd is a socket of ours."""

    def __init__(self, *arguments: str) -> None:
        self._systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._systemd.bind(b"")
        self._systemd.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": "@" + self._systemd.getsockname()[1:].decode()}
        self.process = subprocess.Popen(
            [sys.executable, "-c", TWISTD, "--nodaemon", "--pidfile=", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self._rest = b""
        self.lines: list[str] = []

    def told(self) -> str:
        """Give what systemd is told next."""
        return self._systemd.recv(4096).decode()

    def logged(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read the log up to the first event that is wanted."""
        assert self.process.stdout is not None
        while True:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                self.lines.append(line.decode())
                event = json.loads(line)
                if wanted(event):
                    found: dict[str, Any] = event
                    return found
            readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            more = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            if not more:
                raise AssertionError("the log ends or stalls:\n" + "\n".join(self.lines))
            self._rest += more

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._systemd.close()


def port_of(event: dict[str, Any]) -> bool:
    """Tell whether an event says where the API listens."""
    return "ApiSite starting on" in event["message"]


class ControllerProcessTests(SynchronousTestCase):
    """``twistd ote-controller``."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.file = folder / "controller.toml"
        self.write("info")
        self.program = Program("ote-controller", "--config", str(self.file), "--state", str(folder / "state"))
        self.addCleanup(self.program.end)

    def write(self, level: str, more: str = "") -> None:
        """Write the configuration."""
        text = 'name = "root"\nshim = "none"\napi = "tcp:0:interface=127.0.0.1"\n' + more
        self.file.write_text(f'{text}[log]\nformat = "json"\nlevel = "{level}"\n')

    def get(self, port: int, path: str) -> str:
        """Get a page of the running program."""
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            text: str = answer.read().decode()
            return text

    def await_ready(self, port: int) -> None:
        """Return when the program says that it is ready; ask as fast as it answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.assertIn("readyz check passed", self.get(port, "/readyz?verbose"))
                return
            except HTTPError as refused:
                refused.close()
        self.fail("the program did not become ready")

    def test_life(self) -> None:
        """Systemd is told of readiness; health and metrics are served; SIGHUP reloads; SIGTERM stops everything in order."""
        port = int(self.program.logged(port_of)["message"].rpartition(" ")[2])
        self.assertIn("READY=1", self.program.told())
        self.assertIn("livez check passed", self.get(port, "/livez?verbose"))
        self.await_ready(port)
        names = {family.name for family in text_string_to_metric_families(self.get(port, "/metrics"))}
        self.assertLessEqual({"ote_build_info", "process_resident_memory_bytes", "ote_scrape_failed_reads"}, names)

        self.write("debug", 'task_deadline = "2h"\n')
        self.program.process.send_signal(signal.SIGHUP)
        changed = self.program.logged(lambda event: "configuration reloaded" in event["message"])["changed"]
        self.assertEqual(changed, "task_deadline, log")

        self.program.process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in self.program.told():
            pass  # systemd hears of the reload as well
        self.assertIn(self.program.process.wait(PATIENCE), (0, -signal.SIGTERM))

    def test_wrong_reload(self) -> None:
        """A wrong file at a reload is named with its line, and the program goes on as before."""
        port = int(self.program.logged(port_of)["message"].rpartition(" ")[2])
        self.assertIn("READY=1", self.program.told())
        self.write("loud")
        self.program.process.send_signal(signal.SIGHUP)
        refused = self.program.logged(lambda event: "not reloaded" in event["message"])
        self.assertIn(f"{self.file}:6: log.level: expected", refused["message"])
        self.assertIn("livez check passed", self.get(port, "/livez?verbose"))


class WrongStartTests(SynchronousTestCase):
    """Programs that cannot start."""

    def refused(self, *arguments: str) -> str:
        """Give the last line of a program that must end at once with an error."""
        command = [sys.executable, "-c", TWISTD, "--nodaemon", "--pidfile=", *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        return (done.stdout + done.stderr).strip().splitlines()[-1]

    def test_misspelt_key(self) -> None:
        """A misspelt key ends the program before it begins, with file, line and the near key."""
        path = Path(self.mktemp())
        path.write_text('name = "c"\nparrents = []\n')
        self.assertIn(
            f"{path}:2: parrents: unknown key; did you mean parents?", self.refused("ote-controller", "--config", str(path))
        )

    def test_missing_name(self) -> None:
        """A controller without a name says how to give it one."""
        self.assertIn("name: required; give --name", self.refused("ote-controller"))

    def test_missing_file(self) -> None:
        """A missing file is named."""
        self.assertIn(
            "/nonexistent.toml: the configuration file cannot be read", self.refused("ote-shim", "--config", "/nonexistent.toml")
        )
