"""Starts ``twistd ote-shim`` as a process and talks to it."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.interfaces import IShimHost
from ote_twisted.shim.dial import ShimAddress
from ote_twisted.shim.remote import RemoteShim

SECONDS = 30.0
TWISTD = "from twisted.scripts.twistd import run; run()"


class Output(ProcessProtocol):
    """Keeps what a program writes, and fires when a pattern has come."""

    def __init__(self) -> None:
        self.text = ""
        self.ended: Deferred[int] = Deferred()
        self._waiting: list[tuple[re.Pattern[str], Deferred[re.Match[str]]]] = []

    def wait_for(self, pattern: str, clock: IReactorTime) -> Deferred[re.Match[str]]:
        """The first match in the output, within the time."""
        found: Deferred[re.Match[str]] = Deferred()
        self._waiting.append((re.compile(pattern), found))
        self._look()
        return found.addTimeout(SECONDS, clock).addErrback(self._explain)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """More output."""
        self.text += data.decode("utf-8", "replace")
        self._look()

    def processEnded(self, reason: Failure) -> None:
        """The program is gone."""
        code = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", None)
        self.ended.callback(-1 if code is None else code)
        for _, found in self._waiting:
            found.errback(RuntimeError(f"the program ended early:\n{self.text}"))
        self._waiting = []

    def _look(self) -> None:
        for entry in list(self._waiting):
            match = entry[0].search(self.text)
            if match:
                self._waiting.remove(entry)
                entry[1].callback(match)

    def _explain(self, reason: Failure) -> Failure:
        if reason.check(TimeoutError):
            return Failure(RuntimeError(f"not within {SECONDS} s; output so far:\n{self.text}"))
        return reason


class Program:
    """One running twistd program."""

    def __init__(self, reactor: Any, python: str = sys.executable, environment: dict[str, str] | None = None) -> None:
        self.reactor = reactor
        self.output = Output()
        self._python = python
        self._environment = os.environ | (environment or {})

    def run(self, folder: Path, *arguments: str) -> None:
        """Start it in a folder of its own."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        command = [self._python, "-c", TWISTD, "-n", "--pidfile=", *arguments]
        self._process = self.reactor.spawnProcess(self.output, self._python, command, env=self._environment, path=str(folder))

    async def port(self, pattern: str) -> int:
        """The port that the program tells in its log."""
        found = await self.output.wait_for(pattern, self.reactor)
        return int(found.group(1))

    async def stop(self) -> int:
        """End it; gives the exit code, -1 for a signal."""
        if not self.output.ended.called:
            self._process.signalProcess(signal.SIGTERM)
        return await self.output.ended


class ShimProcess(Program):
    """One running ``twistd ote-shim``."""

    async def start(self, folder: Path, *options: str, listen: str = "tcp:0:interface=127.0.0.1") -> None:
        """Run it; through when it listens."""
        self.run(folder, "ote-shim", "--state", str(folder / "state"), "--listen", listen, *options)
        self.address = ShimAddress(False, "127.0.0.1", await self.port(r"ote-shim listens on 127\.0\.0\.1:(\d+)"))

    def remote(self) -> RemoteShim:
        """A controller's end, not started."""
        return RemoteShim(self.address, self.address.endpoint(self.reactor), self.reactor)


@implementer(IShimHost)
class WaitingHost:
    """Tells when its shim is there."""

    def __init__(self, clock: IReactorTime) -> None:
        self.reports: list[bytes] = []
        self._clock = clock
        self._ready: Deferred[None] = Deferred()

    def ready(self) -> Deferred[None]:
        """Fires when the shim may be used."""
        return self._ready.addTimeout(SECONDS, self._clock)

    def shim_state(self, ready: bool, reason: str) -> None:
        """See IShimHost."""
        if ready and not self._ready.called:
            self._ready.callback(None)

    def shim_report(self, body: bytes) -> None:
        """See IShimHost."""
        self.reports.append(body)
