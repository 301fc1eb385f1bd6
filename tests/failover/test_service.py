"""What the service does with links, the controller, the disk and the clock."""

from __future__ import annotations

from typing import Any

import orjson

from ote_twisted.failover.keeping import GATHER, KEY, RETRY
from ote_twisted.failover.report import report
from ote_twisted.failover.status import Connected, Connecting, Stopped, Waiting
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.join import Accept
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import Neighbour, Neighbourhood, encode_neighbourhood
from tests.failover.building import FailoverTestCase, ancestry, neighbourhood


class CarryingTests(FailoverTestCase):
    """One link at a time is shown to the controller."""

    def test_the_first_link(self) -> None:
        """The link that an attempt becomes is shown at once, and everything that it brings is passed on."""
        failover = self.begin("a")
        link = self.attempt().opens(b"first")
        link.end("reset")
        self.assertEqual([event[0] for event in self.sink.events], ["opened", "messages", "lost"])
        self.assertEqual((self.sink.messages, failover.error), ([b"first"], "reset"))

    def test_identity(self) -> None:
        """An attempt tells whether the parent is a configured one, and whether the link is to stand by."""
        failover = self.begin("a")
        attempt = self.attempt()
        self.assertEqual((attempt.identity.home, attempt.identity.standby, attempt.seconds), (True, False, None))
        link = attempt.opens()
        self.learnt(link, ancestry("a", "root"))
        self.clock.advance(60)
        link.end("reset")
        self.attempt().fails()
        other = self.attempt()
        self.assertEqual((other.host, other.identity.home, other.identity.standby), ("root", False, False))
        self.assertEqual(failover.status, Connecting("ws://root:8287", 60.0, "ws://a:8287: no answer"))

    def away(self) -> MemoryLink:
        """Below ``b``; an attempt to stand by at ``a`` is under way."""
        self.begin("a", "b")
        self.attempt().fails()
        link = self.attempt().opens()
        self.learnt(link, ancestry("b", "root"))
        self.clock.advance(0.5)
        return link

    def test_a_link_that_stands_by_is_not_shown(self) -> None:
        """While a link stands by the controller hears nothing of it."""
        self.away()
        attempt = self.attempt()
        self.assertTrue(attempt.identity.standby)
        standby = attempt.opens(ancestry("a", "root"), b"\xff")
        standby.sink.link_drained(standby)
        standby.end("reset")
        self.assertEqual([event[0] for event in self.sink.events], ["opened"])
        self.assertEqual((self.failover.malformed, self.failover.probes), (1, 1))

    def test_what_it_tells_is_bounded(self) -> None:
        """A neighbourhood out of bounds is counted and not kept for the controller."""
        self.away()
        long = message(pb.Neighbourhood, encode_neighbourhood(Neighbourhood((Neighbour("x" * 200_000, "x:1"),))))
        self.attempt().opens(ancestry("a", "root"), long)
        self.assertEqual(self.failover.malformed, 1)
        self.clock.pump([1.0] * 20)
        self.assertEqual(self.sink.messages, [ancestry("a", "root")])

    def test_made_before_break(self) -> None:
        """When it begins to carry the controller is shown it, and then what it told of the tree, before the old one ends."""
        old = self.away()
        path, others = ancestry("a", "root"), neighbourhood("u")
        new = self.attempt().opens(ancestry("a", rooted=False), path, others)
        self.assertTrue(new.standby)
        self.clock.advance(10)
        self.assertEqual(self.sink.events[1:], [("opened", new), ("messages", new, [path, others])])
        self.assertEqual((new.standby, old.ended, self.failover.link), (False, "", new))
        self.assertEqual((self.failover.moves, self.failover.returns), (1, 1))

    def test_the_old_link_lingers(self) -> None:
        """The old link stays for a second at least, is still heard, and is then closed; the controller hears of its end."""
        old = self.away()
        self.attempt().opens(ancestry("a", "root"))
        self.clock.advance(10)
        old.receive(b"late")
        self.clock.advance(0.9)
        self.assertFalse(old.move())
        self.clock.advance(0.1)
        self.assertTrue(old.move())
        self.assertEqual(self.sink.events[-2:], [("messages", old, [b"late"]), ("lost", old, old.ended)])
        self.assertEqual(old.ended, "closed with 1001 another parent carries")
        self.assertIsInstance(self.failover.status, Connected)

    def test_until_everything_is_acknowledged(self) -> None:
        """What was sent on the old link is waited for, five seconds at most."""
        for stalls, expected in ((2.5, 3.0), (100.0, 5.0)):
            old = self.away()
            old.send(b"on its way")
            old.stalled = True
            self.attempt().opens(ancestry("a", "root"))
            self.clock.advance(10)
            lingered = 0.0
            while not old._closing:
                self.clock.advance(0.5)
                lingered += 0.5
                if lingered >= stalls:
                    old.stalled = False
                    old.move()
            self.assertEqual(lingered, expected)
            old.stalled = False
            old.move()
            self.end(self.failover)

    def test_an_old_link_that_ends_by_itself(self) -> None:
        """An old link that is lost while it lingers is not waited for."""
        old = self.away()
        self.attempt().opens(ancestry("a", "root"))
        self.clock.advance(10)
        old.end("reset")
        self.assertEqual(self.sink.events[-1], ("lost", old, "reset"))

    def test_nobody_joins_by_it(self) -> None:
        """Whoever asks this sink about a join is answered by the controller."""
        self.begin("a")
        self.attempt().fails()
        self.sink.decide = lambda request: Accept("x")
        request: Any = object()
        self.assertEqual((self.failover.admit(request), self.sink.requests), (Accept("x"), [request]))


class FailureTests(FailoverTestCase):
    """Attempts that fail."""

    def test_refusals_are_told_once(self) -> None:
        """A refusal is an event once, until a parent is found; having no room, or no answer, is none."""
        self.begin("a")
        for status in (403, 403, 503, 0, 403):
            self.attempt().fails(status, "taken")
            self.clock.advance(31)
        self.attempt().opens().end("reset")
        self.clock.advance(31)
        self.attempt().fails(403, "taken")
        self.assertEqual(self.told(), ["ParentRefused: ws://a:8287 refuses this cluster: 403 taken."])
        self.assertEqual(self.events.happenings()[0].count, 2)

    def test_a_dialler_that_is_at_fault(self) -> None:
        """A fault of the dialler is logged and is an attempt that failed."""
        self.begin("a")
        self.attempt().result.errback(ValueError("no such thing"))
        self.assertEqual(self.failover.status, Waiting(0.5, "ws://a:8287", "ws://a:8287: no such thing"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_redirected(self) -> None:
        """A redirect is followed at once, with no failure; one to nowhere is a failure that says so."""
        self.begin("a")
        self.attempt().fails(302, "leads", redirect="//c:8287/access/own")
        attempt = self.attempt()
        self.assertEqual((attempt.host, self.failover.error), ("c", ""))
        attempt.fails(302, "leads", redirect="")
        self.assertIn("there is no host in it", self.failover.error)

    def test_a_parent_below_us(self) -> None:
        """A parent whose way leads through us is left with the close code for that."""
        self.begin("a")
        link = self.attempt().opens()
        self.learnt(link, ancestry("a", "own", "root"))
        link.move()
        self.assertEqual(link.ended, "closed with 1008 own is above its own parent")


class EventTests(FailoverTestCase):
    """What people are told."""

    def test_moved_and_returned(self) -> None:
        """Moving to another parent and returning to the preferred one are events with both names."""
        self.begin("a")
        link = self.attempt().opens()
        self.learnt(link, ancestry("a", "root"), neighbourhood("u"))
        self.clock.advance(60)
        link.end("reset")
        self.attempt().fails()
        other = self.attempt().opens()
        self.learnt(other, ancestry("u", "root"))
        self.clock.advance(1)
        self.attempt().opens(ancestry("a", "root"))
        self.clock.advance(10)
        self.assertEqual(
            self.told(),
            [
                "MovedToParent: Moved to the parent u (ws://u:8287), because the link to a (ws://a:8287) was lost.",
                "ReturnedToParent: Returned to the parent a (ws://a:8287) from u (ws://u:8287), without a gap.",
            ],
        )

    def test_moved_from_a_parent_without_a_way(self) -> None:
        """So is leaving a parent that has no way to the root."""
        self.begin("a")
        link = self.attempt().opens()
        self.learnt(link, ancestry("a", "root"), neighbourhood("u"))
        self.learnt(link, ancestry("a", rooted=False))
        self.clock.advance(8)
        self.attempt().opens(ancestry("u", "root"))
        self.assertEqual(
            self.told(),
            ["MovedToParent: Moved to the parent u (ws://u:8287) from a (ws://a:8287), which had no way to the root."],
        )


class DiskTests(FailoverTestCase):
    """What is learnt outlives the process."""

    def learn(self) -> None:
        """Learn of ``u`` and ``root`` below ``a``."""
        self.begin("a")
        self.learnt(self.attempt().opens(), ancestry("a", "root"), neighbourhood("u"))

    def stored(self) -> Any:
        """What is on the disk."""
        return orjson.loads(self.successResultOf(self.kept.load()).get(KEY, b"null"))

    def test_written_soon_and_once(self) -> None:
        """What is learnt is written within a second, changes together; the same again is not written."""
        self.learn()
        self.assertIsNone(self.stored())
        self.clock.advance(GATHER)
        self.assertEqual(
            self.stored(),
            {"configured": {"ws://a:8287": "a"}, "learnt": [["root", "ws://root:8287", 2], ["u", "ws://u:8287", 1]]},
        )
        self.learnt(self.links()[0], ancestry("a", "root"), neighbourhood("u"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_restart_finds_a_way(self) -> None:
        """A service that starts while its parent is dead dials those that an earlier life had learnt of (F39)."""
        self.learn()
        self.clock.advance(GATHER)
        self.end(self.failover)
        self.begin("a")
        hosts = []
        for _ in range(3):
            hosts.append(self.dialler.attempts[0].host)
            self.attempt().fails()
        self.assertEqual(hosts, ["a", "u", "root"])

    def test_configured_parents_alone(self) -> None:
        """Where learning is switched off nothing is used of what an earlier life had learnt."""
        self.learn()
        self.clock.advance(GATHER)
        self.end(self.failover)
        self.begin("a", learn=False)
        self.assertEqual([each.address.host for each in self.failover.knowledge], ["a"])

    def test_a_store_that_refuses(self) -> None:
        """A write that the store refuses costs nothing but the write, and is made later."""
        self.kept.broken = True
        self.learn()
        self.clock.advance(GATHER)
        self.kept.broken = False
        self.clock.advance(RETRY)
        self.assertEqual(len(self.stored()["learnt"]), 2)

    def test_broken_values(self) -> None:
        """Whatever is on the disk, the service starts with what can be used of it."""
        for raw in (
            b"\xff",
            b"[]",
            b'{"configured": 7, "learnt": []}',
            b'{"configured": {"ws://a:8287": 3}, "learnt": [3, ["x"], ["y", "http://y", 1]]}',
            b'{"configured": {}, "learnt": [["z", "ws://z:1", 99], ["u", "ws://u:1", 1]]}',
        ):
            self.kept.keep(KEY, raw)
            self.begin("a")
            names = [each.name for each in self.failover.knowledge]
            self.assertIn(names, ([""], ["", "u"]))
            self.end(self.failover)


class StopTests(FailoverTestCase):
    """The end, in every state."""

    def test_while_dialling(self) -> None:
        """An attempt under way is given up."""
        self.begin("a")
        attempt = self.attempt()
        self.successResultOf(self.failover.stopService())
        self.assertTrue(attempt.given_up and self.dialler.stopped)
        self.assertEqual(self.failover.status, Stopped())

    def test_with_every_kind_of_link(self) -> None:
        """Every link, one that lingers and one that stands by included, gets a close frame; the stop waits for them."""
        self.begin("a", "b")
        self.attempt().fails()
        old = self.attempt().opens()
        self.learnt(old, ancestry("b", "root"))
        self.clock.advance(0.5)
        new = self.attempt().opens(ancestry("a", "root"))
        self.clock.advance(10)
        stopped = self.failover.stopService()
        self.assertNoResult(stopped)
        for link in (old, new):
            self.assertTrue(link.move())
            self.assertEqual(link.ended, "closed with 1001 the controller is stopping")
        self.successResultOf(stopped)
        self.assertEqual(self.dialler.attempts, [])

    def test_while_one_stands_by(self) -> None:
        """A link that stands by is closed as well, and the controller never hears of it."""
        self.begin("a", "b")
        self.attempt().fails()
        self.attempt().opens()
        self.clock.advance(0.5)
        standby = self.attempt().opens(ancestry("a", "root"))
        self.end(self.failover)
        self.assertEqual(standby.ended, "closed with 1001 the controller is stopping")
        self.assertEqual([event[0] for event in self.sink.events], ["opened", "lost"])

    def test_of_a_root(self) -> None:
        """Without parents there is nothing to stop."""
        self.begin()
        self.assertEqual((self.failover.status, report(self.failover, 0)), (Stopped(), {"state": "none"}))


class ReportTests(FailoverTestCase):
    """What otectl shows."""

    def test_attached(self) -> None:
        """Below the preferred parent: which that is, and who else could be."""
        self.begin("a")
        self.learnt(self.attempt().opens(), ancestry("a", "root"))
        self.clock.advance(7)
        self.assertEqual(
            report(self.failover, self.clock.seconds()),
            {
                "state": "connected",
                "address": "ws://a:8287",
                "seconds": 7.0,
                "name": "a",
                "known": "configured",
                "preferred": True,
                "candidates": [
                    {"address": "ws://a:8287", "name": "a", "known": "configured", "failures": 0, "waitSeconds": 0.0},
                    {"address": "ws://root:8287", "name": "root", "known": "ancestor", "failures": 0, "waitSeconds": 0.0},
                ],
            },
        )

    def test_away(self) -> None:
        """Away from it: why, when the next attempt is, and what stands by."""
        self.begin("a", "b")
        self.attempt().fails(403, "taken")
        self.attempt().opens()
        told = report(self.failover, 0.0)
        self.assertEqual(
            (told["preferred"], told["better"], told["nextAttemptSeconds"], told["lastError"]),
            (False, "ws://a:8287", 0.5, "ws://a:8287: 403 taken"),
        )
        self.clock.advance(0.5)
        self.attempt().opens(ancestry("a", "root"))
        self.clock.advance(2)
        standby = {"address": "ws://a:8287", "name": "a", "seconds": 2.0, "rooted": True}
        self.assertEqual(report(self.failover, 2.5)["standby"], standby)

    def test_without_a_parent(self) -> None:
        """Without one: who is dialled or will be, and why there is none."""
        self.begin("a")
        told = report(self.failover, 0.0)
        self.assertEqual((told["state"], told["address"], told["lastError"]), ("connecting", "ws://a:8287", ""))
        self.attempt().fails(403, "taken")
        told = report(self.failover, 0.25)
        self.assertEqual((told["state"], told["nextAttemptSeconds"], told["candidates"][0]["failures"]), ("waiting", 0.25, 1))
