"""The knobs of the tunnels, as frozen values. Pure."""

from __future__ import annotations

from ote_twisted.values import frozen
from ote_twisted.wire.join import V2

KIB = 1024
MIB = 1024 * KIB


@frozen
class Limits:
    """How long each phase of a link may last, in seconds.

    :ivar connect: until TCP (and TLS) is up.
    :ivar handshake: until the websocket handshake is complete, counted from there.
    :ivar ping_interval: silence of the peer after which it is pinged, and again after each further interval.
    :ivar missed_pings: intervals of complete silence after which the peer is dead.
    :ivar close: between our close frame and the end of the connection.
    """

    connect: float = 10.0
    handshake: float = 10.0
    ping_interval: float = 5.0
    missed_pings: int = 3
    close: float = 2.0


@frozen
class TunnelSettings:
    """What both ends of a tunnel have in common.

    :ivar max_message: longest cluster message taken from a peer or sent to it, and longest websocket message, bytes. A peer
        that sends more loses its link; one of ours that is longer is not sent.
    :ivar high_water: queued bytes from which a link says that it is congested.
    :ivar low_water: queued bytes below which a congested link is drained.
    :ivar hard_bound: queued bytes above which the peer is a slow reader and its link is closed.
    """

    limits: Limits = Limits()
    max_message: int = 64 * MIB
    high_water: int = MIB
    low_water: int = 256 * KIB
    hard_bound: int = 64 * MIB


@frozen
class CloudSettings(TunnelSettings):
    """The listening side.

    :ivar max_handshakes: connections that have not completed their handshake; more are closed when they arrive.
    :ivar max_links_per_address: established links from one address; more get 503.
    :ivar probe: seconds that an established link has to answer when a newcomer claims its name.
    """

    max_handshakes: int = 1024
    max_links_per_address: int = 20_000
    probe: float = 1.0


@frozen
class EdgeSettings(TunnelSettings):
    """The dialling side.

    :ivar advertise: ``host:port`` under which our own tunnel can be reached; ``:port`` lets the parent complete the
        host from what it sees; empty means that we have none (F29).
    :ivar user_defined_name: sent as header ``name``; empty means the cluster's name.
    :ivar subprotocols: offered in this order; none makes the link ``ote.v1``.
    """

    advertise: str = ""
    user_defined_name: str = ""
    subprotocols: tuple[str, ...] = (V2,)
