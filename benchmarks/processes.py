"""Programs under measurement: started on a core, watched through /proc, stopped."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

PRODUCT_CORE = 0
"""Core of the program that is measured."""

LOAD_CORE = 1
"""Core of the load generators; the same one when the machine has only one."""


class DidNotStart(Exception):
    """A program under measurement ended or did not answer; the text holds the end of what it said."""


class Program:
    """A Python program on one core. Leaving the context stops it.

    :ivar pid: its process.
    """

    def __init__(
        self, arguments: Sequence[str], core: int, environment: dict[str, str] | None = None, answers: bool = True
    ) -> None:
        """
        :param arguments: what follows ``python``, e.g. ``["-m", "benchmarks.floor_hop"]``.
        :param answers: its standard output is read by :meth:`hear`; else it is a log, which must not fill a pipe.
        """
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._arguments = arguments
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else self._errors,
            stderr=self._errors,
            env={**os.environ, **(environment or {})},
        )
        self.pid = self._process.pid
        os.sched_setaffinity(self.pid, {core if core in os.sched_getaffinity(0) else 0})
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (limit, limit))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the program, hard if it does not end by itself within 5 s."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def ask(self, **question: Any) -> dict[str, Any]:
        """Write one JSON line to the program and read one JSON line from it.

        :raise DidNotStart: it ended.
        """
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
        except OSError:
            raise DidNotStart(self.said()) from None
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """Read one JSON line from the program.

        :raise DidNotStart: it ended.
        """
        stdout = self._process.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            raise DidNotStart(self.said())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def said(self) -> str:
        """The last line of the program's errors, with its arguments."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines() or ["nothing said"]
        return f"{' '.join(self._arguments[:4])}: {lines[-1]}"

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self._process.poll() is None


def await_port(program: Program, port: int, seconds: float = 20.0) -> None:
    """Wait until something listens on a port of the loopback.

    :raise DidNotStart: nothing did, or the program ended.
    """
    deadline = time.monotonic() + seconds
    while program.running and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise DidNotStart(program.said())


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and all its threads have used."""
    try:
        threads = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except FileNotFoundError:
        threads = []
    if threads:
        return sum(int(text.split()[0]) for text in threads) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def unique_bytes(pid: int) -> int:
    """Resident memory of a process that it shares with no other."""
    fields = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(field[1]) for field in fields if field[0].startswith("Private_")) * 1024
