"""Runs one coroutine in the reactor, until it ends or a signal does."""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine
from typing import Any

from ote_twisted.cli.errors import INTERRUPTED

Main = Callable[[Any], Coroutine[Any, Any, int]]
"""Takes the reactor and gives the exit code. It is cancelled by Ctrl-C and SIGTERM, and may clean up then."""

LIMIT = 1.8
"""Seconds for cleaning up after a signal; what remains is left."""


def drive(main: Main, interrupted: int = INTERRUPTED) -> int:
    """Run it and give its exit code.

    :param interrupted: the exit code after a signal.
    :raise Exception: whatever it fails with.
    """
    from twisted.internet import reactor

    return _Drive(reactor, interrupted).run(main)


class _Drive:
    def __init__(self, reactor: Any, interrupted: int) -> None:
        self._reactor = reactor
        self._code = interrupted
        self._interrupted = interrupted
        self._failure: Any = None
        self._signalled = False
        self._running: Any = None

    def run(self, main: Main) -> int:
        reactor = self._reactor
        reactor.addSystemEventTrigger("before", "shutdown", self._cancel)
        reactor.callWhenRunning(self._begin, main)
        reactor.run()
        if self._failure is not None:
            self._failure.raiseException()
        return self._code

    def _begin(self, main: Main) -> None:
        from twisted.internet.defer import Deferred

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signal)
        running = self._running = Deferred.fromCoroutine(main(self._reactor))
        running.addCallbacks(self._ended, self._failed)
        running.addCallback(self._stop)

    def _signal(self, number: int, frame: object) -> None:
        """The first asks for a clean end; from then on the system's own way is open again."""
        self._signalled = True
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_DFL)
        self._reactor.callFromThread(self._reactor.stop)

    def _ended(self, code: int) -> None:
        self._code = self._interrupted if self._signalled else code
        self._running = None

    def _failed(self, failure: Any) -> None:
        self._running = None
        if not self._signalled:
            self._failure = failure

    def _stop(self, result: object) -> None:
        if not self._signalled:
            self._reactor.stop()

    def _cancel(self) -> Any:
        """Give the coroutine time to clean up before the reactor goes."""
        running = self._running
        if running is None:
            return None
        from twisted.internet.defer import Deferred

        quiet: Deferred[None] = Deferred()
        running.addBoth(lambda _: None if quiet.called else quiet.callback(None))
        running.cancel()
        return quiet.addTimeout(LIMIT, self._reactor).addErrback(lambda _: None)
