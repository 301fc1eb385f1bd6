"""Just enough of an API client for load and for waiting."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from http.client import HTTPConnection, HTTPException
from typing import Any

from benchmarks.processes import DidNotStart, Program

TASKS = "/apis/ote.baidu.com/v1/namespaces/kube-system/clustercontrollers"
PATIENCE = 120.0
"""Seconds that anything may take."""


class ApiClient:
    """Calls a controller's API, one kept connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def call(self, method: str, path: str, value: Any = None) -> bytes:
        """One call; gives the answer's body.

        :raise DidNotStart: the answer was an error.
        """
        body = None if value is None else json.dumps(value)
        self._connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise DidNotStart(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def watch(self, path: str) -> Generator[Any, None, None]:
        """Events of a watch, on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            connection.request("GET", path + ("&" if "?" in path else "?") + "watch=1")
            answer = connection.getresponse()
            while line := answer.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def metrics(self) -> dict[str, float]:
        """Every sample by its name with labels, as the exposition has it."""
        lines = self.call("GET", "/metrics").decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    def ready(self) -> bool:
        """The controller says that it is ready."""
        try:
            self.call("GET", "/readyz")
        except (OSError, HTTPException, DidNotStart):
            self._connection.close()
            return False
        return True


def await_true(program: Program, question: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something is so.

    :raise DidNotStart: it was not within that time, or the program ended.
    """
    deadline = time.monotonic() + seconds
    while not question():
        if time.monotonic() > deadline or not program.running:
            raise DidNotStart(f"not {what}; {program.said()}")
        time.sleep(0.05)
