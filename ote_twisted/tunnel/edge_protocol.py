"""The child's side of a tunnel: an Autobahn client protocol, and what its handshake may end in."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ote_twisted.tunnel.address import ParentAddress, access_path
from ote_twisted.tunnel.circuit import LinkContext
from ote_twisted.tunnel.frames import masked_frame
from ote_twisted.tunnel.joins import identity_headers, read_resume
from ote_twisted.tunnel.link import Link
from ote_twisted.tunnel.masking import MaskSource, choose_xor
from ote_twisted.tunnel.protocol import TunnelProtocol
from ote_twisted.tunnel.session import Phase
from ote_twisted.tunnel.settings import EdgeSettings
from ote_twisted.values import frozen
from ote_twisted.websocket import ConnectingRequest, WebSocketClientFactory, WebSocketClientProtocol
from ote_twisted.wire.join import ANONYMOUS, V2, JoinIdentity

_REASON_LIMIT = 500
_XOR = choose_xor()[1]
_MASKS = MaskSource()


@frozen
class Opened:
    """The link to the parent is established."""

    link: Link


@frozen
class Refused:
    """The parent said no.

    :ivar status: HTTP status; 0 when there was no usable answer.
    :ivar location: ``Location`` header of a redirect.
    """

    status: int
    reason: str
    retry_after: float = 0.0
    location: str = ""


Outcome = Opened | Refused


class EdgeTunnelProtocol(TunnelProtocol, WebSocketClientProtocol):  # type: ignore[misc]
    """One attempt at a parent, and the link it becomes."""

    version = 18
    acceptMaskedServerFrames = False
    maskClientFrames = True
    serverConnectionDropTimeout = 0
    perMessageCompressionOffers: Any = ()

    _masked_input = False
    http_status_line: str = ""
    http_headers: dict[str, str] = {}  # noqa: RUF012
    http_response_data: bytes = b""
    websocket_protocol_in_use: str | None = None

    def encode(self, payload: bytes, parts: list[bytes]) -> int:
        """See Circuit."""
        frame = masked_frame(payload, _MASKS.draw(), _XOR)
        parts.append(frame)
        return len(frame)

    def ping(self) -> None:
        """See Circuit."""
        if self.session.phase is Phase.OPEN:
            self.transport.write(b"\x89\x80" + _MASKS.draw())

    def onConnecting(self, transport_details: Any) -> ConnectingRequest:
        """Our half of the handshake: no Origin, no extensions, the two headers of the original."""
        factory: EdgeTunnelFactory = self.factory
        address = factory.address
        return ConnectingRequest(
            host=f"[{address.host}]" if ":" in address.host else address.host,
            port=address.port,
            resource=access_path(factory.name),
            headers=factory.join_headers(),
            useragent="ote-twisted",
            protocols=list(factory.settings.subprotocols),
        )

    def make_link(self, now: float) -> Link:
        """The link to the parent, whose name is not known yet."""
        return Link(
            self.context,
            self,
            peer="",
            listen=self.factory.address.netloc,
            user_defined_name="",
            peer_address=str(self.factory.address),
            is_parent=True,
            v2=self.websocket_protocol_in_use == V2,
            opened=now,
            standby=self.factory.identity.standby,
            resume=read_resume(self.http_headers.get("ote-resume", "")),
        )

    def handshake_failed(self, reason: str, status: int) -> None:
        """See TunnelProtocol."""
        self.factory.settle(Refused(0, reason))
        self.drop(reason)

    def failHandshake(self, reason: str) -> None:
        """Called by Autobahn for any answer but a correct 101."""
        self.factory.settle(self._refusal(reason))
        self.drop(reason)

    def _refusal(self, fault: str) -> Refused:
        words = self.http_status_line.split(None, 2)
        status = int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdigit() else 0
        if status in (0, 101):
            return Refused(0, fault)
        body = self.data[len(self.http_response_data) :][:_REASON_LIMIT].decode("utf-8", "replace").strip()
        reason = body or (words[2] if len(words) > 2 else "no reason given")
        return Refused(
            status,
            "".join(c if c.isprintable() else " " for c in reason),
            _seconds(self.http_headers.get("retry-after", "")),
            self.http_headers.get("location", ""),
        )


def _seconds(text: str) -> float:
    """``Retry-After`` in seconds; its other form, a date, would compare two machines' clocks and is ignored."""
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0.0


class EdgeTunnelFactory(WebSocketClientFactory):
    """Makes the protocol of one attempt.

    :ivar outcome: fires once, with :class:`Opened` or :class:`Refused`.
    :ivar gone: fires once with the reason when the connection is gone.
    """

    protocol = EdgeTunnelProtocol
    noisy = False

    def __init__(
        self,
        name: str,
        address: ParentAddress,
        context: LinkContext,
        settings: EdgeSettings,
        clock: IReactorTime,
        identity: JoinIdentity = ANONYMOUS,
    ) -> None:
        super().__init__(url=str(address), protocols=list(settings.subprotocols), reactor=clock)
        self.name = name
        self.address = address
        self.context = context
        self.settings = settings
        self.identity = identity
        self.outcome: Deferred[Outcome] = Deferred()
        self.gone: Deferred[str] = Deferred()
        self._settled = False

    def join_headers(self) -> dict[str, str]:
        """The two headers that the original demands; ``listen-addr`` may not be empty there (port 0: not reachable)."""
        return {
            "listen-addr": self.settings.advertise or ":0",
            "name": self.settings.user_defined_name or self.name,
            **identity_headers(self.identity),
        }

    def settle(self, outcome: Outcome) -> None:
        """The handshake ended; only its first end counts."""
        if not self._settled:
            self._settled = True
            self.outcome.callback(outcome)

    def link_made(self, protocol: EdgeTunnelProtocol) -> None:
        """Called by the protocol before the link is announced."""
        if protocol.link is not None:
            self.settle(Opened(protocol.link))

    def connection_gone(self, protocol: EdgeTunnelProtocol, reason: str) -> None:
        """Called by the protocol."""
        self.settle(Refused(0, reason))
        self.gone.callback(reason)
