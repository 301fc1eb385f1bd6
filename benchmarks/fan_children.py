"""The children of B2, all in one process: each performs every task it is sent, at once, and answers with 1 KiB.

``python -m benchmarks.fan_children PORT COUNT``. A line on stdin is answered with how many are connected and how many tasks
they have answered.
"""

from __future__ import annotations

import json
import sys

from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.hop_children import Child, Children
from ote_twisted.wire import clustermessage_pb2 as pb

SIZE = 1024
"""Bytes of a request's and an answer's body."""

_parse = pb.ClusterMessage.FromString
_ANSWER = pb.ClusterMessage(
    Body=pb.ControllerTaskResponse(Timestamp=1_600_000_000, StatusCode=200, Body=b"x" * SIZE).SerializeToString()
).SerializeToString()


class Performing(Child):
    """One child. Every head consists of what all answers to a task have in common, encoded once, and the child's name."""

    answered = 0
    _task = ""
    _common = b""

    def opened(self) -> None:
        """Say who this is."""
        super().opened()
        self._own = pb.ClusterMessage(Head=pb.MessageHead(ClusterName=self.name)).SerializeToString() + _ANSWER

    def messages_received(self, messages: list[bytes]) -> None:
        """Answer each task to whoever owns it."""
        for raw in messages:
            head = _parse(raw).Head
            if head.Command == pb.ControlReq:
                if head.Uid != Performing._task:
                    Performing._task, Performing._common = head.Uid, _common(head)
                self.send(Performing._common + self._own)
                Performing.answered += 1


def _common(asked: pb.MessageHead) -> bytes:
    head = pb.MessageHead(
        MessageID=asked.MessageID,
        Command=pb.ControlResp,
        ParentClusterName=asked.ParentClusterName,
        Uid=asked.Uid,
        HopLimit=64,
    )
    return pb.ClusterMessage(Head=head).SerializeToString()


class Questions(LineOnlyReceiver):
    """The harness's questions."""

    delimiter = b"\n"

    def __init__(self, children: Children) -> None:
        self._children = children

    def lineReceived(self, line: bytes) -> None:
        """Answer one."""
        state = {"connected": len(self._children.open), "answered": Performing.answered}
        self.sendLine(json.dumps(state).encode())


def main(port: int, count: int) -> None:
    """Be children until told to stop."""
    from twisted.internet import reactor

    StandardIO(Questions(Children(reactor, port, range(count), Performing)))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
