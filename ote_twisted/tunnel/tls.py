"""TLS for tunnels in little memory: input is fed to OpenSSL in small pieces, and no per-link write timer.

OpenSSL's memory buffers grow to the largest piece ever written into them and never shrink, so a link that once received
64 KiB in one read would keep 39 kB more than one that was fed in 8 KiB pieces.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

PIECE = 8 * 1024
"""Bytes given to OpenSSL at once."""


class SmallPiecesTLS(TLSMemoryBIOProtocol):
    """TLS over a transport, fed in pieces of at most :data:`PIECE` bytes.

    Small writes are not gathered here, as they are by Twisted's default: a link already writes once per turn.
    """

    def dataReceived(self, data: bytes) -> None:
        """Decrypt in pieces; stops when a piece ended the connection."""
        if len(data) <= PIECE:
            super().dataReceived(data)
            return
        for at in range(0, len(data), PIECE):
            if self._lostTLSConnection or self._tlsConnection is None:
                return
            super().dataReceived(data[at : at + PIECE])


class SmallPiecesTLSFactory(TLSMemoryBIOFactory):
    """Wraps a factory's protocols in :class:`SmallPiecesTLS`."""

    protocol = SmallPiecesTLS


BACKLOG = 1024
"""Connections that may wait to be accepted: after an outage thousands of children come at once, and one that finds no
room tries again only after a second. The kernel's own bound (``net.core.somaxconn``) may be lower."""


class SmallPiecesReactor:
    """A reactor whose ``listenSSL`` makes :class:`SmallPiecesTLS` connections, and where at least :data:`BACKLOG` may wait.

    Everything else is the given reactor's.

    For ``serverFromString(SmallPiecesReactor(reactor), "ssl:8287:…")``.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = "") -> IListeningPort:
        """Listen by TCP."""
        listening: IListeningPort = self._reactor.listenTCP(port, factory, backlog=max(backlog, BACKLOG), interface=interface)
        return listening

    def listenSSL(
        self, port: int, factory: IProtocolFactory, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Listen by TCP with our own TLS layer."""
        wrapped = SmallPiecesTLSFactory(contextFactory, False, factory, self._reactor)
        return self.listenTCP(port, wrapped, backlog, interface)


@implementer(IStreamClientEndpoint)
class TLSClientEndpoint:
    """TLS over another client endpoint.

    :param creator: who the server has to be and who we are (``optionsForClientTLS`` and the like).
    """

    def __init__(self, inner: IStreamClientEndpoint, creator: IOpenSSLClientConnectionCreator, clock: IReactorTime) -> None:
        self._inner = inner
        self._creator = creator
        self._clock = clock

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect; the Deferred gives the wrapped protocol as soon as TCP is up. Fails as the inner endpoint does."""
        wrapped = SmallPiecesTLSFactory(self._creator, True, factory, self._clock)
        connecting: Deferred[Any] = self._inner.connect(wrapped)

        def unwrap(protocol: Any) -> IProtocol:
            inner: IProtocol = protocol.wrappedProtocol
            return inner

        return connecting.addCallback(unwrap)
