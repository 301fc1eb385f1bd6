"""The floor of B4: the forwarder of B1's floor, which also pings every link when an idle controller would.

``python -m benchmarks.floor_tree LISTEN_PORT PARENT_PORT``.
"""

from __future__ import annotations

import sys

from twisted.internet.task import LoopingCall

from benchmarks.floor_hop import Downward, Upward
from benchmarks.lean import frame
from benchmarks.lean_links import Dialling, Listening, Turn

PING_INTERVAL = 5.5
"""Seconds; what an idle link of the product comes to."""


def main(listen: int, parent: int) -> None:
    """Forward and ping until told to stop."""
    from twisted.internet import reactor

    turn = Turn(reactor.callLater)
    upward = Upward(turn)
    upward.children = {}
    Downward.parent = upward

    def ping() -> None:
        for link in (upward, *upward.children.values()):
            link.transport.write(frame(b"", link.is_client, 9))

    reactor.connectTCP("127.0.0.1", parent, Dialling(lambda: upward))
    reactor.listenTCP(listen, Listening(lambda: Downward(turn)), backlog=1024, interface="127.0.0.1")
    LoopingCall(ping).start(PING_INTERVAL, now=False)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
