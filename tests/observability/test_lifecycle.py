"""Stopping in order, and signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.observability.lifecycle import OrderedServices, ReadyAnnouncer, SignalService


class Recorded(Service):
    """A service that tells what happens to it and stops when told."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.label = name
        self.events = events
        self.stopping: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Tell."""
        super().startService()
        self.events.append(f"start {self.label}")

    def stopService(self) -> Deferred[None]:
        """Tell, and wait to be released."""
        super().stopService()
        self.events.append(f"stop {self.label}")
        return self.stopping


class OrderedServicesTests(SynchronousTestCase):
    """One follows the other."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.events: list[str] = []
        self.services = OrderedServices(self.clock, 10)
        self.store, self.tunnel = Recorded("store", self.events), Recorded("tunnel", self.events)
        self.store.setServiceParent(self.services)
        self.tunnel.setServiceParent(self.services)
        self.services.startService()

    def test_order(self) -> None:
        """Services start in order and stop in reverse, each after the other is quiet."""
        stopped = self.services.stopService()
        self.assertEqual(self.events, ["start store", "start tunnel", "stop tunnel"])
        self.tunnel.stopping.callback(None)
        self.assertEqual(self.events[-1], "stop store")
        self.assertNoResult(stopped)
        self.store.stopping.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.services.running)

    def test_limit(self) -> None:
        """When the time is over the rest is told to stop and left."""
        stopped = self.services.stopService()
        self.clock.advance(10)
        self.assertEqual(self.events[-1], "stop store")
        self.clock.advance(0)
        self.successResultOf(stopped)
        self.assertEqual((self.services.overdue, self.clock.getDelayedCalls()), (2, []))

    def test_failure(self) -> None:
        """A service that fails to stop is logged, and the next one is stopped."""
        stopped = self.services.stopService()
        self.tunnel.stopping.errback(RuntimeError("stuck"))
        self.store.stopping.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_raising(self) -> None:
        """A service whose stop raises at once is as one that fails."""
        self.patch(self.tunnel, "stopService", lambda: 1 / 0)
        self.store.stopping.callback(None)
        self.successResultOf(self.services.stopService())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class ReadyAnnouncerTests(SynchronousTestCase):
    """Readiness is told when it is true."""

    def announcer(self, *answers: bool) -> tuple[Clock, list[str], ReadyAnnouncer]:
        """Give a started announcer that gets these answers in turn."""
        clock, told, coming = Clock(), list[str](), list(answers)
        announcer = ReadyAnnouncer(clock, lambda: coming.pop(0), lambda: told.append("ready"))
        announcer.startService()
        return clock, told, announcer

    def test_at_once(self) -> None:
        """A program that is ready at the start tells it at the start."""
        clock, told, _ = self.announcer(True)
        self.assertEqual((told, clock.getDelayedCalls()), (["ready"], []))

    def test_once_and_later(self) -> None:
        """A program that becomes ready tells it then, once."""
        clock, told, _ = self.announcer(False, False, True)
        clock.advance(0.1)
        self.assertEqual(told, [])
        clock.advance(0.1)
        self.assertEqual((told, clock.getDelayedCalls()), (["ready"], []))

    def test_stopped_before(self) -> None:
        """A program that stops before it is ready tells nothing."""
        clock, told, announcer = self.announcer(False)
        announcer.stopService()
        self.assertEqual((told, clock.getDelayedCalls()), ([], []))


class Turns:
    """A reactor's way in from other threads and signals; ``run`` makes the turn."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], Any]] = []

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Keep the call for the turn."""
        self.calls.append(lambda: callable(*args, **kwargs))

    def run(self) -> None:
        """Make the turn."""
        while self.calls:
            self.calls.pop(0)()


class SignalServiceTests(SynchronousTestCase):
    """Signals become calls."""

    def service(self, call: Callable[[], None]) -> tuple[SignalService, Turns]:
        """Give a started service and its reactor."""
        turns = Turns()
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        service = SignalService(turns, signal.SIGHUP, call)  # type: ignore[arg-type]
        service.startService()
        return service, turns

    def test_called_in_the_reactors_turn(self) -> None:
        """A signal is acted on in the next turn, once for each."""
        called: list[str] = []
        _, turns = self.service(lambda: called.append("reload"))
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(called, [])
        turns.run()
        self.assertEqual(called, ["reload"])

    def test_former_disposition_returns(self) -> None:
        """After the stop the signal does what it did before."""
        former = signal.getsignal(signal.SIGHUP)
        service, _ = self.service(lambda: None)
        self.assertNotEqual(signal.getsignal(signal.SIGHUP), former)
        service.stopService()
        self.assertEqual(signal.getsignal(signal.SIGHUP), former)

    def test_failure_is_logged(self) -> None:
        """A call that fails is logged and the program goes on."""
        service, turns = self.service(lambda: None)
        self.patch(service, "_call", lambda: 1 / 0)
        os.kill(os.getpid(), signal.SIGHUP)
        turns.run()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
