"""What holds for the policy whatever happens."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.failover.phases import TRANSITIONS, Phase
from ote_twisted.failover.picture import svg, table
from ote_twisted.failover.ways import Action, Dial, Role, Way
from ote_twisted.wire.notices import Ancestry, Neighbour, Neighbourhood
from tests.architecture.source import TOP
from tests.failover.scripts import LEARNING, Script

NAMES = ("a", "b", "u1", "u2", "grand", "root", "s1", "s2", "own")
NEVER_LATER = 300 + 30 + 1
"""No wait is longer: the longest time that a parent may ask for, and our own delay, seconds."""


class World(Script):
    """Does whatever a list of numbers says, and looks whether every decision was allowed.

    :ivar alive: attempts and links that have not ended.
    :ivar linked: those that became links.
    :ivar slots: address to the time before which it asked not to be dialled.
    """

    def __init__(self, case: SynchronousTestCase, seed: int) -> None:
        self.case = case
        self.alive: list[Way] = []
        self.linked: set[Way] = set()
        self.slots: dict[str, float] = {}
        super().__init__("a", "b", chance=Random(seed).random, settings=LEARNING)

    def decided(self, action: Action) -> None:
        """See Script."""
        super().decided(action)
        if isinstance(action, Dial):
            self.dials(action.way)
        self.case.assertLessEqual([way.role for way in self.alive].count(Role.CARRYING), 1)
        self.case.assertLessEqual([way.role for way in self.alive].count(Role.STANDBY), 1)

    def dials(self, way: Way) -> None:
        """An attempt is made."""
        host, name = way.address.host, way.candidate.name or way.address.host
        self.case.assertNotEqual(host, "own")
        self.case.assertFalse(way.candidate.name and name in self.below, f"{name} is below us")
        self.case.assertNotIn(way.address, [each.address for each in self.alive], "one address twice at a time")
        self.case.assertGreaterEqual(self.now, self.slots.pop(host, 0.0), "the slot is not obeyed")
        self.alive.append(way)

    def happen(self, event: int, name: str, number: int) -> None:
        """One event, if it is possible now."""
        attempt = self.policy.attempt
        if event == 0 and attempt is not None:
            self.open(attempt, number == 7)
        elif event == 1 and attempt is not None:
            self.refuse(attempt, number)
        elif event == 2 and self.alive:
            self.end(self.alive[number % len(self.alive)])
        elif event == 3:
            self.now += number * number
        elif event == 4:
            self.below.symmetric_difference_update({name})
        elif event == 5 and self.alive:
            path = (name,) if number % 3 else (name, NAMES[number % len(NAMES)], "root")
            told = Ancestry(path, number % 4 > 0, tuple(f"{each}:8287" for each in path))
            self.policy.path_told(self.alive[number % len(self.alive)], told, self.now)
        elif event == 6 and self.policy.carrying is not None:
            others = tuple(Neighbour(each, f"{each}:8287") for each in NAMES[number % 5 : number % 5 + 3])
            self.policy.neighbours_told(self.policy.carrying, Neighbourhood(others, others[1:]))
        elif event == 7:
            self.now = min(self.until, self.now + 1000)
        self.run()

    def open(self, attempt: Way, mute: bool = False) -> None:
        """The attempt becomes a link."""
        self.linked.add(attempt)
        self.policy.opened(attempt, mute, self.now)

    def refuse(self, way: Way, number: int) -> None:
        """The attempt fails, in one way or another."""
        self.alive.remove(way)
        status, asked = ((0, 0), (403, 5), (503, 20), (503, 10_000))[number % 4]
        if asked:
            self.slots[way.candidate.address.host] = self.now + min(asked, 300)
        self.policy.failed(way, self.now, status, asked)

    def end(self, way: Way) -> None:
        """An attempt that was given up, or a link, is over."""
        if way is self.policy.attempt:
            return
        self.alive.remove(way)
        if way in self.linked:
            self.policy.lost(way, self.now)
        else:
            self.policy.failed(way, self.now)

    def only(self, host: str) -> None:
        """From now on ``host`` accepts, and has a way to the root; nobody else answers; what had ended is gone."""
        self.below.clear()
        for way in list(self.alive):
            if way.role is Role.ENDING or way.address.host != host:
                self.end(way) if way is not self.policy.attempt else self.refuse(way, 0)
        self.run()

    def live(self, host: str) -> None:
        """One thing that then happens."""
        attempt = self.policy.attempt
        if attempt is None:
            self.wait()
        elif attempt.address.host == host:
            self.open(attempt)
            self.policy.path_told(attempt, Ancestry((host, "root"), True), self.now)
        else:
            self.now += 3
            self.refuse(attempt, 0)
        self.only(host)


EVENTS = st.lists(st.tuples(st.integers(0, 7), st.sampled_from(NAMES), st.integers(0, 11)), max_size=80)


class PolicyProperties(SynchronousTestCase):
    """Random events, in any order."""

    @given(EVENTS, st.integers(0, 1000))
    @settings(max_examples=300, deadline=None)
    def test_whatever_happens(self, events: list[tuple[int, str, int]], seed: int) -> None:
        """Nobody is dialled who must not be, no address twice at a time, none before the slot that it gave; one link
        carries at most; every step is one of the picture; and there is always something to wait for, not too long."""
        world = World(self, seed)
        for event in events:
            world.happen(*event)
            self.assertEqual(world.policy.steps - set(TRANSITIONS), set())
            if world.phase in (Phase.WAITING, Phase.AWAY, Phase.TRIAL):
                ending = any(way.role is Role.ENDING for way in world.alive)
                self.assertTrue(world.until <= world.now + NEVER_LATER or ending)

    @given(EVENTS, st.integers(0, 1000), st.sampled_from(["a", "b"]))
    @settings(max_examples=200, deadline=None)
    def test_attached_in_the_end(self, events: list[tuple[int, str, int]], seed: int, host: str) -> None:
        """Once a configured parent accepts, and goes on to do so, it carries in bounded time, whatever was before; and stays."""
        world = World(self, seed)
        for event in events:
            world.happen(*event)
        start = world.now
        world.only(host)
        while world.carrying != host or world.phase is Phase.TRIAL:
            world.live(host)
            self.assertLess(world.now - start, 20 * NEVER_LATER)
        carrying = world.policy.carrying
        for _ in range(20):
            world.live(host) if world.until < world.now + 1000 or world.policy.attempt else None
        self.assertIs(world.policy.carrying, carrying)

    @given(st.integers(0, 60), st.floats(0.01, 0.999999), st.floats(0, 1e6))
    def test_delays_stay_within_bounds(self, failures: int, chance: float, now: float) -> None:
        """After any number of failures the delay is random between nothing and the cap, at the cap as well (F42)."""
        script = Script("a", chance=chance, now=now)
        for _ in range(failures):
            script.fails()
            script.wait()
        script.fails()
        ceiling = min(30.0, 2.0**failures)
        self.assertAlmostEqual(script.until - script.now, ceiling * chance, delta=1e-3)


class PictureTests(SynchronousTestCase):
    """The picture and the table of docs/healing.md."""

    def test_they_are_current(self) -> None:
        """Both show the steps as they are now; ``make generated`` draws the picture."""
        docs = TOP / "docs"
        self.assertEqual((docs / "images" / "parent-phases.svg").read_text(encoding="utf-8"), svg())
        self.assertIn(f"<!-- steps -->\n{table()}\n<!-- end -->", (docs / "healing.md").read_text(encoding="utf-8"))

    def test_every_step_happens(self) -> None:
        """There is no step in the table that no script takes."""
        seen: set[tuple[Phase, Phase]] = set()
        for seed in range(400):
            world, random = World(self, seed), Random(seed)
            for _ in range(120):
                world.happen(random.randrange(8), random.choice(NAMES), random.randrange(12))
            world.policy.stop(world.now)
            seen |= world.policy.steps
        self.assertEqual(seen, set(TRANSITIONS))
