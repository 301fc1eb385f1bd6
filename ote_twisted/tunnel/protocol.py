"""Autobahn's websocket protocols as thin adapters over :class:`~ote_twisted.tunnel.session.Session` and Link.

Autobahn does the handshake and every rare frame. Complete binary frames, which is nearly all of the traffic, are taken
and made here (``frames``). None of Autobahn's own timers runs: they would be on the global reactor.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.tunnel.circuit import LinkContext
from ote_twisted.tunnel.delivered import delivered
from ote_twisted.tunnel.frames import BINARY_FINAL, NO_FRAME, Partial, take_binary
from ote_twisted.tunnel.idle import LASTING, IdleState
from ote_twisted.tunnel.link import Link
from ote_twisted.tunnel.masking import choose_xor
from ote_twisted.tunnel.session import Drop, Nothing, Phase, Ping, Session
from ote_twisted.websocket import WebSocketProtocol, encode_truncate

HEAD_LIMIT = 16 * 1024
"""Longest HTTP head of a handshake, bytes."""

_OPEN = WebSocketProtocol.STATE_OPEN
_CLOSED = WebSocketProtocol.STATE_CLOSED
_TOO_BIG = WebSocketProtocol.CLOSE_STATUS_CODE_MESSAGE_TOO_BIG
_XOR = choose_xor()[1]
_EMPTY_PONGS = (b"\x8a\x00", b"\x8a\x80")


class TunnelProtocol(IdleState):
    """What both sides of a tunnel have in common; mixed into Autobahn's classes."""

    logger = Logger()

    transport: Any
    factory: Any
    session: Session
    link: Link | None = None
    peer: Any = None
    _masked_input: ClassVar[bool]
    _partial: Partial | None = None
    _inbox: list[bytes] | None = None

    def __init__(self) -> None:
        """Nothing to build: Autobahn's constructor makes two Deferreds and a register of listeners."""

    @property
    def maxMessagePayloadSize(self) -> int:
        """Autobahn's name of the message limit."""
        limit: int = self.context.settings.max_message
        return limit

    @property
    def due(self) -> float:
        """When :meth:`look` is called next."""
        return self.session.due

    @due.setter
    def due(self, when: float) -> None:
        self.session.due = when

    @property
    def context(self) -> LinkContext:
        """What all links of the service share."""
        context: LinkContext = self.factory.context
        return context

    # ---- from the transport

    def connectionMade(self) -> None:
        """TCP is up: the handshake begins, and its time runs."""
        now = self.context.deadlines.now()
        limits = self.context.settings.limits
        self.session = Session(limits, now, limits.ping_interval / 10 if self._masked_input else 0.0)
        self.look(now)
        super().connectionMade()  # type: ignore[misc]

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer, in any pieces. A fault in our own code ends this connection and no other."""
        session = self.session
        session.last_heard = self.context.deadlines.now()
        try:
            if session.phase is Phase.OPEN:
                self._take(data)
            elif session.phase is Phase.OPENING:
                self.shake_hands(data)
            elif not self.failedByMe and self.state != _CLOSED:
                self._drain(data)
        except Exception:
            self.logger.failure("bytes from {peer} could not be processed", peer=self.peer)
            self.drop("internal error")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        self.session.closed()
        self._partial = None
        if self.wasNotCleanReason is None and not self.wasClean:
            closed = reason.check(ConnectionDone) is not None
            self.wasNotCleanReason = "the other end closed the connection" if closed else reason.getErrorMessage().rstrip(".")
        super().connectionLost(reason)  # type: ignore[misc]

    def shake_hands(self, data: bytes) -> None:
        """Bytes of the handshake; whatever Autobahn cannot digest is the peer's fault."""
        if len(self.data) + len(data) > HEAD_LIMIT and b"\r\n\r\n" not in (self.data + data)[: HEAD_LIMIT + 4]:
            self.handshake_failed(f"the head of the handshake is over {HEAD_LIMIT} bytes", 431)
            return
        try:
            self._dataReceived(data)  # type: ignore[attr-defined]
        except (ValueError, LookupError) as fault:
            self.handshake_failed(f"malformed handshake: {fault}", 400)

    def handshake_failed(self, reason: str, status: int) -> None:
        """The peer's half of the handshake is unusable."""
        raise NotImplementedError

    def _drain(self, data: bytes) -> None:
        """After a close frame Autobahn alone reads, from the frame boundary on."""
        if self._partial is not None:
            data = self._partial.everything() + data
            self._partial = None
        self._feed_autobahn(data)

    def _take(self, data: bytes) -> None:
        """Collect what the bytes complete, then hand it on in one call."""
        if self._partial is not None:
            joined = self._partial.add(data)
            if joined is None:
                return
            self._partial = None
            data = joined
        inbox: list[bytes] = []
        try:
            self._cut(data, inbox)
        finally:
            if inbox and self.link is not None:
                self.link.payloads_received(inbox)

    def _cut(self, data: bytes, inbox: list[bytes]) -> None:
        """Our own frames into ``inbox``, every other one to Autobahn, one at a time and in order."""
        at, limit = 0, self.maxMessagePayloadSize
        while self.state == _OPEN and self.current_frame is None and not self.data:
            wanted = NO_FRAME if self.inside_message else BINARY_FINAL
            at, need = take_binary(data, at, self._masked_input, limit, _XOR, inbox, wanted)
            if need == 0:
                return
            if need < 0:
                break
            if need > len(data) - at:
                self._partial = Partial(data[at:] if at else data, need)
                return
            if data[at : at + 2] != _EMPTY_PONGS[self._masked_input]:  # nearly all that an idle link receives
                self._feed_autobahn(data[at : at + need], inbox)
            at += need
        if at < len(data) and not self.failedByMe:
            self._feed_autobahn(data[at:], inbox)

    def _feed_autobahn(self, data: bytes, inbox: list[bytes] | None = None) -> None:
        """Rare frames, or the rest of a stream that Autobahn has begun; messages go to ``inbox``."""
        self.data += data
        self._inbox = inbox
        try:
            WebSocketProtocol.consumeData(self)  # type: ignore[arg-type]
        finally:
            self._inbox = None
        if self.state == _OPEN and self.current_frame is None and not self.inside_message and not self.data:
            self._slim()

    def consumeData(self) -> None:
        """Called by Autobahn with what followed the handshake in the same read; everything else is fed by us."""
        if self.session.phase is Phase.OPEN and self._inbox is None:
            rest, self.data = self.data, b""
            self._take(rest)
        else:
            WebSocketProtocol.consumeData(self)  # type: ignore[arg-type]

    # ---- from Autobahn

    def _onOpen(self) -> None:
        self.onOpen()

    def onOpen(self) -> None:
        """The handshake is complete: from here on there is a link."""
        if self.session.phase is not Phase.OPENING:
            return
        now = self.context.deadlines.now()
        self.session.opened(now)
        self.link = self.make_link(now)
        rest, self.data = self.data, b""
        self._slim()
        if rest:
            self.data = rest
        self.look(now)
        self.factory.link_made(self)
        self.link.start()

    def make_link(self, now: float) -> Link:
        """The link of this connection."""
        raise NotImplementedError

    def onMessageBegin(self, isBinary: bool) -> None:
        """A fragmented or text message begins. One buffer: a list of one-byte fragments would take fifty times their size."""
        self.message_data = bytearray()
        self.message_data_total_length = 0

    def onMessageFrame(self, payload: list[bytes]) -> None:
        """A fragment is complete."""
        for part in payload if not self.failedByMe else ():
            self.message_data += part

    def onMessageEnd(self) -> None:
        """A fragmented or text message is complete; text is taken like binary, as the original does."""
        buffer, self.message_data = self.message_data, None
        if not self.failedByMe and self.link is not None:
            payload = bytes(buffer)
            if self._inbox is not None:
                self._inbox.append(payload)
            else:
                self.link.payloads_received([payload])

    def onClose(self, was_clean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone, cleanly or not."""
        text = self.wasNotCleanReason or f"closed by the peer with code {code}" + (f": {reason}" if reason else "")
        self.factory.connection_gone(self, text)
        if self.link is not None:
            self.link.lost(text)

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        """The peer broke the protocol: say so and read no more of it."""
        if self.state == _CLOSED or self.failedByMe:
            return
        counters = self.context.counters
        if code == _TOO_BIG:
            counters.oversize_messages += 1
        else:
            counters.protocol_violations += 1
        self.logger.warn("{peer} broke the websocket protocol: {reason}", peer=self.link or self.peer, reason=reason)
        self.failedByMe = True
        self.wasNotCleanReason = reason
        self.start_close(code, reason)

    def sendCloseFrame(self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False) -> None:
        """A close frame leaves, ours or the answer to the peer's: the rest has a time limit."""
        super().sendCloseFrame(code, reasonUtf8, isReply)  # type: ignore[misc]
        now = self.context.deadlines.now()
        self.session.closing(now)
        self.look(now)

    # ---- from the link (Circuit)

    def start_close(self, code: int, reason: str) -> None:
        """See Circuit."""
        if self.state == _OPEN:
            self.sendCloseFrame(code, encode_truncate(reason, 123))
        if self.wasNotCleanReason is None:
            self.wasNotCleanReason = reason

    def drop(self, reason: str) -> None:
        """See Circuit."""
        if self.session.phase is Phase.CLOSED:
            return
        if self.wasNotCleanReason is None or self.session.phase is Phase.OPEN:
            self.wasNotCleanReason = reason
        self.failedByMe = True
        self.session.closed()
        if self.link is not None:
            self.transport.unregisterProducer()
        self.transport.abortConnection()

    def look(self, now: float) -> None:
        """The connection's deadline has come, or its phase changed."""
        if self.session.phase is Phase.OPEN and (progress := delivered(self.transport)) is not None:
            self.session.delivered(*progress, now)
        verdict = self.session.look(now)
        if isinstance(verdict, Nothing):
            return
        if isinstance(verdict, Drop):
            self._give_up(verdict.reason)
            return
        if isinstance(verdict, Ping) and self.link is not None:
            self.link.ping()
        self.context.deadlines.arm(self, verdict.until)

    def _give_up(self, reason: str) -> None:
        if self.session.phase is Phase.OPEN:
            self.context.counters.peers_dead += 1
        elif self.session.phase is Phase.OPENING:
            self.context.counters.handshakes_timed_out += 1
        self.drop(reason)

    def _slim(self) -> None:
        """Forget everything that only the handshake or a rare frame needed."""
        self.__dict__ = {name: value for name, value in self.__dict__.items() if name in LASTING}
