"""The floor of B2: sends one request to every link and counts the answers, and nothing of the product.

Same bytes on lean links: a head for each target, every answer's head read. ``python -m benchmarks.floor_fan PORT``. Each
line on stdin is a question: ``{}`` tells how many links there are; ``{"fan": true}`` asks all of them once and tells the
seconds until the last has answered.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter
from typing import Any

from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.fan_children import SIZE
from benchmarks.lean_links import Link, Listening, Turn
from ote_twisted.wire import clustermessage_pb2 as pb

_parse = pb.ClusterMessage.FromString


class Downward(Link):
    """The link to a child."""

    def __init__(self, turn: Turn, fan: Fan) -> None:
        super().__init__(turn)
        self._fan = fan

    def opened(self) -> None:
        """One more to ask."""
        self._fan.links[self.path.rpartition("/")[2]] = self

    def messages_received(self, messages: list[bytes]) -> None:
        """Read the heads of answers."""
        waiting = self._fan.waiting
        for raw in messages:
            waiting.pop(_parse(raw).Head.ClusterName, None)
        if not waiting:
            self._fan.over()


class Fan:
    """All links."""

    def __init__(self, turn: Turn) -> None:
        self.links: dict[str, Downward] = {}
        self.waiting: dict[str, None] = {}
        self._turn = turn
        self._tell: Any = None
        self._started = 0.0

    def build(self) -> Downward:
        """One more link."""
        return Downward(self._turn, self)

    def begin(self, tell: Any) -> None:
        """Ask every child."""
        self._tell, self._started = tell, perf_counter()
        self.waiting = dict.fromkeys(self.links)
        task = pb.ControllerTask(Destination="api", Method="PUT", URI="/api/v1/namespaces/a/configmaps/b", Body=b"x" * SIZE)
        body = pb.ClusterMessage(Body=task.SerializeToString()).SerializeToString()
        head = pb.MessageHead(MessageID="b2", Command=pb.ControlReq, ParentClusterName="root", Uid="b2", HopLimit=64)
        for name, link in self.links.items():
            head.Targets[:] = [name]
            link.send(pb.ClusterMessage(Head=head).SerializeToString() + body)

    def over(self) -> None:
        """The last has answered."""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell({"seconds": perf_counter() - self._started})


class Questions(LineOnlyReceiver):
    """The harness's questions."""

    delimiter = b"\n"

    def __init__(self, fan: Fan) -> None:
        self._fan = fan

    def lineReceived(self, line: bytes) -> None:
        """Answer one."""
        if "fan" in json.loads(line):
            self._fan.begin(self._say)
        else:
            self._say({"links": len(self._fan.links)})

    def _say(self, answer: dict[str, Any]) -> None:
        self.sendLine(json.dumps(answer).encode())


def main(port: int) -> None:
    """Serve until told to stop."""
    from twisted.internet import reactor

    fan = Fan(Turn(reactor.callLater))
    reactor.listenTCP(port, Listening(fan.build), backlog=1024, interface="127.0.0.1")
    StandardIO(Questions(fan))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
