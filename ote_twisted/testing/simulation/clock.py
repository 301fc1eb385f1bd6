"""Virtual time for very many delayed calls: Twisted's ``Clock`` on a heap, and the part of it that one life has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock
from zope.interface import implementer

SPARE = 1024
"""Entries that no longer count and may stay in the heap, unless they are more than those that count."""


class HeapClock(Clock):
    """Keeps its calls in a heap, so that each costs the logarithm of their number, and makes every call at its own time.

    :ivar steps: calls made so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self._heap: list[tuple[float, int, DelayedCall]] = []
        self._serial = 0
        self._dead = 0

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        """See :class:`IReactorTime`."""
        call = DelayedCall(self.rightNow + delay, callable, args, kw, self._cancelled, self._push, self.seconds)
        self._push(call)
        return call

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """See :class:`IReactorTime`."""
        return list({id(call): call for _, _, call in self._heap if call.active()}.values())

    def advance(self, amount: float) -> None:
        """Let time pass; whatever becomes due is called when it is."""
        end = self.rightNow + amount
        while self.step(end):
            pass

    def step(self, end: float) -> bool:
        """Make the next call that is due until ``end``; gives whether there was one. If not, it is ``end`` now."""
        heap = self._heap
        while heap and heap[0][0] <= end:
            time, _, call = heappop(heap)
            if not self._due(call, time):
                continue
            self.rightNow = max(self.rightNow, time)
            self.steps += 1
            call.called = 1
            call.func(*call.args, **call.kw)
            return True
        self.rightNow = max(self.rightNow, end)
        return False

    def _due(self, call: DelayedCall, time: float) -> bool:
        """An entry counts unless its call was cancelled, made, or moved."""
        if call.cancelled or call.called or call.time != time:
            self._dead = max(0, self._dead - 1)
            return False
        if call.delayed_time > 0:
            call.activate_delay()
            self._push(call)
            return False
        return True

    def _push(self, call: DelayedCall) -> None:
        self._serial += 1
        heappush(self._heap, (call.time, self._serial, call))

    def _cancelled(self, call: DelayedCall) -> None:
        self._dead += 1
        if self._dead > SPARE and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2] is not call and entry[2].active()]
            heapify(self._heap)
            self._dead = 0


@implementer(IReactorTime)
class LifeClock:
    """What one life of a process sees of a clock: when the life ends, nothing that it had planned happens any more.

    :ivar number: 1 for the first life of a process.
    :ivar alive: it has not ended.
    """

    __slots__ = ("_clock", "_failed", "alive", "number")

    def __init__(self, clock: HeapClock, failed: Callable[[], None], number: int = 1) -> None:
        """:param failed: is told, inside the handler, that a call raised; a reactor goes on after that, too."""
        self.number = number
        self.alive = True
        self._clock = clock
        self._failed = failed

    def seconds(self) -> float:
        """See :class:`IReactorTime`."""
        return self._clock.rightNow

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> IDelayedCall:
        """See :class:`IReactorTime`."""
        return self._clock.callLater(delay, self._call, callable, args, kw)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        """See :class:`IReactorTime`; those of all lives."""
        return self._clock.getDelayedCalls()

    def _call(self, callable: Callable[..., object], args: Sequence[Any], kw: dict[str, Any]) -> None:
        if self.alive:
            try:
                callable(*args, **kw)
            except Exception:
                self._failed()
