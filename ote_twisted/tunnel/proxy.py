"""A client endpoint through an HTTP proxy by ``CONNECT``, used only when configured; the environment is ignored (F153)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.errors import OTEError
from ote_twisted.tunnel.address import join_host_port

HEAD_LIMIT = 16 * 1024
"""Longest answer head of a proxy, bytes."""


class ProxyRefused(OTEError):
    """The proxy did not open the way; the text holds its answer."""


class _ConnectProtocol(ProtocolWrapper):
    """Asks the proxy, then becomes transparent."""

    factory: _ConnectFactory
    _head: bytes | None = b""

    def makeConnection(self, transport: Any) -> None:
        """The proxy is connected; the wrapped protocol waits for its answer."""
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)
        target = self.factory.target
        transport.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii"))

    def dataReceived(self, data: bytes) -> None:
        """The proxy's answer, then the peer's bytes."""
        if self._head is None:
            self.wrappedProtocol.dataReceived(data)
            return
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end:
            self._answered(head.split(b"\r\n")[0].decode("latin-1"), rest)
        elif len(self._head) > HEAD_LIMIT:
            self._refused(f"its answer is over {HEAD_LIMIT} bytes")

    def _answered(self, status_line: str, rest: bytes) -> None:
        words = status_line.split(None, 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].startswith("2"):
            self._refused(f"it answered {status_line[:200]!r}")
            return
        self._head = None
        self.wrappedProtocol.makeConnection(self)  # type: ignore[arg-type]
        self.factory.established.callback(self.wrappedProtocol)
        if rest:
            self.wrappedProtocol.dataReceived(rest)

    def _refused(self, reason: str) -> None:
        self.factory.fail(ProxyRefused(f"the proxy does not connect to {self.factory.target}: {reason}"))
        transport: Any = self.transport
        transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The proxy, or the peer behind it, is gone."""
        if self._head is None:
            super().connectionLost(reason)
        else:
            self.factory.fail(ProxyRefused(f"the proxy hung up before connecting to {self.factory.target}"))


class _ConnectFactory(WrappingFactory[_ConnectProtocol]):
    """One way through the proxy."""

    protocol = _ConnectProtocol
    noisy = False

    def __init__(self, wrapped: IProtocolFactory, target: str) -> None:
        super().__init__(wrapped)
        self.target = target
        self.connection: Deferred[Any] | None = None
        self.outer: Any = None
        self.established: Deferred[IProtocol] = Deferred(lambda _: self._give_up())

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """The protocol that asks the proxy."""
        self.outer = super().buildProtocol(addr)
        return self.outer

    def fail(self, reason: Exception) -> None:
        """There is no way."""
        if not self.established.called:
            self.established.errback(Failure(reason))

    def unreachable(self, failure: Failure) -> None:
        """The proxy itself cannot be reached."""
        if not self.established.called:
            self.established.errback(failure)

    def _give_up(self) -> None:
        if self.connection is not None:
            self.connection.cancel()
        if self.outer is not None and self.outer.transport is not None:
            self.outer.transport.abortConnection()


@implementer(IStreamClientEndpoint)
class ConnectProxyEndpoint:
    """Reaches ``host:port`` through a proxy."""

    def __init__(self, proxy: IStreamClientEndpoint, host: str, port: int) -> None:
        self._proxy = proxy
        self._target = join_host_port(host, port)

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect; fires when the way is open. Fails as the endpoint to the proxy does, or with ProxyRefused."""
        wrapping = _ConnectFactory(factory, self._target)
        connection: Deferred[Any] = self._proxy.connect(wrapping)
        wrapping.connection = connection.addErrback(wrapping.unreachable)
        return wrapping.established
