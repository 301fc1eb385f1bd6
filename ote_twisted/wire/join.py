"""What a joining child says of itself, and what the parent answers to it. Pure."""

from __future__ import annotations

from attrs import field

from ote_twisted.values import frozen


@frozen
class JoinRequest:
    """A child's request to join, as read from its websocket handshake (``GET /access/{name}``).

    :ivar name: last element of the request path, percent-decoded, not validated yet.
    :ivar user_defined_name: header ``name``, or ``None`` when absent.
    :ivar listen: header ``listen-addr``, or ``None`` when absent; a ``host:port`` or ``:port``.
    :ivar peer: ``host:port`` of the TCP peer.
    :ivar subprotocols: websocket subprotocols offered, in the child's order; none means ``ote.v1``.
    :ivar instance: header ``ote-instance``, identity of the child's state folder; empty from an original.
    :ivar epoch: header ``ote-epoch``, the epoch that the link will have once it carries.
    :ivar home: header ``ote-home``: the child is configured to be below this controller.
    :ivar standby: header ``ote-standby``: the link carries nothing until the child announces itself on it.
    """

    name: str
    user_defined_name: str | None
    listen: str | None
    peer: str
    subprotocols: tuple[str, ...] = ()
    instance: str = field(default="", repr=False)
    epoch: int = 0
    home: bool = False
    standby: bool = False


@frozen
class JoinIdentity:
    """What a child of ours tells beyond the original's headers; see :class:`JoinRequest`."""

    instance: str = field(default="", repr=False)
    epoch: int = 0
    home: bool = False
    standby: bool = False


ANONYMOUS = JoinIdentity()


@frozen
class Resume:
    """What the parent still holds of a child's announcements: those of ``stream`` up to ``revision``."""

    stream: str
    revision: int


@frozen
class Accept:
    """The child may join; the tunnel completes the handshake with ``subprotocol`` (``None`` is ``ote.v1``)."""

    subprotocol: str | None
    listen: str = ""
    """The child's usable tunnel address, completed from the peer's address where it named no host (F29)."""
    resume: Resume | None = None
    """Told to the child in the header ``ote-resume``, so that it announces only what changed since."""


@frozen
class Refuse:
    """The child may not join; ``status`` is an HTTP status, ``reason`` a sentence for the person at the child."""

    status: int
    reason: str
    retry_after: float | None = None


@frozen
class Redirect:
    """Another controller leads; the child is sent to ``address`` (``host:port``) with a 302."""

    address: str


Admission = Accept | Refuse | Redirect

V2 = "ote.v2"
"""Websocket subprotocol of two of ours. Its absence is ``ote.v1``, the original's wire."""


@frozen
class Joined:
    """Identity of an established link, for whoever receives its messages."""

    peer: str
    listen: str = ""
    user_defined_name: str = ""
    peer_address: str = field(default="")
