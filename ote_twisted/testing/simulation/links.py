"""One end of a link between two controllers: an ILink over simulated packets, without a websocket.

What is sent in one instant travels as one batch and arrives after the link's latency, in order, whatever happens to other
links. An idle link costs nothing: pings are not sent but known, so whoever hears nothing more because the way was cut
finds out when the missing pings would tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from ote_twisted.interfaces import ILink, ILinkSink
from ote_twisted.wire.join import Resume

if TYPE_CHECKING:
    from ote_twisted.testing.simulation.network import Machine, SimulatedNetwork

GRAIN = 0.1
"""Seconds of a slow link's time that arrive together."""


@implementer(ILink)
class SimulatedLink:
    """See :class:`ILink`. The other end is :attr:`far`; both are opened by the network.

    :ivar machine: where this end is.
    :ivar sink: is told what happens to it; ``None`` until it is opened.
    :ivar cut: packets of ours do not arrive.
    :ivar ended: it is gone; nothing more is told of it.
    :ivar heard: when packets of the peer arrived last, clock reading.
    :ivar opening: opens it when something arrives before it is open.
    :ivar broken: since when something is wrong with the other side or the way to it; ``None`` while nothing is.
    """

    __slots__ = (
        "_acknowledgements", "_batch", "_busy", "_closing", "_deaf", "_delivered", "_flight", "_flying", "_kept", "_moving",
        "_reading", "_sent", "_stamp", "broken", "congested", "cut", "ended", "epoch", "far", "heard", "instance",
        "is_parent", "latency", "listen", "machine", "network", "opened", "opening", "peer", "peer_address", "resume", "sink",
        "standby", "user_defined_name", "v2",
    )  # fmt: skip

    far: SimulatedLink

    def __init__(self, network: SimulatedNetwork, machine: Machine, peer: str, peer_address: str, latency: float) -> None:
        self.network = network
        self.machine = machine
        self.peer = peer
        self.peer_address = peer_address
        self.latency = latency
        self.listen = self.user_defined_name = self.instance = ""
        self.epoch = 0
        self.is_parent = self.standby = self.congested = self.cut = self.ended = False
        self.v2 = True
        self.resume: Resume | None = None
        self.opened = self.heard = network.clock.rightNow
        self.sink: ILinkSink | None = None
        self.opening: Callable[[], None] | None = None
        self.broken: float | None = None
        self._flight: list[tuple[float, list[bytes], str]] = []
        self._flying = 0
        self._moving: IDelayedCall | None = None
        self._stamp = self._busy = 0.0
        self._batch: list[bytes] = []
        self._reading = True
        self._closing = ""
        self._deaf: IDelayedCall | None = None
        self._kept: list[bytes] | None = None
        self._acknowledgements: list[tuple[float, int]] = []
        self._sent = self._delivered = 0

    def __repr__(self) -> str:
        return f"<SimulatedLink of {self.machine.name} to {'parent' if self.is_parent else 'child'} {self.peer or '?'}>"

    # ---- ILink

    @property
    def queued_bytes(self) -> int:
        """See ILink: everything that has not arrived."""
        return self._flying

    def send(self, message: bytes) -> None:
        """See ILink."""
        network, size = self.network, len(message)
        if self.ended or self._closing or size > network.settings.max_message:
            network.counts.dropped += 1
            return
        now = network.clock.rightNow
        if self._kept is not None:
            self._settle(now)
            self._kept.append(message)
            self._sent += 1
        self._flying += size
        rate = self.far.machine.rate
        if rate:
            self._busy = max(self._busy, now) + size / rate
            self._fly(now + self.latency + round(self._busy - now, 1) + GRAIN, message)
        elif now == self._stamp:
            self._batch.append(message)
        else:
            self._fly(now + network.delay(self), message)
        if self._flying > network.settings.high_water:
            self._congest()

    def unacknowledged(self) -> Sequence[bytes]:
        """See ILink."""
        if self._kept is None:
            return ()
        self._settle(self.network.clock.rightNow)
        return list(self._kept)

    def pause_reading(self) -> None:
        """See ILink."""
        self._reading = False

    def resume_reading(self) -> None:
        """See ILink."""
        if not self._reading:
            self._reading = True
            self.far.move(0.0)

    def close(self, code: int, reason: str) -> None:
        """See ILink. What is queued arrives before the peer hears of it."""
        if self.ended or self._closing:
            return
        self._closing = f"closed by ourselves with {code} {reason}"
        self.finish(f"closed with {code} {reason}")
        self.network.later(self, self.network.settings.limits.close, self.lose, self._closing)

    # ---- for the network

    def open(self, sink: ILinkSink) -> None:
        """It is established at this end."""
        self.sink, self.opening = sink, None
        self.machine.links[self] = None
        if self.is_parent and self.v2:
            self._kept = []
        self.network.tell(self.machine, sink.link_opened, self)

    def finish(self, reason: str) -> None:
        """Nothing more comes from this end; the peer hears that after all that was sent."""
        self._stamp = -1.0
        now = self.network.clock.rightNow
        self._flight.append((max(now + self.network.delay(self), self._flight[-1][0] if self._flight else 0.0), [], reason))
        self.move()

    def vanish(self) -> None:
        """This end is gone with its process or its machine, which is told nothing."""
        self.ended = True
        self.machine.links.pop(self, None)
        self._hear()
        self.network.changed(self)

    def drop_flight(self) -> None:
        """What is on its way is lost."""
        self._flight.clear()
        self._flying = 0
        self._stamp = -1.0

    def lose(self, reason: str) -> None:
        """This end is gone, and whoever has it is told, once."""
        if self.ended:
            return
        reason = self._closing or reason
        self.vanish()
        self.network.lost(self, reason)
        if not self._closing:
            self.finish("the connection was reset")
        if self.sink is not None:
            self.network.tell(self.machine, self.sink.link_lost, self, reason)

    def set_cut(self, cut: bool) -> None:
        """Whether packets of ours arrive changed."""
        if cut == self.cut:
            return
        self.cut, far = cut, self.far
        self.network.changed(self)
        if cut:
            far.mark_broken()
            self.mark_broken()
            far.forget_acknowledgements()
            far.deafen()
        else:
            far._hear()
            if not self.far.cut:
                self.broken = far.broken = None
            far._acknowledge(self.network.settings.limits.ping_interval)
            self.move(self.network.chance.uniform(0.05, 1.0))

    def mark_broken(self) -> None:
        """Something is wrong from now on, unless it has been already."""
        if self.broken is None:
            self.broken = self.network.clock.rightNow

    def deafen(self) -> None:
        """Nothing arrives here any more: after the time of the missing pings the peer counts as dead."""
        if self._deaf is not None or self.ended:
            return
        limits, now = self.network.settings.limits, self.network.clock.rightNow
        heard = max(self.heard, now - self.network.chance.uniform(0, limits.ping_interval))
        silent = limits.ping_interval * limits.missed_pings
        self._deaf = self.network.later(self, heard + silent - now, self.lose, f"nothing was heard for {silent:g} s")

    @property
    def answers(self) -> bool:
        """A ping of ours would be answered now."""
        return not (self.ended or self.cut or self.far.cut or self.far.ended)

    def silent_for(self, now: float) -> float:
        """Seconds since the peer was heard."""
        return 0.0 if self.answers else now - self.heard

    def hurry(self) -> None:
        """The way is fast again: what is on its way arrives soon."""
        soon = self.network.clock.rightNow + self.latency
        self._flight = [(min(due, soon), batch, end) for due, batch, end in self._flight]
        self._busy = 0.0
        self.move()

    def move(self, delay: float | None = None) -> None:
        """See that what is on its way arrives; not before its time, nor before ``delay``."""
        if self._moving is not None:
            self._moving.cancel()
            self._moving = None
        if self._flight:
            now = self.network.clock.rightNow
            wait = max(self._flight[0][0] - now, 0.0 if delay is None else delay)
            self._moving = self.network.clock.callLater(wait, self._arrive)

    # ---- inside

    def _fly(self, due: float, message: bytes) -> None:
        flight = self._flight
        if flight and due <= flight[-1][0]:
            due = flight[-1][0]
            if self._stamp < 0 and not flight[-1][2] and self.far.machine.rate:
                flight[-1][1].append(message)
                return
        self._batch = [message]
        self._stamp = -1.0 if self.far.machine.rate else self.network.clock.rightNow
        flight.append((due, self._batch, ""))
        if self._moving is None and not self.cut:
            self.move()

    def _arrive(self) -> None:
        self._moving = None
        far, now = self.far, self.network.clock.rightNow
        while self._flight and not self.cut and far._reading and self._flight[0][0] <= now:
            _, batch, end = self._flight.pop(0)
            far.heard = now
            if batch:
                self._delivered_batch(batch)
            if end and not far.ended:
                far.mark_broken()
                far.lose(end)
        if self._flight and not self.cut and far._reading and self._moving is None:
            self.move()

    def _delivered_batch(self, batch: list[bytes]) -> None:
        far, size = self.far, sum(map(len, batch))
        self._flying -= size
        if batch is self._batch:
            self._stamp = -1.0
        if far.ended:
            if not self.ended:
                self.network.later(self, self.latency, self.lose, "the connection was reset")
            return
        if far.opening is not None:
            far.opening()
        self._delivered += len(batch)
        self._acknowledge(self.network.settings.limits.ping_interval)
        self.network.arrived(self, batch, size)
        if far.sink is not None:
            self.network.tell(far.machine, far.sink.messages_received, far, batch)
        if self.congested and self.queued_bytes <= self.network.settings.low_water and not self.ended:
            self.congested = False
            if self.sink is not None:
                self.network.tell(self.machine, self.sink.link_drained, self)

    def _acknowledge(self, within: float) -> None:
        """The peer's acknowledgement of what arrived comes with its next ping, if the way back is open."""
        if self._kept is not None and not self.far.cut:
            when = self.network.clock.rightNow + self.network.chance.uniform(self.latency, within)
            self._acknowledgements.append((when, self._delivered))
            if len(self._acknowledgements) > 64:
                self._settle(self.network.clock.rightNow)

    def forget_acknowledgements(self) -> None:
        """Those on their way are lost; a later one says the same."""
        if self._kept is not None:
            self._settle(self.network.clock.rightNow)
            self._acknowledgements.clear()

    def _settle(self, now: float) -> None:
        """Forget what is acknowledged by now."""
        delivered = -1
        while self._acknowledgements and self._acknowledgements[0][0] <= now:
            delivered = max(delivered, self._acknowledgements.pop(0)[1])
        if delivered >= 0 and self._kept is not None:
            del self._kept[: max(0, len(self._kept) - (self._sent - delivered))]

    def _hear(self) -> None:
        self.heard = self.network.clock.rightNow
        if self._deaf is not None:
            if self._deaf.active():
                self._deaf.cancel()
            self._deaf = None

    def _congest(self) -> None:
        self.congested = True
        self.network.counts.most_queued = max(self.network.counts.most_queued, self.queued_bytes)
        bound = self.network.settings.hard_bound
        if self.queued_bytes > bound:
            self.network.counts.slow_readers += 1
            self._closing = f"slow reader: {self.queued_bytes} bytes were queued"
            self.drop_flight()
            self.finish("the connection was reset")
            self.network.later(self, 0.0, self.lose, self._closing)
