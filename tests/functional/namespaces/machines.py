"""Controllers on the machines of a lab; their APIs are unix sockets, which reach across namespaces."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.functional.controller_processes import BOUND, PATIENCE, Controller
from tests.functional.namespaces.lab import Lab, LabTestCase

TUNNEL = 8287
PING = 0.5
"""Seconds of silence after which a peer is pinged; three unanswered pings end a link."""

FOUND = 15.0
"""Seconds within which a silent peer has to be found; it takes about four pings."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """See HTTPConnection."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Machine(Controller):
    """A controller on a machine of its own.

    :ivar before: a command line that runs the program, if it is not to be run just so.
    """

    def __init__(self, lab: Lab, folder: Path, name: str, parents: tuple[str, ...], *options: str) -> None:
        """
        :param parents: names of the machines whose controllers it may join.
        """
        super().__init__(folder, name)
        self._namespace = lab.machine(name)
        self._address = lab.address(name)
        self._socket = self.folder / "api"
        self.before: tuple[str, ...] = ()
        self.options = [
            f"--name={name}",
            f"--state={self.folder / 'state'}",
            f"--tunnel=tcp:{TUNNEL}:interface={self._address}",
            f"--advertise={self._address}:{TUNNEL}",
            f"--api=unix:{self._socket}",
            f"--ping-interval={PING}",
            "--handshake-timeout=3s",
            "--settle=2s",
            *(f"--parent=ws://{lab.address(parent)}:{TUNNEL}" for parent in parents),
            *options,
        ]

    def start(self, **environment: str) -> Controller:
        """Run it on its machine."""
        command = [sys.executable, *BOUND, str(os.getpid()), "-n", "--pidfile=", "ote-controller", *self.options]
        self._socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._namespace.enter(*self.before, *command),
                cwd=self.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def ask(self, method: str, path: str, value: Any = None, media: str = "application/json") -> tuple[int, str]:
        """See Controller."""
        connection = _UnixConnection(self._socket)
        try:
            body = None if value is None else json.dumps(value).encode()
            connection.request(method, path, body, {"Content-Type": media})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except FileNotFoundError:
            raise ConnectionRefusedError(f"{self.name} does not listen yet") from None
        finally:
            connection.close()


class MachinesTestCase(LabTestCase):
    """A tree on machines: root, the regions north and south, and sites."""

    timeout = 300

    def setUp(self) -> None:
        """A folder with a short name: that of a unix socket may have no more than a hundred characters."""
        super().setUp()
        folder = TemporaryDirectory(prefix="ote-ns-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def machine(self, name: str, *parents: str, options: tuple[str, ...] = ()) -> Machine:
        """A controller that runs."""
        made = Machine(self.lab, self.folder, name, parents, *options)
        self.addCleanup(made.end)
        made.start()
        return made
