"""Starts ``twistd ote-controller`` processes on free ports of the loopback and asks their API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.demo.ports import free_ports

PATIENCE = 30.0
"""Seconds after which a test gives up waiting."""

PACE = 0.05
"""Seconds between two looks at something that is waited for."""

TWISTD = "from twisted.scripts.twistd import run; run()"
BOUND = ("-P", "-m", "ote_twisted.cli.demo.child")
"""Runs twistd so that it ends with the test's process, however that ends."""

TREE = "/apis/ote.baidu.com/v1/namespaces/kube-system"


def free_port() -> int:
    """A port that nobody listens on now, and that no outgoing connection is given while what listens on it is restarted."""
    return free_ports(1)[0]


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """What the condition gives, as soon as it is true; connection failures are "not yet"."""
    deadline = time.monotonic() + patience
    pace = Event()
    while True:
        try:
            if found := condition():
                return found
        except (URLError, ConnectionError, TimeoutError):
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience:g} s: {what}")
        pace.wait(PACE)


class Controller:
    """One ``twistd ote-controller`` with its folder, ports and log.

    :ivar tunnel: port for children.
    :ivar api: port of the API.
    :ivar kubeconfig: a file for tests that need one.
    """

    def __init__(self, folder: Path, name: str, *options: str, ping: str = "500ms") -> None:
        """
        :param ping: idle time after which a link's peer is pinged.
        """
        self.name = name
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.tunnel, self.api = free_port(), free_port()
        self.options = [
            f"--name={name}",
            f"--state={self.folder / 'state'}",
            f"--tunnel=tcp:{self.tunnel}:interface=127.0.0.1",
            f"--api=tcp:{self.api}:interface=127.0.0.1",
            f"--ping-interval={ping}",
            *options,
        ]
        self.log = self.folder / "log"
        self.kubeconfig = self.folder / "kubeconfig"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where children join."""
        return f"ws://127.0.0.1:{self.tunnel}"

    def start(self, **environment: str) -> Controller:
        """Run it."""
        command = [sys.executable, *BOUND, str(os.getpid()), "-n", "--pidfile=", "ote-controller", *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def kill(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End it with a signal; gives the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def exit(self) -> tuple[int, list[str]]:
        """Wait until it ends by itself; gives exit code and log."""
        assert self.process is not None
        code = self.process.wait(PATIENCE)
        return code, self.text().strip().splitlines()

    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    # ---- the API

    def page(self, path: str) -> tuple[int, str]:
        """Code and text of a page."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, value: Any = None, media: str = "application/json") -> tuple[int, str]:
        """Code and text of the answer to any request.

        :param value: a body to send as JSON.
        """
        body = None if value is None else json.dumps(value).encode()
        request = Request(f"http://127.0.0.1:{self.api}{path}", body, {"Content-Type": media}, method=method)
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def get(self, path: str) -> Any:
        """An object; ``None`` when there is none."""
        code, text = self.page(path)
        return json.loads(text) if code == 200 else None

    def clusters(self) -> dict[str, str]:
        """Name to ``online`` or ``offline``."""
        found = self.get(f"{TREE}/clusters")
        return {each["metadata"]["name"]: each["status"]["status"] for each in found["items"]} if found else {}

    def cluster(self, name: str) -> Any:
        """A Cluster object."""
        return self.get(f"{TREE}/clusters/{name}")

    def submit(self, name: str, selector: str, method: str = "GET", url: str = "/version", body: str = "") -> None:
        """Write a task."""
        spec = {"clusterSelector": selector, "destination": "api", "method": method, "url": url, "body": body}
        value = {"apiVersion": "ote.baidu.com/v1", "kind": "ClusterController", "metadata": {"name": name}, "spec": spec}
        code, text = self.ask("POST", f"{TREE}/clustercontrollers", value)
        if code >= 400:
            raise AssertionError(f"{self.name} refused the task {name} with {code}: {text}")

    def answers(self, name: str) -> dict[str, int]:
        """Cluster to code, of those that answered."""
        found = self.get(f"{TREE}/clustercontrollers/{name}")
        entries = (found or {}).get("status", {}).get("clusters", {})
        return {cluster: entry["code"] for cluster, entry in entries.items() if "code" in entry}

    def online(self, *names: str) -> None:
        """Wait until exactly these, beside itself, are online."""
        wanted = {*names, self.name}

        def reached() -> bool:
            return {name for name, state in self.clusters().items() if state == "online"} == wanted

        until(reached, f"{sorted(wanted)} online at {self.name}; log: {self.text()[-2000:]}")


class ControllersTestCase(SynchronousTestCase):
    """Controllers that are ended with the test."""

    def setUp(self) -> None:
        """A folder for all of them."""
        self.folder = Path(self.mktemp()).absolute()

    def controller(self, name: str, *options: str, ping: str = "500ms") -> Controller:
        """One that is not started."""
        made = Controller(self.folder, name, *options, ping=ping)
        self.addCleanup(made.end)
        return made
