"""Simulated links: the contract of links, and what happens to them."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import DialFailed
from ote_twisted.testing.contracts.link import LinkHarness, make_link_tests
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.testing.simulation.clock import HeapClock
from ote_twisted.testing.simulation.dialling import SimulatedDialler
from ote_twisted.testing.simulation.door import Door
from ote_twisted.testing.simulation.links import SimulatedLink
from ote_twisted.testing.simulation.network import Cut, SimulatedNetwork
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.tunnel.settings import EdgeSettings
from ote_twisted.wire.join import JoinIdentity, Redirect, Refuse

HIGH_WATER = 200_000
HARD_BOUND = 1_000_000
SETTINGS = EdgeSettings(high_water=HIGH_WATER, low_water=HIGH_WATER // 4, hard_bound=HARD_BOUND)


@frozen
class World:
    """Two machines: ``up`` listens, ``low`` dials.

    :ivar near: sink of the child, ``far`` that of the parent.
    """

    network: SimulatedNetwork
    clock: HeapClock
    near: RecordingSink
    far: RecordingSink

    def dial(self, name: str = "low", seconds: float | None = None, **identity: Any) -> Deferred[Any]:
        """An attempt of a child; gives what comes of it."""
        dialler = SimulatedDialler(self.network, self.network.machine("low"), name, "low:8287")
        return dialler.dial(ParentAddress("up", 8287), JoinIdentity(**identity), self.near, seconds)

    def listen(self) -> None:
        """The parent takes children."""
        machine = self.network.machine("up")
        machine.door = Door(self.network, machine, self.far)
        self.network.lost = lambda link, reason: machine.door.left(link)

    @property
    def child_end(self) -> SimulatedLink:
        """The child's end of the link."""
        link: Any = self.near.events[0][1]
        return link

    @property
    def parent_end(self) -> SimulatedLink:
        """The parent's end."""
        return self.child_end.far


def world(listens: bool = True) -> World:
    """Two machines without a link."""
    clock = HeapClock()
    made = World(SimulatedNetwork(clock, 1, settings=SETTINGS), clock, RecordingSink(), RecordingSink())
    made.network.machine("up")
    if listens:
        made.listen()
    return made


def linked() -> World:
    """Two machines with a link."""
    made = world()
    made.dial()
    made.clock.advance(1)
    return made


def harness(link: SimulatedLink, sink: RecordingSink, far: RecordingSink, clock: HeapClock) -> LinkHarness:
    """One end for the contract."""
    return LinkHarness(
        link,
        sink,
        far,
        lambda: clock.advance(1),
        clock.advance,
        link.far.pause_reading,
        link.far.resume_reading,
        HIGH_WATER,
        HARD_BOUND,
    )


def child_end(case: SynchronousTestCase) -> LinkHarness:
    """The child's end of a link."""
    made = linked()
    return harness(made.child_end, made.near, made.far, made.clock)


def parent_end(case: SynchronousTestCase) -> LinkHarness:
    """The parent's end of a link."""
    made = linked()
    return harness(made.parent_end, made.far, made.near, made.clock)


class ChildEndContractTests(make_link_tests(child_end)):  # type: ignore[misc]
    """Links to parents."""


class ParentEndContractTests(make_link_tests(parent_end)):  # type: ignore[misc]
    """Links to children."""


class DialTests(SynchronousTestCase):
    """Attempts."""

    def fault(self, attempt: Deferred[Any], world: World, seconds: float = 30.0) -> DialFailed:
        """Why an attempt failed."""
        world.clock.advance(seconds)
        fault = self.failureResultOf(attempt).value
        assert isinstance(fault, DialFailed), fault
        return fault

    def test_fires_before_the_sink_hears(self) -> None:
        """An attempt fires with the link right before the sink is told of it."""
        made, seen = world(), []
        made.dial(instance="i", epoch=3, standby=True).addCallback(lambda link: seen.append((link, list(made.near.events))))
        made.clock.advance(1)
        link = made.child_end
        self.assertEqual(seen, [(link, [])])
        self.assertEqual((link.standby, link.is_parent), (True, True))
        far = made.parent_end
        self.assertEqual((far.peer, far.instance, far.epoch, far.standby, far.listen), ("low", "i", 3, True, "low:8287"))

    def test_answers_are_told(self) -> None:
        """Refusals and redirects come back with all that they say."""
        made = world()
        made.far.decide = lambda request: Refuse(503, "too many", 7.0)
        fault = self.fault(made.dial(), made)
        self.assertEqual((fault.status, fault.reason, fault.retry_after), (503, "too many", 7.0))
        made.far.decide = lambda request: Redirect("other:1")
        fault = self.fault(made.dial(), made)
        self.assertEqual((fault.status, fault.redirect), (302, "other:1"))

    def test_nobody_listens(self) -> None:
        """A machine without a controller refuses at once."""
        made = world(listens=False)
        self.assertIn("refused", str(self.fault(made.dial(), made, 1.0)))

    def test_silence(self) -> None:
        """Where nothing comes back the attempt ends when its time is over."""
        made = world()
        made.network.cut(Cut(frozenset({"up"})))
        attempt = made.dial(seconds=3.0)
        made.clock.advance(2.9)
        self.assertNoResult(attempt)
        self.assertIn("no link within 3 s", str(self.fault(attempt, made, 0.2)))

    def test_given_up(self) -> None:
        """An attempt that is cancelled ends at both sides, and its sink never hears of it."""
        for seconds in (0.0, 0.05, 0.1, 0.15, 0.2):
            made = world()
            attempt = made.dial()
            made.clock.advance(seconds)
            attempt.cancel()
            attempt.addErrback(lambda failure: None)
            made.clock.advance(2)
            if not made.near.events:
                self.assertEqual(made.far.links, [])

    def test_a_newer_session_of_the_same_folder(self) -> None:
        """A later link of the same instance takes the name at once, in spite of an older one that answers."""
        made = world()
        made.dial(instance="i", epoch=1)
        made.clock.advance(1)
        made.dial(instance="i", epoch=2)
        made.clock.advance(0.5)
        self.assertEqual(made.far.names(), ["opened", "lost", "opened"])

    def test_another_with_the_same_name(self) -> None:
        """Somebody else with the name of a child that answers is refused."""
        made = world()
        made.dial(instance="i", epoch=1)
        made.clock.advance(1)
        self.assertEqual(self.fault(made.dial(instance="j", epoch=9), made).status, 403)


class LossTests(SynchronousTestCase):
    """What can happen to a link."""

    def test_a_cut_is_noticed_by_missing_pings(self) -> None:
        """Nobody is told of a cut; both ends notice after ten to fifteen seconds, because pings stay away."""
        made = linked()
        made.network.cut(Cut(frozenset({"low"})))
        made.clock.advance(9.9)
        self.assertEqual((made.near.names(), made.far.names()), (["opened"], ["opened"]))
        made.clock.advance(5.2)
        self.assertEqual((made.near.names(), made.far.names()), (["opened", "lost"], ["opened", "lost"]))
        self.assertIn("nothing was heard for 15 s", str(made.near.events[-1][2]))

    def test_a_short_cut_loses_nothing(self) -> None:
        """What was sent meanwhile arrives afterwards, in order."""
        made, cut = linked(), Cut(frozenset({"low"}))
        made.child_end.send(b"1")
        made.network.cut(cut)
        made.child_end.send(b"2")
        made.clock.advance(5)
        self.assertEqual(made.far.messages, [])
        made.network.heal(cut)
        made.child_end.send(b"3")
        made.clock.advance(2)
        self.assertEqual((made.far.messages, made.far.names().count("lost")), ([b"1", b"2", b"3"], 0))
        made.clock.advance(60)
        self.assertEqual(made.far.names().count("lost"), 0)

    def test_one_way(self) -> None:
        """When one direction is lost, who hears nothing ends the link, and the other hears of that at once."""
        made = linked()
        made.network.cut(Cut(frozenset({"low"}), inwards=False))
        made.parent_end.send(b"down")
        made.clock.advance(1)
        self.assertEqual(made.near.messages, [b"down"])
        made.clock.advance(14.1)
        self.assertEqual((made.near.names()[-1], made.far.names()[-1]), ("lost", "lost"))
        self.assertIn("reset", str(made.near.events[-1][2]))

    def test_a_killed_process_resets_its_links(self) -> None:
        """The other end of a killed process hears of it within a moment; the process itself is told nothing."""
        made = linked()
        made.network.reset(made.network.machine("low"))
        made.clock.advance(0.2)
        self.assertEqual((made.near.names(), made.far.names()), (["opened"], ["opened", "lost"]))

    def test_a_machine_without_power_is_silent(self) -> None:
        """Nobody is told by a machine that is gone; one that came back resets what others still believe in."""
        for back in (False, True):
            made = linked()
            ghost = made.parent_end
            made.network.reset(made.network.machine("low"), power=True)
            made.clock.advance(3)
            self.assertEqual(made.far.names(), ["opened"])
            if back:
                made.network.power_on(made.network.machine("low"), [ghost])
            made.clock.advance(5.1)
            self.assertEqual(made.far.names(), ["opened", "lost"] if back else ["opened"])

    def test_acknowledgements(self) -> None:
        """What arrived is acknowledged by the next ping, if that arrives."""
        made = linked()
        made.child_end.send(b"1")
        made.clock.advance(6)
        self.assertEqual(list(made.child_end.unacknowledged()), [])
        made.network.cut(Cut(frozenset({"low"}), outwards=False))
        made.child_end.send(b"2")
        made.clock.advance(6)
        self.assertEqual((made.far.messages, list(made.child_end.unacknowledged())), ([b"1", b"2"], [b"2"]))
        made.clock.advance(10)
        self.assertEqual((made.near.names()[-1], list(made.child_end.unacknowledged())), ("lost", [b"2"]))

    def test_slow_machines(self) -> None:
        """A slow machine takes its bytes by and by; the rest is queued at the sender, in order."""
        made, machine = linked(), linked().network.machine("up")
        machine = made.network.machine("up")
        machine.rate = 1000.0
        for number in range(10):
            made.child_end.send(bytes([number]) * 1000)
        made.clock.advance(4.9)
        self.assertTrue(3 <= len(made.far.messages) <= 5, len(made.far.messages))
        self.assertGreater(made.child_end.queued_bytes, 4000)
        made.network.hurry(machine)
        made.clock.advance(0.5)
        self.assertEqual([message[0] for message in made.far.messages], list(range(10)))

    def test_order_within_a_link(self) -> None:
        """However late packets are by chance, a link keeps its order."""
        made = linked()
        made.network.machine("up").jitter = 2.0
        for number in range(50):
            made.child_end.send(bytes([number]))
            made.clock.advance(0.05)
        made.clock.advance(5)
        self.assertEqual([message[0] for message in made.far.messages], list(range(50)))
