"""Addresses of parents and of advertised tunnels: parsing and completion. Pure."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlsplit

from ote_twisted.errors import OTEError
from ote_twisted.values import frozen

DEFAULT_PORT = 8287
"""The tunnel listener's port, as in the original."""

REMEMBERED = 4096
"""Addresses that are taken apart once; parents tell the same ones again and again."""

_NOWHERE = frozenset({"", "0.0.0.0", "::", "*"})


class InvalidAddress(OTEError):
    """An address or URL of a tunnel is unusable; the text names the rule."""


@frozen
class ParentAddress:
    """Where a parent listens.

    :ivar secure: by TLS (``wss``).
    """

    host: str
    port: int
    secure: bool = False

    def __str__(self) -> str:
        return f"{'wss' if self.secure else 'ws'}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """``host:port``, an IPv6 host in brackets."""
        return join_host_port(self.host, self.port)

    @property
    def local(self) -> bool:
        """It means whatever machine it is used on."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower().rstrip(".") in ("localhost", "localhost.localdomain")

    def redirected(self, netloc: str) -> ParentAddress:
        """The same kind of link to another ``host:port``; without a port the port stays.

        :raise InvalidAddress: not a ``host:port``.
        """
        host, port = split_host_port(netloc, default_port=self.port)
        if not host:
            raise InvalidAddress(f"redirect to {netloc!r}: there is no host in it")
        return _address(host, port, self.secure)


@lru_cache(maxsize=REMEMBERED)
def _address(host: str, port: int, secure: bool) -> ParentAddress:
    """One value for all who mean the same."""
    return ParentAddress(host, port, secure)


def parse_parent(text: str) -> ParentAddress:
    """Parse ``ws://host:port``, ``wss://host:port`` or a bare ``host:port``; without a port it is 8287.

    :raise InvalidAddress: anything else, with the rule.
    """
    try:
        url = urlsplit(text if "://" in text else f"ws://{text}")
    except ValueError as fault:
        raise InvalidAddress(f"parent {text!r}: {fault}") from None
    if url.scheme not in ("ws", "wss"):
        raise InvalidAddress(f"parent {text!r}: the scheme must be ws or wss")
    if url.path not in ("", "/") or url.query or url.fragment or url.username is not None:
        raise InvalidAddress(f"parent {text!r}: only scheme, host and port belong here")
    host, port = split_host_port(url.netloc, default_port=DEFAULT_PORT)
    if not host or port == 0:
        raise InvalidAddress(f"parent {text!r}: a host and a port above 0 are needed")
    return ParentAddress(host, port, url.scheme == "wss")


@lru_cache(maxsize=REMEMBERED)
def split_host_port(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Take ``host:port``, ``[v6]:port`` or ``:port`` apart.

    :raise InvalidAddress: no port where none may be missing, or one out of 0-65535, or a bad host.
    """
    host, colon, port = _rpartition(text)
    if not colon and default_port is None:
        raise InvalidAddress(f"address {text!r}: the port is missing")
    if colon and not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise InvalidAddress(f"address {text!r}: the port must be a number up to 65535")
    _check_host(text, host)
    return host.removeprefix("[").removesuffix("]"), int(port) if colon else default_port or 0


def _rpartition(text: str) -> tuple[str, str, str]:
    if text.endswith("]") or ":" not in text:
        return text, "", ""
    return text.rpartition(":")


def _check_host(text: str, host: str) -> None:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host[1:-1] if host[:1] == "[" and host[-1:] == "]" else "")
        except ValueError:
            raise InvalidAddress(f"address {text!r}: an IPv6 host belongs in brackets") from None
    elif len(host) > 253 or not all(c.isascii() and (c.isalnum() or c in "-._*") for c in host):
        raise InvalidAddress(f"address {text!r}: the host holds a character that no host has, or is too long")


def join_host_port(host: str, port: int) -> str:
    """``host:port``, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def complete_advertised(listen: str, peer: str) -> str:
    """A child's usable tunnel address: a missing or unspecified host is taken from the TCP peer's address (F29).

    :param listen: what the child advertised.
    :param peer: ``host:port`` of the TCP peer.
    :return: ``host:port``, or empty when the child advertised no port and so cannot be reached.
    :raise InvalidAddress: ``listen`` is not an address.
    """
    host, port = split_host_port(listen)
    if port == 0:
        return ""
    if host in _NOWHERE:
        host, _ = split_host_port(peer)
    return join_host_port(host, port) if host else ""


def access_path(name: str) -> str:
    """Request path under which the cluster called ``name`` joins."""
    return f"/access/{quote(name, safe='')}"


def name_in_path(target: str) -> str | None:
    """The percent-decoded cluster name of a request target ``/access/{name}``, or ``None`` for every other target."""
    try:
        path = urlsplit(target).path
        prefix, slash, last = path.rpartition("/")
        name = unquote_to_bytes(last).decode("utf-8")
    except ValueError:
        return None
    return name if slash and prefix == "/access" and name and "/" not in name else None
