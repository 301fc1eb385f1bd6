"""The life of one connection."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tunnel.session import Drop, Nothing, Phase, Ping, Session, Sleep
from ote_twisted.tunnel.settings import Limits

LIMITS = Limits(handshake=10, ping_interval=5, missed_pings=3, close=2)


def opened_at(now: float, patience: float = 0.0) -> Session:
    """A session that opened at ``now``."""
    session = Session(LIMITS, now, patience)
    session.opened(now)
    return session


class OpeningTests(SynchronousTestCase):
    """Before the handshake is complete."""

    def test_handshake_has_a_limit(self) -> None:
        """A connection that does not complete its handshake in time is dropped."""
        session = Session(LIMITS, 100)
        self.assertEqual(session.look(100), Sleep(110))
        self.assertEqual(session.look(109.9), Sleep(110))
        self.assertEqual(session.look(110), Drop("the websocket handshake took longer than 10 s"))

    def test_bytes_do_not_extend_the_handshake(self) -> None:
        """A peer that trickles its handshake is not given more time."""
        session = Session(LIMITS, 100)
        session.heard(109)
        self.assertIsInstance(session.look(110), Drop)

    def test_refusal_drains(self) -> None:
        """A refused connection has the limit for closing, not the one for the handshake."""
        session = Session(LIMITS, 100)
        session.closing(101)
        self.assertEqual(session.look(101), Sleep(103))
        self.assertIsInstance(session.look(103), Drop)


class LivenessTests(SynchronousTestCase):
    """F21: a dead peer is found within a configured time."""

    def test_silence_is_pinged(self) -> None:
        """A peer that says nothing for an interval is pinged, and again an interval later."""
        session = opened_at(0)
        self.assertEqual(session.look(0), Sleep(5))
        self.assertEqual(session.look(5), Ping(10))
        self.assertEqual(session.look(10), Ping(15))

    def test_lasting_silence_is_death(self) -> None:
        """After three intervals of silence the peer is dead."""
        session = opened_at(0)
        self.assertEqual(session.look(15), Drop("nothing was heard from the peer for 15 s"))

    def test_anything_heard_counts(self) -> None:
        """Any byte from the peer starts the silence again."""
        session = opened_at(0)
        session.heard(14)
        self.assertEqual(session.look(15), Sleep(19))
        self.assertEqual(session.silent_for(15), 1)

    def test_next_look_is_never_after_death(self) -> None:
        """A ping sent late does not postpone the verdict."""
        self.assertEqual(opened_at(0).look(12), Ping(15))

    def test_patient_side_pings_later(self) -> None:
        """The patient side leaves the first ping to the other one, but calls it dead at the same time."""
        session = opened_at(0, patience=0.5)
        self.assertEqual(session.look(5), Sleep(5.5))
        self.assertEqual(session.look(5.5), Ping(10.5))
        self.assertIsInstance(session.look(15), Drop)

    def test_a_narrow_way_is_no_death(self) -> None:
        """While what was sent gets on towards the peer, with more behind it, the peer lives: its answer cannot be there yet."""
        session = opened_at(0)
        for now in (5, 10, 15, 20, 25):
            session.delivered(now * 1000, True, now)
            self.assertIsInstance(session.look(now), Ping if now == 5 else Sleep)
            self.assertAlmostEqual(session.silent_for(now), 5 if now == 5 else 0)

    def test_a_stuck_way_is_death(self) -> None:
        """Where nothing gets on the peer is dead as early as without; what got on before counts for nothing."""
        session = opened_at(0)
        for now in (5, 10):
            session.delivered(9000, True, now)
            self.assertIsInstance(session.look(now), Ping)
        session.delivered(9000, True, 15)
        self.assertIsInstance(session.look(15), Drop)

    def test_a_silent_process_is_death(self) -> None:
        """A peer whose system takes every ping, and that answers none, is dead."""
        session = opened_at(0)
        for now in (5, 10):
            session.delivered(now, False, now)
            self.assertIsInstance(session.look(now), Ping)
        session.delivered(15, False, 15)
        self.assertIsInstance(session.look(15), Drop)

    def test_challenge_needs_an_answer(self) -> None:
        """What was heard before a challenge, even at the same instant, does not answer it; what comes after does."""
        session = opened_at(7)
        session.challenge(7)
        self.assertFalse(session.answered(7))
        session.heard(7)
        self.assertTrue(session.answered(7))

    def test_paused_reading_suspends_the_verdict(self) -> None:
        """A peer that we do not read from is not dead, and hears that we are not; its silence counts from the end of it."""
        session = opened_at(0)
        session.hold()
        self.assertEqual(session.look(100), Ping(105))
        self.assertEqual(session.silent_for(100), 0)
        session.release(100)
        self.assertEqual(session.look(101), Sleep(105))


class EndTests(SynchronousTestCase):
    """After a close frame, and after everything."""

    def test_draining_has_a_limit(self) -> None:
        """A peer that does not close within the limit is dropped, whatever it sends."""
        session = opened_at(0)
        session.closing(1)
        session.heard(2.9)
        self.assertEqual(session.look(2), Sleep(3))
        self.assertEqual(session.look(3), Drop("the peer did not close the connection within 2 s"))

    def test_second_close_changes_nothing(self) -> None:
        """Closing again does not extend the limit."""
        session = opened_at(0)
        session.closing(1)
        session.closing(2)
        self.assertIsInstance(session.look(3), Drop)

    def test_closed_asks_for_nothing(self) -> None:
        """A connection that is gone is never looked at again, and cannot open."""
        session = opened_at(0)
        session.closed()
        session.opened(1)
        session.closing(1)
        self.assertEqual(session.look(50), Nothing())
        self.assertIs(session.phase, Phase.CLOSED)
