"""Stores for the tests of this package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ote_twisted.errors import NotFound, StoreUnavailable
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.sqlite.opening import SQLiteStorage, open_store
from ote_twisted.testing.contracts.store import CONTRACT_LIMITS, config_map, key


@implementer(IReactorFromThreads)
class Home:
    """Calls from threads, taken by the test when it wants them."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Queue a call."""
        self._calls.put((callable, args))

    def take(self, seconds: float) -> bool:
        """Make the next call if one comes within that time."""
        try:
            function, arguments = self._calls.get(timeout=seconds)
        except Empty:
            return False
        function(*arguments)
        return True


def new_path(test: SynchronousTestCase) -> Path:
    """Where a new store may be."""
    folder = Path(test.mktemp())
    folder.mkdir()
    return folder / "store.sqlite"


def pass_turns(clock: Clock) -> None:
    """Let turns pass until nothing is due now."""
    while any(call.getTime() <= clock.seconds() for call in clock.getDelayedCalls()):
        clock.advance(0)


def open_here(
    test: SynchronousTestCase, path: Path | None = None, clock: Clock | None = None, limits: Limits = CONTRACT_LIMITS
) -> tuple[SQLiteStorage, Clock]:
    """An open store whose writes run in the clock's turns; closed at the end of the test, leaving no delayed call."""
    clock = clock or Clock()
    storage = open_store(path or new_path(test), clock, limits=limits)

    def stop() -> None:
        test.successResultOf(storage.stopService())
        test.assertEqual(clock.getDelayedCalls(), [])

    test.addCleanup(stop)
    return storage, clock


def open_threaded(test: SynchronousTestCase, limits: Limits = CONTRACT_LIMITS) -> tuple[SQLiteStorage, Callable[[], None]]:
    """An open store with its writer thread, and how to settle it."""
    clock, home = Clock(), Home()
    storage = open_store(new_path(test), clock, home, limits)

    def settle() -> None:
        pass_turns(clock)
        while storage.writer.backlog.queued:
            test.assertTrue(home.take(10), "the writer thread does not answer")
            pass_turns(clock)

    def stop() -> None:
        stopped: Deferred[None] = storage.stopService()
        while not stopped.called:
            test.assertTrue(home.take(10), "the writer thread does not stop")
        test.assertEqual(clock.getDelayedCalls(), [])

    test.addCleanup(stop)
    return storage, settle


def full_store(test: SynchronousTestCase) -> tuple[SQLiteStorage, Clock, Callable[[], None]]:
    """An open store whose file has reached its bound, which SQLite treats as a full disk; and how to make room."""
    storage, clock = open_here(test, limits=Limits(file_bytes=256 << 10))
    keys = [key(f"m{number:03}") for number in range(100)]
    waiting = [storage.objects.create(one, config_map("m", text="x" * 4000)) for one in keys]
    pass_turns(clock)
    for one in waiting:
        one.addErrback(lambda failure: failure.trap(StoreUnavailable))

    def free() -> None:
        for one in keys:
            storage.objects.update(one, config_map("m"), None).addErrback(lambda failure: failure.trap(NotFound))
            pass_turns(clock)

    return storage, clock, free
