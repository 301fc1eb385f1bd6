"""Decisions about parents, told as scripts of events."""

from __future__ import annotations

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.failover.phases import Phase
from tests.failover.scripts import LEARNING, Script


class PreferenceTests(SynchronousTestCase):
    """Who is dialled while there is no parent."""

    def test_first_parent_at_once(self) -> None:
        """The first configured parent is dialled without delay."""
        script = Script("a", "b", now=100)
        self.assertEqual((script.take(), script.phase), (["dial a"], Phase.DIALLING))

    def test_nobody(self) -> None:
        """Without parents there is nobody to dial, ever."""
        script = Script()
        self.assertEqual((script.take(), script.until), ([], inf))

    def test_failure_falls_to_the_next(self) -> None:
        """After a failure the next parent in order is dialled at once."""
        script = Script("a", "b", "c")
        script.fails()
        script.fails()
        self.assertEqual(script.take(), ["dial a", "dial b", "dial c"])

    def test_all_failed_waits_for_the_soonest(self) -> None:
        """When all have failed the one whose delay ends first is dialled then."""
        script = Script("a", "b")
        script.fails()
        script.now = 0.25
        script.fails()
        self.assertEqual((script.phase, script.until), (Phase.WAITING, 1.0))
        script.wait()
        self.assertEqual(script.take(), ["dial a", "dial b", "dial a"])

    def test_everybody_has_a_turn(self) -> None:
        """Attempts that last longer than the delays after them keep nobody from its turn, however many are preferred to it."""
        script = Script("a", "b", "c", chance=0.0)
        for _ in range(6):
            script.fails()
        self.assertEqual(script.take(), [f"dial {name}" for name in "abcabca"])

    def test_duplicates_count_once(self) -> None:
        """A parent configured twice is one candidate with one penalty."""
        script = Script("a", "a", "b")
        script.fails()
        self.assertEqual(script.take(), ["dial a", "dial b"])

    def test_order_of_the_learnt(self) -> None:
        """After the configured come the parent's siblings, the ancestors from the nearest on, and our own siblings."""
        script = Script("a", "b", settings=LEARNING)
        script.opens(tells=("a", "grand", "root"))
        script.shows(siblings=["s"], parent_siblings=["u"])
        script.wait(20)
        script.take()
        script.loses()
        for _ in range(6):
            script.fails()
        self.assertEqual(script.take(), [f"dial {name}" for name in ("a", "b", "u", "grand", "root", "s")])

    def test_learnt_parents_can_be_forbidden(self) -> None:
        """Where learning is switched off only configured parents are dialled."""
        script = Script("a")
        script.opens(tells=("a", "grand", "root"))
        script.shows(siblings=["s"], parent_siblings=["u"])
        script.wait(20)
        script.loses()
        script.fails()
        self.assertEqual(script.take(), ["dial a", "carry a", "dial a"])

    def test_never_ourselves_nor_our_subtree(self) -> None:
        """Neither our own tunnel nor a cluster that is below us by now is dialled, wherever it is told of (F41)."""
        script = Script("a", settings=LEARNING)
        script.opens(tells=("a", "root"))
        script.shows(siblings=["own", "s"], parent_siblings=["u"])
        script.below |= {"s", "root"}
        script.wait(20)
        script.take()
        script.loses()
        for _ in range(2):
            script.fails()
        self.assertEqual((script.take(), script.phase), (["dial a", "dial u"], Phase.WAITING))

    def test_whoever_leaves_our_subtree_may_be_dialled(self) -> None:
        """It is looked again, at least every 30 s, whether those that must not be dialled may be."""
        script = Script("a")
        script.opens(tells=("a", "root"))
        script.wait(20)
        script.below.add("a")
        script.take()
        script.loses()
        self.assertEqual((script.take(), script.until), ([], script.now + 30))
        script.below.clear()
        script.wait()
        self.assertEqual(script.take(), ["dial a"])


class LossTests(SynchronousTestCase):
    """The link that carried is gone."""

    def test_the_same_parent_once_more_at_once(self) -> None:
        """A link that breaks moves nobody: the same parent is dialled once more at once, the others only after that."""
        script = Script("a", "b")
        script.opens()
        script.wait(20)
        script.take()
        script.loses()
        self.assertEqual(script.take(), ["dial a"])
        script.fails()
        self.assertEqual(script.take(), ["dial b"])

    def test_also_if_it_is_not_the_preferred_one(self) -> None:
        """That holds below any parent; a probe that was under way is given up for it."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait(20)
        script.take()
        script.loses()
        self.assertEqual(script.take(), ["leave a", "dial b"])

    def test_a_short_link_is_given_one_more_chance(self) -> None:
        """The first link to a parent that ends soon is followed by one more, after a short delay, before others are tried."""
        script = Script("a", "b", chance=0.5)
        script.opens()
        script.wait(3)
        script.take()
        script.loses()
        self.assertEqual((script.take(), script.wait(), script.take()), ([], 0.5, ["dial a"]))

    def test_a_parent_that_hangs_up_is_left(self) -> None:
        """A parent that accepts and hangs up at once, twice, is given growing delays, and others are tried."""
        script = Script("a", "b")
        script.opens()
        script.loses()
        script.wait()
        script.opens()
        script.take()
        script.loses()
        self.assertEqual(script.take(), ["dial b"])

    def test_short_links_do_not_make_clean(self) -> None:
        """Delays after short links grow like those after failures; one link that lasted makes the record clean (F43)."""
        script, delays = Script("a"), []
        for _ in range(4):
            script.opens()
            script.now += 1
            script.loses()
            delays.append(script.wait())
        script.opens()
        script.wait(10)
        script.loses()
        self.assertEqual((delays, script.take()[-1], script.until), ([1, 2, 4, 8], "dial a", inf))

    def test_a_parent_above_which_we_are_is_left(self) -> None:
        """A parent whose way to the root leads through us is left, and is not dialled again at once (R2)."""
        script = Script("a")
        way = script.opens(tells=("a", "own", "root"))
        self.assertEqual(script.take(), ["dial a", "carry a", "leave a"])
        script.wait(0)
        script.loses(way)
        self.assertEqual((script.take(), script.until), ([], 1.0))

    def test_a_parent_too_far_from_the_root_is_left(self) -> None:
        """So is one below which we would be deeper than a tree may be; a link that stands by there is closed."""
        deep = tuple(f"n{number}" for number in range(64))
        script = Script("a")
        script.opens(tells=deep)
        self.assertEqual(script.take()[-1], "leave a")
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait()
        script.opens(tells=deep)
        self.assertEqual((script.take()[-1], script.carrying), ("leave a", "b"))


class PatienceTests(SynchronousTestCase):
    """How long an attempt may take."""

    def seconds(self, script: Script) -> float | None:
        """Limit of the attempt under way."""
        assert script.policy.attempt is not None
        return script.policy.attempt.seconds

    def test_limited_while_there_are_others(self) -> None:
        """An attempt is limited while others could be tried, and the last one is not."""
        script = Script("a", "b")
        self.assertEqual(self.seconds(script), 3)
        script.now = 3
        script.fails()
        self.assertEqual((script.take()[-1], self.seconds(script)), ("dial b", 3))

    def test_alone(self) -> None:
        """The only parent has the time that its phases have."""
        self.assertIsNone(self.seconds(Script("a")))

    def test_slow_parents_are_reached(self) -> None:
        """A parent for whom the time was too short gets twice as much each time, and then all the time it needs."""
        script, limits = Script("a", "b", chance=0), []
        for _ in range(16):
            limits.append((script.take()[-1], self.seconds(script)))
            script.now += self.seconds(script) or 60
            script.fails()
        self.assertEqual([seconds for host, seconds in limits if host == "dial a"], [3, 6, 12, None, None, None, None, None])


class SlotTests(SynchronousTestCase):
    """Parents that ask for time."""

    def test_a_slot_is_obeyed(self) -> None:
        """A parent that answers 503 with a time is dialled then and not before, and hardly later, however often it does so."""
        script, times = Script("a"), []
        for _ in range(5):
            script.fails(503, retry_after=20)
            times.append(script.wait())
        self.assertEqual(times, [21.0] * 5)

    def test_a_slot_is_bounded(self) -> None:
        """No parent can send us away for years."""
        script = Script("a", chance=0)
        script.fails(503, retry_after=1e9)
        self.assertEqual(script.until, 300)

    def test_other_refusals_with_a_time(self) -> None:
        """Any other refusal that names a time is a failure as well: delays on top of that time grow."""
        script, times = Script("a"), []
        for _ in range(3):
            script.fails(403, retry_after=5)
            times.append(script.wait())
        self.assertEqual(times, [6, 7, 9])

    def test_a_near_slot_is_waited_for(self) -> None:
        """A slot of the preferred parent that is near is waited for; one that is far is not, and others are tried."""
        script = Script("a", "b", chance=0)
        script.fails(503, retry_after=2)
        self.assertEqual((script.take(), script.until), (["dial a"], 2))
        script.wait()
        script.fails(503, retry_after=20)
        self.assertEqual(script.take(), ["dial a", "dial b"])

    def test_slots_keep_nobody_from_its_turn(self) -> None:
        """A parent that gives one near slot after the other is waited for a few times, then others have their turn."""
        script = Script("a", "b", chance=0.0)
        for _ in range(3):
            script.fails(status=503, retry_after=1)
            script.wait()
        self.assertEqual(script.take(), ["dial a", "dial a", "dial a", "dial b"])


class ReturnTests(SynchronousTestCase):
    """Back to the preferred parent, made before the other is left."""

    def test_probed_by_a_standby_link(self) -> None:
        """The preferred parent is dialled while another carries, and watched before anything changes."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        self.assertEqual((script.take(), script.phase), (["dial a", "dial b", "carry b"], Phase.AWAY))
        script.wait()
        self.assertEqual((script.take(), script.phase), (["stand by a"], Phase.PROBING))
        script.opens()
        self.assertEqual((script.carrying, script.phase), ("b", Phase.TRIAL))

    def test_returns_once_it_has_settled(self) -> None:
        """A preferred parent that has had a way to the root for the time configured carries; that was it."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait()
        script.opens()
        self.assertEqual(script.wait(), 10)
        self.assertEqual((script.take()[-1], script.phase, script.until), ("carry a", Phase.HOME, inf))

    def test_the_time_counts_from_its_way_to_the_root(self) -> None:
        """A preferred parent without a way to the root is waited for; each time it loses its way the time begins again."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait()
        standby = script.opens(rooted=False)
        script.wait(5)
        script.tells(standby, "a", "root")
        script.wait(9)
        script.tells(standby, "a", rooted=False)
        script.wait(1)
        script.tells(standby, "a", "root")
        self.assertEqual((script.wait(), script.take()[-1]), (10, "carry a"))

    def test_without_a_way_it_is_left_again(self) -> None:
        """A standby link to a parent that finds no way to the root is closed after a while, and made again later."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait()
        standby = script.opens(rooted=False)
        script.take()
        self.assertEqual((script.wait(), script.take()), (10, ["leave a"]))
        script.loses(standby)
        self.assertEqual((script.wait(), script.take()), (2, ["stand by a"]))

    def test_a_dead_home_is_probed_ever_more_rarely(self) -> None:
        """Probes have the delays of their address, up to the cap, and go on for ever."""
        script, times = Script("a", "b"), []
        script.fails()
        script.opens()
        for _ in range(8):
            times.append(script.wait())
            script.fails()
        self.assertEqual(times, [1, 2, 4, 8, 16, 30, 30, 30])

    def test_no_flapping(self) -> None:
        """A preferred parent that dies soon after a return is waited for twice as long each time, up to five minutes."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        settled = []
        for _ in range(7):
            while script.phase is not Phase.PROBING:
                script.wait()
            script.opens()
            settled.append(script.wait())
            self.assertEqual(script.carrying, "a")
            script.old_links_end()
            script.wait(20)
            script.loses()
            script.fails()
            script.opens()
        self.assertEqual(settled, [10, 20, 40, 80, 160, 300, 300])

    def test_a_return_that_lasts_is_forgiven(self) -> None:
        """A parent that ends long after a return is gone back to after the usual time."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        settled = []
        for life in (20, 400, 20):
            while script.phase is not Phase.PROBING:
                script.wait()
            script.opens()
            settled.append(script.wait())
            script.old_links_end()
            script.wait(life)
            script.loses()
            script.fails()
            script.opens()
        self.assertEqual(settled, [10, 20, 10])

    def test_the_standby_link_is_lost(self) -> None:
        """A preferred parent that dies while it is watched changes nothing but its record."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait()
        standby = script.opens()
        script.take()
        script.loses(standby)
        self.assertEqual((script.take(), script.carrying, script.phase), ([], "b", Phase.AWAY))

    def test_the_other_is_lost_meanwhile(self) -> None:
        """When the link that carries is lost while a good one stands by, that one carries at once."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait()
        script.opens()
        script.take()
        script.loses()
        self.assertEqual((script.take(), script.phase), (["carry a"], Phase.HOME))

    def test_both_are_no_good(self) -> None:
        """When it is lost while the one that stands by has no way, that one is closed, and the search begins anew."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait(20)
        script.opens(rooted=False)
        script.take()
        script.loses()
        self.assertEqual((script.take(), script.phase), (["leave a", "dial b"], Phase.DIALLING))

    def test_a_probe_under_way_is_given_up(self) -> None:
        """When the link that carries is lost during a probe, the probe is given up for the search; its end is no failure."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait(20)
        probe = script.policy.attempt
        assert probe is not None
        script.take()
        script.loses()
        self.assertEqual(script.take(), ["leave a", "dial b"])
        before = script.policy.penalties.of(probe.address).failures
        script.policy.failed(probe, script.now)
        self.assertEqual(script.policy.penalties.of(probe.address).failures, before)

    def test_the_old_address_is_not_dialled_while_its_link_lingers(self) -> None:
        """As long as a link to an address ends, that address is not dialled: there are never two at a time."""
        script = Script("a", "b")
        script.fails()
        old = script.opens()
        script.wait()
        script.opens()
        script.wait()
        self.assertEqual(script.carrying, "a")
        script.wait(20)
        script.take()
        script.loses()
        script.fails()
        self.assertEqual((script.take(), script.phase), (["dial a"], Phase.WAITING))
        script.loses(old)
        self.assertEqual(script.take(), ["dial b"])

    def test_an_original_is_taken_at_once(self) -> None:
        """An original has no standby links, so it carries as soon as it accepts; it is not tried before it had the time."""
        script = Script("a", "b")
        script.opens(mute=True)
        script.wait(60)
        script.loses()
        script.fails()
        script.opens()
        script.take()
        self.assertEqual((script.wait(), script.take()), (10, ["stand by a"]))
        script.opens(mute=True)
        self.assertEqual((script.take(), script.phase), (["carry a"], Phase.HOME))


class UnrootedTests(SynchronousTestCase):
    """A parent that has lost its own way to the root."""

    def below_a(self, chance: float = 0.0) -> Script:
        """Below ``a``, which has told of its sibling ``u``."""
        script = Script("a", chance=chance, settings=LEARNING)
        script.opens(tells=("a", "root"))
        script.below.add("root")
        script.shows(parent_siblings=["u"])
        script.wait(20)
        script.take()
        return script

    def test_it_is_put_up_with_for_a_while(self) -> None:
        """A parent that loses its way for moments only is not left, nor is anybody dialled."""
        script = self.below_a()
        assert script.policy.carrying is not None
        script.tells(script.policy.carrying, "a", rooted=False)
        script.wait(2.9)
        script.tells(script.policy.carrying, "a", "root")
        self.assertEqual((script.take(), script.until, script.phase), ([], inf, Phase.HOME))

    def test_a_better_one_is_taken_at_once(self) -> None:
        """After that a parent with a way is looked for, and carries as soon as it says that it has one."""
        script = self.below_a()
        assert script.policy.carrying is not None
        script.tells(script.policy.carrying, "a", rooted=False)
        self.assertEqual((script.wait(), script.take()), (3, ["stand by u"]))
        script.opens(tells=("u", "root"))
        self.assertEqual(script.take(), ["carry u"])

    def test_children_do_not_leave_together(self) -> None:
        """How long it is put up with differs from child to child, up to the time to settle."""
        script = self.below_a(chance=0.75)
        assert script.policy.carrying is not None
        script.tells(script.policy.carrying, "a", rooted=False)
        self.assertEqual(script.wait(), 3 + 0.75 * 10)

    def test_no_better_one(self) -> None:
        """Where nobody has a way the parent is kept: a region that is cut off stays together."""
        script = self.below_a(chance=0.5)
        carrying = script.policy.carrying
        assert carrying is not None
        script.tells(carrying, "a", rooted=False)
        for _ in range(30):
            script.wait()
            if script.policy.attempt is not None:
                script.fails(503, retry_after=5)
        self.assertIs(script.policy.carrying, carrying)
        self.assertGreater(script.now, 60)
        script.tells(carrying, "a", "root")
        self.assertEqual(script.phase, Phase.HOME)

    def test_home_when_it_has_a_way_again(self) -> None:
        """Whoever left a preferred parent without a way goes back to it when it has one."""
        script = self.below_a()
        assert script.policy.carrying is not None
        old = script.policy.carrying
        script.tells(old, "a", rooted=False)
        script.wait()
        script.opens(tells=("u", "root"))
        script.loses(old)
        self.assertEqual(script.take()[-1], "stand by a")
        script.opens(tells=("a", "root"))
        self.assertEqual((script.wait(), script.take()), (10, ["carry a"]))

    def test_a_probe_is_no_longer_needed(self) -> None:
        """A probe, or a link that stands by, is given up when the parent has a way again."""
        for opened in (False, True):
            script = self.below_a()
            assert script.policy.carrying is not None
            script.tells(script.policy.carrying, "a", rooted=False)
            script.wait()
            if opened:
                script.opens(rooted=False)
            script.tells(script.policy.carrying, "a", "root")
            self.assertEqual((script.take()[-1], script.phase), ("leave u", Phase.HOME))


class RedirectTests(SynchronousTestCase):
    """F28: redirects are bounded."""

    def redirects(self, script: Script, host: str) -> str:
        """The attempt is answered by a redirect; gives why it is not followed."""
        assert script.policy.attempt is not None
        why = script.policy.redirected(script.policy.attempt, f"//{host}:8287/access/own", script.now)
        script.run()
        return why

    def test_followed_at_once(self) -> None:
        """The target of a redirect is dialled at once; when it fails, the configured address has failed."""
        script = Script("a")
        self.assertEqual((self.redirects(script, "c"), script.take()), ("", ["dial a", "dial c"]))
        script.fails()
        self.assertEqual((script.until, script.wait(), script.take()), (1, 1, ["dial a"]))

    def test_a_circle_ends(self) -> None:
        """After five redirects the sixth is not followed."""
        script = Script("a")
        answers = [self.redirects(script, "c" if hop % 2 else "b") for hop in range(6)]
        self.assertEqual(answers, [""] * 5 + ["more than 5 redirects, the last to ws://c:8287"])

    def test_after_a_loss_the_configured_address_is_asked(self) -> None:
        """After a redirected link is lost the configured address is asked again."""
        script = Script("a")
        self.redirects(script, "c")
        script.opens()
        script.wait(20)
        script.take()
        script.loses()
        self.assertEqual(script.take(), ["dial a"])

    def test_to_where_we_are(self) -> None:
        """A preferred parent that sends us to the parent that we have is that parent: we are at home."""
        script = Script("a", "b")
        script.fails()
        script.opens()
        script.wait()
        self.assertEqual((self.redirects(script, "b"), script.phase, script.until), ("", Phase.HOME, inf))

    def test_to_nowhere(self) -> None:
        """A redirect without a host is a failure, and one of an attempt that was given up is none."""
        script = Script("a")
        attempt = script.policy.attempt
        assert attempt is not None
        self.assertIn("there is no host in it", script.policy.redirected(attempt, "/", script.now))
        script.fails()
        self.assertEqual(script.policy.redirected(attempt, "//c:8287", script.now), "it was given up")
