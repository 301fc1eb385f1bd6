"""Keeps one websocket connection to a shim: dials, and dials again."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IAddress, IDelayedCall, IProtocol, IReactorTime, IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.errors import ConfigError
from ote_twisted.shim.websocket import AUTOBAHN, ClientLink, Link, LinkLimits, LinkOwner, status_of
from ote_twisted.values import frozen
from ote_twisted.websocket import WebSocketClientFactory
from ote_twisted.wire.join import V2

PATH = "/clustercontroller/"
"""Where a shim serves; the cluster's name follows."""


@frozen
class Delays:
    """Waits between attempts: a random part of a bound that doubles up to ``longest``.

    :ivar first: bound of the first wait, seconds.
    :ivar longest: greatest bound, seconds.
    :ivar occupied: bound after the shim said that another controller has it, seconds.
    """

    first: float = 1.0
    longest: float = 30.0
    occupied: float = 10.0

    def bound(self, attempts: int, status: int) -> float:
        """The greatest wait after so many failures in a row, the last of them with this HTTP status (0 without one)."""
        doubled = min(self.longest, self.first * 2.0 ** min(attempts, 32))
        return max(doubled, self.occupied) if status == 400 else doubled


@frozen
class ShimAddress:
    """Where a remote shim is: ``ws://host:port`` or ``wss://host:port``."""

    secure: bool
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> ShimAddress:
        """
        :raise ConfigError: the URL is none of a shim.
        """
        parts = urlsplit(url)
        try:
            port = parts.port or 8262
        except ValueError as error:
            raise ConfigError(f"shim {url!r}: {error}") from error
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ConfigError(f"shim {url!r}: expected ws://HOST:PORT or wss://HOST:PORT and nothing else")
        return cls(parts.scheme == "wss", parts.hostname, port)

    def url(self, cluster: str) -> str:
        """The address to connect to for a cluster."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.secure else 'ws'}://{host}:{self.port}{PATH}{quote(cluster, safe='')}"

    def endpoint(self, reactor: object) -> IStreamClientEndpoint:
        """An endpoint for it. TLS trusts what the platform trusts."""
        plain: IStreamClientEndpoint = HostnameEndpoint(reactor, self.host, self.port)
        return wrapClientTLS(optionsForClientTLS(self.host), plain) if self.secure else plain


class _Factory(WebSocketClientFactory):
    noisy = False

    def __init__(self, url: str, owner: LinkOwner, clock: IReactorTime, limits: LinkLimits) -> None:
        super().__init__(url, protocols=[V2], useragent=None, reactor=clock)
        self.setProtocolOptions(
            maxMessagePayloadSize=limits.message, maxFramePayloadSize=limits.message, serverConnectionDropTimeout=0, **AUTOBAHN
        )
        self._setup = (owner, clock, limits)

    def buildProtocol(self, addr: IAddress | None) -> ClientLink:
        link = ClientLink()
        link.factory = self
        link.setup(*self._setup)
        return link


class Dialler:
    """Keeps a connection while it runs.

    :ivar attempts: failures in a row since a connection lasted.
    :ivar dials: attempts ever made.
    """

    _log = Logger()

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        owner: LinkOwner,
        random: Callable[[], float],
        delays: Delays,
        limits: LinkLimits,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._owner = owner
        self._random = random
        self._delays = delays
        self._limits = limits
        # The one thing under way: a wait, a TCP connection being made, or a connection.
        self._now: IDelayedCall | Deferred[IProtocol] | Link | None = None
        self._factory: _Factory | None = None
        self._opened: float | None = None
        self._gone: list[Deferred[None]] = []
        self.attempts = 0
        self.dials = 0

    def start(self, url: str) -> None:
        """Begin to dial."""
        self._factory = _Factory(url, self, self._clock, self._limits)
        self._dial()

    def stop(self) -> Deferred[None]:
        """End the connection; fires when it is gone."""
        self._factory = None
        held = self._now
        if isinstance(held, Link):
            gone: Deferred[None] = Deferred()
            self._gone.append(gone)
            held.close("the controller stops")
            return gone
        self._now = None
        if held is not None:
            held.cancel()
        return succeed(None)

    def link_opened(self, link: Link) -> None:
        """The handshake is through."""
        self._opened = self._clock.seconds()
        self._owner.link_opened(link)

    def link_message(self, link: Link, message: bytes) -> None:
        """One message arrived."""
        self._owner.link_message(link, message)

    def link_lost(self, link: Link, reason: str) -> None:
        """The connection is gone: wait, then dial again."""
        if self._opened is not None and self._clock.seconds() - self._opened >= self._delays.longest:
            self.attempts = 0
        self._opened = None
        self._now = None
        self._owner.link_lost(link, reason)
        gone, self._gone = self._gone, []
        for waiting in gone:
            waiting.callback(None)
        self._wait(status_of(reason))

    def _dial(self) -> None:
        if self._factory is None:
            return
        self.dials += 1
        self._opened = None
        connecting = self._endpoint.connect(self._factory)
        self._now = connecting
        connecting.addCallbacks(self._connected, self._failed)

    def _connected(self, link: IProtocol) -> None:
        if self._now is not None and isinstance(link, Link):  # else it was lost already
            self._now = link

    def _failed(self, reason: Failure) -> None:
        if reason.check(CancelledError) and self._factory is None:
            return
        self._log.debug("dialling the shim: {reason}", reason=reason.getErrorMessage())
        self._now = None
        self._wait(0)

    def _wait(self, status: int) -> None:
        if self._factory is None:
            return
        bound = self._delays.bound(self.attempts, status)
        self.attempts += 1
        self._now = self._clock.callLater(self._random() * bound, self._dial)
