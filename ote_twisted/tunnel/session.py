"""The life of one connection as a machine: which phase it is in, and what its clock asks for. Pure.

Four phases and one way through them, so this is a slotted class with a table of its time limits instead of an Automat
machine: there are thousands of these, ``heard`` is written for every read of every link, and an Automat machine costs
about a kilobyte and some microseconds where this costs 100 bytes and an attribute.

See docs/tunnels.md for the picture.
"""

from __future__ import annotations

from enum import Enum
from math import inf, nextafter
from typing import Final

from ote_twisted.tunnel.settings import Limits
from ote_twisted.values import frozen


class Phase(Enum):
    """Where a connection is in its life."""

    OPENING = "opening"
    OPEN = "open"
    DRAINING = "draining"
    CLOSED = "closed"


OPEN: Final = Phase.OPEN
"""Asked for with each message; a member costs ten times as much by way of its class."""


@frozen
class Sleep:
    """Nothing to do; look again at ``until``."""

    until: float


@frozen
class Ping:
    """Send a ping (and whatever waits to be acknowledged); look again at ``until``."""

    until: float


@frozen
class Drop:
    """End the connection at once; ``reason`` is a sentence for people."""

    reason: str


@frozen
class Nothing:
    """The connection is over; never look again."""


Verdict = Sleep | Ping | Drop | Nothing


class Session:
    """One connection, from the first byte to the last.

    :ivar last_heard: when anything arrived from the peer; written by whoever reads, see :meth:`heard`.
    :ivar held: we do not read from the peer, so its silence means nothing.
    :ivar due: when its owner wants to look again.
    :param patience: seconds that this side waits longer with a ping, so that an idle link is pinged by one side only.
    """

    __slots__ = ("_delivered", "_patience", "_since", "_told", "due", "held", "last_heard", "limits", "phase")

    def __init__(self, limits: Limits, now: float, patience: float = 0.0) -> None:
        self.limits = limits
        self.phase = Phase.OPENING
        self.last_heard = now
        self.held = False
        self.due = 0.0
        self._since = now
        self._patience = patience
        self._delivered = 0
        self._told = -inf

    def heard(self, now: float) -> None:
        """Bytes arrived."""
        self.last_heard = now

    def delivered(self, total: int, waiting: bool, now: float) -> None:
        """So many of our bytes have reached the peer's machine; more of them ``waiting``, our ping behind them perhaps.

        On a narrow way a ping comes after everything that was sent before it. As long as that gets on, which takes two
        looks within one silence to see, the peer lives.
        """
        alive = waiting and total > self._delivered and self._told > self.last_heard
        if alive:
            self.last_heard = nextafter(now, -inf)
        self._delivered, self._told = total, now

    def hold(self) -> None:
        """Reading is paused."""
        self.held = True

    def release(self, now: float) -> None:
        """Reading goes on; silence counts from here."""
        self.held = False
        self.last_heard = now

    def opened(self, now: float) -> None:
        """The handshake is complete. Ignored unless the connection is opening."""
        if self.phase is Phase.OPENING:
            self._enter(Phase.OPEN, now)
            self.last_heard = now

    def closing(self, now: float) -> None:
        """A close frame was sent or received, or a refusal was written. Ignored when that is over already."""
        if self.phase in (Phase.OPENING, Phase.OPEN):
            self._enter(Phase.DRAINING, now)

    def closed(self) -> None:
        """The connection is gone."""
        self.phase = Phase.CLOSED

    def challenge(self, now: float) -> None:
        """From here on a sign of life is told apart from one at this very instant before."""
        self.last_heard = min(self.last_heard, nextafter(now, -inf))

    def answered(self, challenged: float) -> bool:
        """The peer was heard since the challenge of that time, or is not listened to."""
        return self.held or self.last_heard >= challenged

    def silent_for(self, now: float) -> float:
        """Seconds since the peer was heard; 0 while we do not listen."""
        return 0.0 if self.held else now - self.last_heard

    def look(self, now: float) -> Verdict:
        """What the passing of time asks for. Call at the ``until`` of the last verdict, or earlier.

        ``until`` is always later than ``now``: a difference of two clock readings may be rounded across a limit, so
        times are compared and not differences.
        """
        if self.phase is Phase.OPEN:
            return self._look_at_peer(now)
        if self.phase is Phase.OPENING:
            return self._look_at_limit(now, self.limits.handshake, "the websocket handshake took longer than")
        if self.phase is Phase.DRAINING:
            return self._look_at_limit(now, self.limits.close, "the peer did not close the connection within")
        return Nothing()

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase = phase
        self._since = now

    def _look_at_limit(self, now: float, limit: float, complaint: str) -> Verdict:
        if now >= self._since + limit:
            return Drop(f"{complaint} {limit:g} s")
        return Sleep(self._since + limit)

    def _look_at_peer(self, now: float) -> Verdict:
        interval = self.limits.ping_interval
        if self.held:
            return Ping(now + interval)  # the peer gets no answer to its own pings, and must not take us for dead
        dead = self.last_heard + interval * self.limits.missed_pings
        idle = self.last_heard + interval + self._patience
        if now >= dead:
            return Drop(f"nothing was heard from the peer for {interval * self.limits.missed_pings:g} s")
        if now >= idle:
            return Ping(min(now + interval, dead))
        return Sleep(idle)
