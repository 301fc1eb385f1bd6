"""Websocket connections of the shim link: Autobahn's protocols with our own time limits on a given clock."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ote_twisted.values import frozen
from ote_twisted.websocket import WebSocketClientProtocol, WebSocketServerProtocol

_HEAD_LIMIT = 1 << 16


@frozen
class LinkLimits:
    """Bounds on one connection.

    :ivar opening: seconds from the TCP connection to the end of the handshake.
    :ivar ping: seconds between looks at the connection; an idle one is pinged.
    :ivar silence: seconds without a byte after which the peer is dead.
    :ivar message: longest message that is taken, bytes.
    :ivar unsent: bytes that may wait for a slow reader.
    """

    opening: float = 15.0
    ping: float = 5.0
    silence: float = 15.0
    message: int = 64 << 20
    unsent: int = 64 << 20


AUTOBAHN = {
    "openHandshakeTimeout": 0,
    "closeHandshakeTimeout": 0,
    "autoPingInterval": 0,
    "utf8validateIncoming": False,
    "failByDrop": False,
    "tcpNoDelay": True,
}
"""Options for both factories. Autobahn's timers would run on the global reactor, so all are off."""


class LinkOwner(Protocol):
    """Whoever a connection belongs to."""

    def link_opened(self, link: Link) -> None:
        """The handshake is through."""

    def link_message(self, link: Link, message: bytes) -> None:
        """One message arrived."""

    def link_lost(self, link: Link, reason: str) -> None:
        """The connection is gone. Also told of one whose handshake failed."""


# Autobahn's classes contradict each other's types, so they are not looked into.
_MIXED_IN: Any = object
_CLIENT: Any = WebSocketClientProtocol
_SERVER: Any = WebSocketServerProtocol


class Link(_MIXED_IN):
    """To be mixed into one of Autobahn's protocols. Time limits, liveness and bounds, for either side.

    :ivar busy: the peer may be too busy to answer pings, so that its silence means nothing.
    :ivar reads: how many times bytes arrived; a peer that is alive makes it grow after a ping.
    :ivar held: nothing is read from the peer, which has too much open.
    """

    _log = Logger()
    busy = False

    def setup(self, owner: LinkOwner, clock: IReactorTime, limits: LinkLimits) -> None:
        """Called once by the factory, before the connection is made."""
        self._owner = owner
        self._clock = clock
        self._limits = limits
        self._timer: IDelayedCall | None = None
        self._heard = clock.seconds()
        self.reads = 0
        self._congested = False
        self.held = False
        self._unsent = 0
        self._gone = False
        self._closing_ticks = 0

    def connectionMade(self) -> None:
        """The TCP connection stands; the handshake has its time from here."""
        self._timer = self._clock.callLater(self._limits.opening, self._too_slow)
        super().connectionMade()
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """Bytes arrived. A fault in the handshake's text costs the connection only."""
        self._heard = self._clock.seconds()
        self.reads += 1
        if self.state != self.STATE_CONNECTING:
            super().dataReceived(data)
            return
        try:
            super().dataReceived(data)
        except Exception as error:
            self._log.warn("{peer}: unusable handshake: {error}", peer=self.peer, error=error)
            self.abort("unusable handshake")
        if self.state == self.STATE_CONNECTING and len(self.data) > _HEAD_LIMIT:
            self.abort("the handshake is too long")

    def onOpen(self) -> None:
        """The handshake is through."""
        self._stop_timer()
        self._timer = self._clock.callLater(self._limits.ping, self._tick)
        self._owner.link_opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """One message; text or binary makes no difference on this wire."""
        self._owner.link_message(self, payload)

    def connectionLost(self, reason: object) -> None:
        """The TCP connection is gone."""
        self._stop_timer()
        super().connectionLost(reason)
        if not self._gone:
            self._gone = True
            self._owner.link_lost(self, str(self.wasNotCleanReason or self.remoteCloseReason or "closed"))

    def send(self, message: bytes) -> None:
        """Send one binary message. A peer that does not read is dropped when too much waits for it."""
        if self._congested:
            self._unsent += len(message)
            if self._unsent > self._limits.unsent:
                self.abort(f"a slow reader: more than {self._limits.unsent} bytes wait for it")
                return
        self.sendMessage(message, True)

    def close(self, reason: str) -> None:
        """Send a close frame; the connection ends soon, with or without the peer's help."""
        if self.state == self.STATE_CONNECTING:
            self.abort(reason)
        else:
            self.sendClose(1000, reason[:120])

    def abort(self, reason: str) -> None:
        """End the connection at once."""
        self.wasNotCleanReason = reason
        self.dropConnection(abort=True)

    def hold(self, held: bool) -> None:
        """Stop or resume reading from the peer. Idempotent."""
        if held != self.held:
            self.held = held
            self._heard = self._clock.seconds()
            (self.transport.pauseProducing if held else self.transport.resumeProducing)()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._congested = True

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        self._congested = False
        self._unsent = 0

    def stopProducing(self) -> None:
        """The transport is gone."""

    def _tick(self) -> None:
        self._timer = self._clock.callLater(self._limits.ping, self._tick)
        if self.state != self.STATE_OPEN:
            self._tick_closing()
            return
        idle = self._clock.seconds() - self._heard
        if idle >= self._limits.silence and not (self.held or self.busy):
            self.abort(f"nothing was heard for {idle:.0f} s")
        elif idle >= self._limits.ping / 2:
            self.sendPing()

    def _tick_closing(self) -> None:
        self._closing_ticks += 1
        if self._closing_ticks > 1:
            self.abort("the peer did not close its side")

    def _too_slow(self) -> None:
        self._timer = None
        self.abort(f"no handshake within {self._limits.opening:g} s")

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


class ClientLink(Link, _CLIENT):
    """The side that dials."""


class ServerLink(Link, _SERVER):
    """The side that listens.

    :ivar cluster: the name in the connection's path; empty before the handshake.
    """

    cluster = ""


def status_of(reason: str) -> int:
    """The HTTP status that Autobahn names when a server refuses the upgrade, or 0."""
    marker = "upgrade failed ["
    begin = reason.find(marker)
    digits = reason[begin + len(marker) : begin + len(marker) + 3] if begin >= 0 else ""
    return int(digits) if digits.isdigit() else 0
