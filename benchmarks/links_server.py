"""A server that holds links, in a process of its own: ``python -m benchmarks.links_server product|floor plain|tls``.

``product`` is a CloudTunnel with the routes of a controller behind it; ``floor`` a bare Twisted protocol. Prints its
port, then answers each line on standard input with its state.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from ote_twisted.controller.admission import Standing, admit
from ote_twisted.interfaces import ILink, ILinkSink
from ote_twisted.testing.certificates import self_signed
from ote_twisted.topology.table import RoutingTable
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.settings import CloudSettings, Limits
from ote_twisted.tunnel.tls import SmallPiecesReactor
from ote_twisted.wire.entry import ClusterEntry
from ote_twisted.wire.join import Admission, JoinRequest


@implementer(ILinkSink)
class Routes:
    """The controller's share of a link: its route."""

    def __init__(self) -> None:
        self.table = RoutingTable(ClusterEntry("root"))
        self.links: dict[str, ILink] = {}
        self.traffic = 0

    def admit(self, request: JoinRequest) -> Admission:
        """See ILinkSink."""
        return admit(request, Standing("root"), self.table.via.get(request.name, ""))

    def link_opened(self, link: ILink) -> None:
        """See ILinkSink."""
        self.links[link.peer] = link
        self.table.open_child(ClusterEntry(link.peer, parent="root", listen=link.listen))

    def messages_received(self, link: ILink, messages: Sequence[bytes]) -> None:
        """See ILinkSink."""
        self.traffic += 1

    def link_drained(self, link: ILink) -> None:
        """See ILinkSink."""

    def link_lost(self, link: ILink, reason: str) -> None:
        """See ILinkSink."""
        if self.links.get(link.peer) is link:
            del self.links[link.peer]
            self.table.close_child(link.peer)


class Bare(Protocol):
    """The floor: a connection that drops what it reads."""

    factory: Any

    def connectionMade(self) -> None:
        """One more."""
        self.factory.links[id(self)] = self

    def dataReceived(self, data: bytes) -> None:
        """Read."""
        self.factory.traffic += 1


class BareFactory(Factory):
    """The floor's listener."""

    protocol = Bare
    noisy = False

    def __init__(self) -> None:
        self.links: dict[int, Bare] = {}
        self.traffic = 0


class Conversation(Protocol):
    """Standard input and output."""

    def __init__(self, server: Routes | BareFactory) -> None:
        self.server = server
        self.seen = -1

    def dataReceived(self, data: bytes) -> None:
        """A question: how many links, and has anything been read since the last question?"""
        for _ in data.splitlines():
            gc.collect()
            idle, self.seen = self.seen == self.server.traffic, self.server.traffic
            say(links=len(self.server.links), idle=idle)


def say(**answer: object) -> None:
    """Write one JSON line."""
    print(json.dumps(answer), flush=True)


def main(kind: str, security: str) -> None:
    """Listen, and answer questions until ended."""
    from twisted.internet import reactor as installed
    from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
    from twisted.internet.stdio import StandardIO

    reactor: Any = installed
    layer = SmallPiecesReactor(reactor) if kind == "product" else reactor
    endpoint: IStreamServerEndpoint
    if security == "tls":
        endpoint = SSL4ServerEndpoint(layer, 0, self_signed("root").options(), interface="127.0.0.1")
    else:
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    if kind == "product":
        routes = Routes()
        # The load answers no ping; its links have to outlive the measurement.
        tunnel = CloudTunnel(endpoint, routes, CloudSettings(limits=Limits(ping_interval=600)), reactor)
        tunnel.startService()
        address: Any = tunnel.addresses[0]
        say(port=address.port)
        StandardIO(Conversation(routes))
    else:
        bare = BareFactory()
        endpoint.listen(bare).addCallback(lambda port: say(port=port.getHost().port))
        StandardIO(Conversation(bare))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:3])
