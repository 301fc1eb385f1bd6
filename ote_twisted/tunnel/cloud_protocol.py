"""The parent's side of a tunnel: an Autobahn server protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ote_twisted.tunnel.frames import binary_head
from ote_twisted.tunnel.joins import HTTPAnswer, Joining
from ote_twisted.tunnel.link import Link
from ote_twisted.tunnel.protocol import TunnelProtocol
from ote_twisted.tunnel.session import Phase
from ote_twisted.websocket import WebSocketProtocol, WebSocketServerProtocol, wildcards2patterns
from ote_twisted.wire.join import V2

PING = b"\x89\x00"


class CloudTunnelProtocol(TunnelProtocol, WebSocketServerProtocol):  # type: ignore[misc]
    """One connection from a child, from TCP to the end.

    :ivar joining: set as soon as the child may join.
    """

    versions: ClassVar[Sequence[int]] = WebSocketProtocol.SUPPORTED_PROTOCOL_VERSIONS
    webStatus = False
    requireMaskedClientFrames = True
    maskServerFrames = False
    serveFlashSocketPolicy = False
    flashSocketPolicy = ""
    allowedOrigins: ClassVar[list[str]] = ["*"]
    allowedOriginsPatterns: ClassVar[list[Any]] = wildcards2patterns(allowedOrigins)
    maxConnections = 0
    trustXForwardedFor = 0

    _masked_input = True
    joining: Joining | None = None
    deciding = False

    def encode(self, payload: bytes, parts: list[bytes]) -> int:
        """See Circuit."""
        head = binary_head(len(payload))
        parts.append(head)
        parts.append(payload)
        return len(head) + len(payload)

    def ping(self) -> None:
        """See Circuit."""
        if self.session.phase is Phase.OPEN:
            self.transport.write(PING)

    def onConnect(self, request: Any) -> Any:
        """The head of the handshake is complete: the factory decides, now or later."""
        self.deciding = True
        return self.factory.decide(self, request)

    def processHandshake(self) -> None:
        """Bytes that follow the head before it was answered break the rules; Autobahn would take them for a new head."""
        if self.deciding:
            self.drop("the peer sent data before its handshake was answered")
        else:
            super().processHandshake()

    def make_link(self, now: float) -> Link:
        """The child's link."""
        joining = self.joining
        assert joining is not None
        return Link(
            self.context,
            self,
            peer=joining.request.name,
            listen=joining.listen,
            user_defined_name=joining.request.user_defined_name or "",
            peer_address=joining.request.peer,
            is_parent=False,
            v2=joining.accept.subprotocol == V2,
            opened=now,
            instance=joining.request.instance,
            epoch=joining.request.epoch,
            standby=joining.request.standby,
        )

    def answer(self, answer: HTTPAnswer) -> None:
        """Refuse the handshake in HTTP and close."""
        if self.session.phase is not Phase.OPENING:
            return
        now = self.context.deadlines.now()
        self.wasNotCleanReason = answer.text
        self.transport.write(answer.encode())
        self.session.closing(now)
        self.look(now)
        self.dropConnection(abort=False)

    def handshake_failed(self, reason: str, status: int) -> None:
        """See TunnelProtocol."""
        self.failHandshake(reason, status)

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Sequence[tuple[str, str]] | None = None) -> None:
        """Called by Autobahn for a head that is not a websocket handshake of ours."""
        if self.session.phase is not Phase.OPENING:
            return
        self.context.counters.bad_handshakes += 1
        self.logger.info("{peer} sent an unusable handshake: {reason}", peer=self.peer, reason=reason)
        extra = {405: (("Allow", "GET"),), 426: (("Upgrade", "websocket"),)}.get(code, ())
        self.answer(HTTPAnswer(code, reason, (*(responseHeaders or ()), *extra)))
