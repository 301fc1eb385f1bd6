"""A TCP proxy that counts what passes and can be cut: the way between two controllers.

``python -m benchmarks.counting_proxy LISTEN_PORT TARGET_PORT``. Each line on stdin is a question: ``{"cut": true}`` breaks all
connections and takes no more, ``{"cut": false}`` takes them again; every answer holds the bytes of both directions and of the
connections taken so far.
"""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.portforward import ProxyClient, ProxyClientFactory, ProxyServer
from twisted.python.failure import Failure


class Counters:
    """What has passed."""

    up = 0
    down = 0
    taken = 0


class Answering(ProxyClient):
    """The side of the controller that is dialled."""

    def dataReceived(self, data: bytes) -> None:
        """Count and pass on."""
        Counters.down += len(data)
        super().dataReceived(data)


class AnsweringFactory(ProxyClientFactory):
    """Makes that side."""

    noisy = False
    protocol = Answering


class Dialling(ProxyServer):
    """The side of the controller that dials."""

    clientProtocolFactory = AnsweringFactory

    transport: Any

    def connectionMade(self) -> None:
        """Take it, unless the way is cut."""
        if Way.cut:
            self.transport.abortConnection()
            return
        Counters.taken += 1
        Way.connections.add(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """Count and pass on."""
        Counters.up += len(data)
        super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """One less."""
        Way.connections.discard(self)
        super().connectionLost(reason)


class Way:
    """All connections."""

    cut = False
    connections: ClassVar[set[Dialling]] = set()


class Listening(ServerFactory):
    """What the dialling side of each connection needs to know."""

    noisy = False
    protocol: Any = Dialling

    def __init__(self, port: int) -> None:
        self.host, self.port = "127.0.0.1", port


class Questions(LineOnlyReceiver):
    """The harness's questions."""

    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        """Answer one."""
        question = json.loads(line)
        if "cut" in question:
            Way.cut = bool(question["cut"])
            for connection in [*Way.connections] if Way.cut else ():
                connection.transport.abortConnection()
        state = {"up": Counters.up, "down": Counters.down, "taken": Counters.taken, "open": len(Way.connections)}
        self.sendLine(json.dumps(state).encode())


def main(listen: int, target: int) -> None:
    """Pass on until told to stop."""
    from twisted.internet import reactor

    StandardIO(Questions())
    reactor.listenTCP(listen, Listening(target), interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
