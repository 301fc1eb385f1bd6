"""The choice of the next parent to dial."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.tunnel.dialling import Dial, DialPlan, Wait
from ote_twisted.tunnel.settings import EdgeSettings

A, B, C = (ParentAddress(host, 8287) for host in "abc")
SETTINGS = EdgeSettings(delay_base=1, delay_cap=30, settled=10, max_redirects=5, max_retry_after=300)


def plan(*parents: ParentAddress, chance: float = 1.0) -> DialPlan:
    """A plan whose every random delay is ``chance`` of its ceiling."""
    return DialPlan(parents, SETTINGS, lambda: chance)


class PreferenceTests(SynchronousTestCase):
    """Who is dialled."""

    def test_first_parent_at_once(self) -> None:
        """The first configured parent is dialled without delay."""
        self.assertEqual(plan(A, B).next(100), Dial(A, 100))

    def test_nobody(self) -> None:
        """Without parents there is nobody to dial."""
        self.assertEqual(plan().next(0), Wait())

    def test_failure_falls_to_the_next(self) -> None:
        """After a failure the next parent in order is dialled at once."""
        dialling = plan(A, B, C)
        dialling.next(0)
        dialling.failed(0)
        self.assertEqual(dialling.next(0), Dial(B, 0))
        dialling.failed(0)
        self.assertEqual(dialling.next(0), Dial(C, 0))

    def test_all_failed_waits_for_the_soonest(self) -> None:
        """When all have failed the one whose delay ends first is dialled then."""
        dialling = plan(A, B)
        for now in (0.0, 0.25):
            dialling.next(now)
            dialling.failed(now)
        self.assertEqual(dialling.next(0.5), Dial(A, 1.0))

    def test_preferred_again_when_its_delay_is_over(self) -> None:
        """A parent whose delay is over is preferred again."""
        dialling = plan(A, B)
        dialling.next(0)
        dialling.failed(0)
        self.assertEqual(dialling.next(5), Dial(A, 5))

    def test_duplicates_count_once(self) -> None:
        """A parent configured twice is one candidate with one penalty."""
        dialling = plan(A, A, B)
        dialling.next(0)
        dialling.failed(0)
        self.assertEqual(dialling.next(0), Dial(B, 0))


class DelayTests(SynchronousTestCase):
    """F42, F43: jittered exponential delays, per address."""

    def delays(self, dialling: DialPlan, count: int) -> list[float]:
        """Delays of so many failures in a row."""
        found, now = [], 0.0
        for _ in range(count):
            dial = dialling.next(now)
            assert isinstance(dial, Dial)
            found.append(dial.not_before - now)
            now = dial.not_before
            dialling.failed(now)
        return found

    def test_ceiling_doubles_up_to_the_cap(self) -> None:
        """The ceiling doubles with each failure and ends at the cap."""
        self.assertEqual(self.delays(plan(A), 8), [0, 1, 2, 4, 8, 16, 30, 30])

    def test_jitter_is_full(self) -> None:
        """The delay is anywhere between nothing and the ceiling."""
        self.assertEqual(self.delays(plan(A, chance=0.25), 4), [0, 0.25, 0.5, 1])

    def test_short_link_does_not_reset(self) -> None:
        """A parent that accepts and hangs up at once is given growing delays."""
        dialling, now, delays = plan(A), 0.0, []
        for _ in range(4):
            dial = dialling.next(now)
            assert isinstance(dial, Dial)
            delays.append(dial.not_before - now)
            now = dial.not_before
            dialling.opened(now)
            now += 1
            dialling.lost(now)
        self.assertEqual(delays, [0, 1, 2, 4])

    def test_settled_link_resets(self) -> None:
        """A link that was up for a while makes the record clean."""
        dialling = plan(A)
        self.delays(dialling, 6)
        dialling.next(1000)
        dialling.opened(1000)
        dialling.lost(1010)
        self.assertEqual(dialling.next(1010), Dial(A, 1011))

    def test_retry_after_is_obeyed(self) -> None:
        """A parent that asks for time gets it, and jitter on top."""
        dialling = plan(A, chance=0.5)
        dialling.next(0)
        dialling.failed(0, retry_after=20)
        self.assertEqual(dialling.next(0), Dial(A, 20.5))

    def test_retry_after_is_bounded(self) -> None:
        """No parent can send us away for years."""
        dialling = plan(A, chance=0)
        dialling.next(0)
        dialling.failed(0, retry_after=1e9)
        self.assertEqual(dialling.next(0), Dial(A, 300))

    @given(st.lists(st.sampled_from(["fail", "drop", "live"]), max_size=60), st.floats(0, 0.999))
    def test_delays_stay_within_bounds(self, events: list[str], chance: float) -> None:
        """Whatever happens, there is always a next attempt and it is never later than the cap."""
        dialling, now = DialPlan([A, B], SETTINGS, lambda: chance), 0.0
        for event in events:
            dial = dialling.next(now)
            assert isinstance(dial, Dial)
            self.assertTrue(now <= dial.not_before <= now + SETTINGS.delay_cap)
            now = dial.not_before
            if event == "fail":
                dialling.failed(now)
            else:
                dialling.opened(now)
                now += 100 if event == "live" else 0
                dialling.lost(now)


class RedirectTests(SynchronousTestCase):
    """F28: redirects are bounded."""

    def test_redirect_is_dialled_at_once(self) -> None:
        """The target of a redirect is dialled next, without delay."""
        dialling = plan(A, B)
        dialling.next(0)
        self.assertTrue(dialling.redirected(C))
        self.assertEqual(dialling.next(0), Dial(C, 0))

    def test_failed_target_is_the_origins_failure(self) -> None:
        """When the target fails, the configured address has failed, and is what is tried later."""
        dialling = plan(A)
        dialling.next(0)
        dialling.redirected(C)
        dialling.next(0)
        dialling.failed(0)
        self.assertEqual(dialling.next(0), Dial(A, 1))

    def test_loop_ends(self) -> None:
        """After five redirects the sixth is not followed."""
        dialling = plan(A)
        dialling.next(0)
        self.assertEqual([dialling.redirected(B if hop % 2 else C) for hop in range(6)], [True] * 5 + [False])

    def test_lost_link_returns_to_the_configured_address(self) -> None:
        """After a redirected link is lost the configured address is asked again."""
        dialling = plan(A)
        dialling.next(0)
        dialling.redirected(C)
        dialling.next(0)
        dialling.opened(0)
        dialling.lost(100)
        self.assertEqual(dialling.next(200), Dial(A, 200))

    def test_redirect_of_nothing(self) -> None:
        """Without an attempt there is nothing to redirect, and nothing that failed."""
        dialling = plan(A)
        self.assertFalse(dialling.redirected(B))
        dialling.failed(0)
        dialling.opened(0)
        self.assertEqual(dialling.next(0), Dial(A, 0))
