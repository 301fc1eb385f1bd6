"""Virtual time."""

from __future__ import annotations

from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.testing.simulation.clock import SPARE, HeapClock, LifeClock


def script(clock: Clock, seed: int) -> list[tuple[float, int]]:
    """Do the same chosen things with any clock; gives who was called when."""
    chance, calls, told = Random(seed), [], []
    for number in range(60):
        delay = chance.choice((0.0, 0.5, 1.0, 2.0, 3.5))
        calls.append(clock.callLater(delay, lambda number=number: told.append((clock.seconds(), number))))
        call = chance.choice(calls)
        if call.active():
            what = chance.randrange(4)
            if what == 0:
                call.cancel()
            elif what == 1:
                call.reset(chance.choice((0.0, 0.25, 4.0)))
            elif what == 2:
                call.delay(0.75)
        clock.advance(0)
        if chance.random() < 0.3:
            clock.advance(0.25)
    for _ in range(40):
        clock.advance(0.25)
    return told


class HeapClockTests(SynchronousTestCase):
    """The clock on a heap."""

    def test_like_the_clock_of_twisted(self) -> None:
        """Whatever is planned, moved and cancelled, it makes the calls that Twisted's own clock makes, at the same times."""
        for seed in range(40):
            told = script(HeapClock(), seed)
            self.assertEqual(sorted(told), sorted(script(Clock(), seed)), seed)
            self.assertEqual([when for when, _ in told], sorted(when for when, _ in told))

    def test_each_call_at_its_time(self) -> None:
        """A large step makes every call at the time that it was planned for."""
        clock, told = HeapClock(), []
        for delay in (3.0, 1.0, 2.0):
            clock.callLater(delay, lambda: told.append(clock.seconds()))
        clock.advance(10)
        self.assertEqual((told, clock.seconds(), clock.steps), ([1.0, 2.0, 3.0], 10.0, 3))

    def test_cancelled_calls_are_forgotten(self) -> None:
        """Very many cancelled calls take no room, and those that count are still made."""
        clock, told = HeapClock(), list[int]()
        clock.callLater(5, told.append, 1)
        for _ in range(20 * SPARE):
            clock.callLater(10, told.append, 2).cancel()
        self.assertLess(len(clock._heap), 3 * SPARE)
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        clock.advance(20)
        self.assertEqual(told, [1])

    def test_a_life_ends(self) -> None:
        """What a life had planned does not happen after its end; other lives go on."""
        clock, told = HeapClock(), list[int]()
        lives = [LifeClock(clock, lambda: None, number) for number in (1, 2)]
        for life in lives:
            life.callLater(1, told.append, life.number)
        lives[0].alive = False
        clock.advance(2)
        self.assertEqual((told, lives[1].seconds()), ([2], 2.0))

    def test_a_fault_ends_nothing(self) -> None:
        """A call that raises is told, and the calls after it are made."""
        clock, told = HeapClock(), []
        life = LifeClock(clock, lambda: told.append("failed"))
        life.callLater(1, lambda: 1 / 0)
        life.callLater(1, told.append, "next")
        clock.advance(1)
        self.assertEqual(told, ["failed", "next"])
