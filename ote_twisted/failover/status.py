"""How the link to a parent stands, for people. Pure."""

from __future__ import annotations

from ote_twisted.values import frozen


@frozen
class Waiting:
    """Not connected; the next attempt is at ``until`` (clock reading).

    :ivar address: who will be dialled; empty while nobody may be.
    :ivar last_error: why the last attempt or link ended; empty before the first.
    """

    until: float
    address: str
    last_error: str = ""


@frozen
class Connecting:
    """An attempt is under way since ``since`` (clock reading)."""

    address: str
    since: float
    last_error: str = ""


@frozen
class Connected:
    """A link carries since ``since`` (clock reading)."""

    address: str
    since: float
    subprotocol: str


@frozen
class Stopped:
    """Nobody is dialled: the service does not run, or there are no parents."""


FailoverStatus = Waiting | Connecting | Connected | Stopped
