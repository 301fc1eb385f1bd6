"""One controller of a demo as a process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from ote_twisted.cli.demo.files import Home, config_text, ended

STOP = "1s"
"""What each controller has to stop in."""


class _Watch(ProcessProtocol):
    def __init__(self, over: Callable[[Failure], None]) -> None:
        self._over = over

    def processEnded(self, reason: Failure) -> None:
        self._over(reason)


class ControllerProcess:
    """One controller, which may run several times, one after the other.

    :ivar home: where it lives.
    :ivar pid: its process; ``None`` when it does not run.
    :ivar how: how it ended last; empty while it has not.
    """

    def __init__(self, home: Home, reactor: Any, died: Callable[[ControllerProcess, int], None]) -> None:
        """
        :param died: is told each end that nobody asked for, with the number of the process.
        """
        self.home = home
        self.pid: int | None = None
        self.how = ""
        self._reactor = reactor
        self._died = died
        self._process: IProcessTransport | None = None
        self._ended: Deferred[None] | None = None

    @property
    def name(self) -> str:
        """The cluster's."""
        return self.home.place.name

    def start(self) -> None:
        """Run it with the file written anew, its log continued."""
        home = self.home
        home.config.write_text(config_text(home, STOP), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "ote_twisted.cli.demo.child", str(os.getpid()), *home.arguments()]
        with open(os.devnull, "rb") as nothing, home.log.open("ab") as log:
            files = {0: nothing.fileno(), 1: log.fileno(), 2: log.fileno()}
            process = self._reactor.spawnProcess(_Watch(self._over), command[0], command, env=None, childFDs=files)
        self._process, self.pid, self.how = process, process.pid, ""

    def stop(self) -> Deferred[None]:
        """Ask it to end; fires when it has."""
        self._ended = Deferred()
        if self._process is None:
            self._ended.callback(None)
        else:
            self._send("TERM")
        return self._ended

    def kill(self) -> None:
        """End it at once."""
        self._send("KILL")

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.home.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"

    def _send(self, name: str) -> None:
        try:
            if self._process is not None:
                self._process.signalProcess(name)
        except ProcessExitedAlready:
            pass

    def _over(self, reason: Failure) -> None:
        fault: Any = reason.value
        self.how = ended(fault.exitCode, fault.signal) + _named(fault.signal)
        pid, self.pid, self._process = self.pid, None, None
        if self._ended is not None:
            waiting, self._ended = self._ended, None
            waiting.callback(None)
        elif pid is not None:
            self._died(self, pid)


def _named(number: int | None) -> str:
    return f" ({signal.Signals(number).name})" if number in set(signal.Signals) else ""
