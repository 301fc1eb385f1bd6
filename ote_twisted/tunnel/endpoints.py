"""How addresses become endpoints: DNS, TLS and the configured proxy. For the composition roots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, serverFromString
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint, IStreamServerEndpoint

from ote_twisted.errors import ConfigError
from ote_twisted.tunnel.address import InvalidAddress, ParentAddress, split_host_port
from ote_twisted.tunnel.proxy import ConnectProxyEndpoint
from ote_twisted.tunnel.tls import SmallPiecesReactor, TLSClientEndpoint

TrustForHost = Callable[[str], IOpenSSLClientConnectionCreator]
"""From a parent's host name to who it must be and who we are."""


class ParentEndpoints:
    """Makes the endpoint for a parent's address; what EdgeDialler takes as ``endpoint_for_address``.

    :param trust: for ``wss`` addresses, e.g. ``twisted.internet.ssl.optionsForClientTLS``.
    :param proxy: ``host:port`` of an HTTP proxy that every link goes through; empty is none.
    """

    def __init__(self, reactor: Any, trust: TrustForHost | None = None, proxy: str = "") -> None:
        self._reactor = reactor
        self._trust = trust
        self._proxy = _parse_proxy(proxy) if proxy else None

    def __call__(self, address: ParentAddress) -> IStreamClientEndpoint:
        """The endpoint that reaches ``address``.

        :raise ConfigError: TLS is asked for and nobody to trust was configured.
        """
        endpoint: IStreamClientEndpoint
        if self._proxy is None:
            endpoint = HostnameEndpoint(self._reactor, address.host, address.port)
        else:
            endpoint = ConnectProxyEndpoint(HostnameEndpoint(self._reactor, *self._proxy), address.host, address.port)
        if not address.secure:
            return endpoint
        if self._trust is None:
            raise ConfigError(f"{address}: no certificate authority to trust is configured")
        return TLSClientEndpoint(endpoint, self._trust(address.host), self._reactor)


def _parse_proxy(text: str) -> tuple[str, int]:
    try:
        host, port = split_host_port(text.removeprefix("http://").removesuffix("/"))
    except InvalidAddress as fault:
        raise ConfigError(f"proxy: {fault}") from None
    if not host or not port:
        raise ConfigError(f"proxy: {text!r} is not host:port")
    return host, port


def tunnel_listener(reactor: Any, description: str) -> IStreamServerEndpoint:
    """The endpoint of a twisted endpoint string; ``ssl:`` ones get our own TLS layer.

    :raise ConfigError: the string is no endpoint.
    """
    try:
        endpoint: IStreamServerEndpoint = serverFromString(SmallPiecesReactor(reactor), description)
    except (ValueError, TypeError, OSError) as fault:
        raise ConfigError(f"tunnel endpoint {description!r}: {fault}") from None
    return endpoint
