"""The floor of B1: a forwarder that does what cannot be left out, and nothing of the product.

Same bytes, lean framing, envelopes split and joined, heads parsed, one batch per link and reactor turn. It believes
everything, checks nothing, keeps no books. ``python -m benchmarks.floor_hop LISTEN_PORT PARENT_PORT [v1]``.
"""

from __future__ import annotations

import json
import sys

from benchmarks.lean_links import Dialling, Link, Listening, Turn
from ote_twisted.wire.clustermessage_pb2 import Ancestry, ClusterMessage, ClusterRegist, MessageHead, NeighborRoute

_parse = ClusterMessage.FromString
_NOT_TASKS = (Ancestry, NeighborRoute)


class Upward(Link):
    """The link to the parent: messages go to the child that their head names."""

    is_client = True
    path = "/access/floor"
    headers = (("listen-addr", "127.0.0.1:1"), ("name", "floor"))
    children: dict[str, Downward]

    def messages_received(self, messages: list[bytes]) -> None:
        """Pass each on to its child."""
        children = self.children
        v2 = self.v2
        for raw in messages:
            head = _parse(raw).Head
            if head.Command in _NOT_TASKS:
                continue
            children[head.Targets[0] if v2 else head.ClusterSelector].send(raw)


class Downward(Link):
    """The link to a child: messages go to the parent."""

    parent: Upward

    def opened(self) -> None:
        """Learn the child's name; tell the parent as v1 does, v2 children announce themselves."""
        name = self.path.rpartition("/")[2]
        self.parent.children[name] = self
        if not self.v2:
            head = MessageHead(Command=ClusterRegist, ParentClusterName="floor")
            self.parent.send(ClusterMessage(Head=head, Body=json.dumps({"Name": name}).encode()).SerializeToString())

    def messages_received(self, messages: list[bytes]) -> None:
        """Pass each on, its head read as a forwarder has to."""
        send = self.parent.send
        for raw in messages:
            if _parse(raw).Head.ClusterName:
                send(raw)


def main(listen: int, parent: int, v1: bool) -> None:
    """Forward until told to stop."""
    from twisted.internet import reactor

    Link.v2 = not v1
    turn = Turn(reactor.callLater)
    upward = Upward(turn)
    upward.children = {}
    Downward.parent = upward
    reactor.connectTCP("127.0.0.1", parent, Dialling(lambda: upward))
    reactor.listenTCP(listen, Listening(lambda: Downward(turn)), backlog=1024, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), "v1" in sys.argv[3:])
