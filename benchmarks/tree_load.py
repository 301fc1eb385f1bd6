"""What stands round the middle of B4: its parent, and its children, who count every byte at their sockets.

``python -m benchmarks.tree_load parent PORT`` and ``python -m benchmarks.tree_load children PORT FIRST LAST [PARENT]``. Each line
on stdin is a question and every answer holds what was counted so far. ``{"change": true}`` makes a descendant appear below the
first child, ``{"change": false}`` makes it go, and with ``"count": 10`` so below the first ten; both are answered at once.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.hop_children import Child, Children
from benchmarks.hop_parent import Parent
from benchmarks.lean_links import Link, Listening, Turn
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, combine, entry_digest


class Counted(Link):
    """A link that adds to what all links of this process have sent and received.

    :ivar payload_bytes: received in websocket messages, so without pings.
    """

    received_bytes = 0
    sent_bytes = 0
    payload_bytes = 0

    def dataReceived(self, data: bytes) -> None:
        """Count and take."""
        Counted.received_bytes += len(data)
        super().dataReceived(data)

    def payloads_received(self, payloads: list[bytes]) -> None:
        """Count and open."""
        Counted.payload_bytes += sum(map(len, payloads))
        super().payloads_received(payloads)

    def _write(self, data: bytes) -> None:
        Counted.sent_bytes += len(data)
        super()._write(data)


class CountingParent(Counted, Parent):
    """The parent."""

    messages = 0

    def messages_received(self, messages: list[bytes]) -> None:
        """Count and learn."""
        CountingParent.messages += len(messages)
        super().messages_received(messages)


class QuietChild(Counted, Child):
    """One child; the first can have a descendant."""

    def entry(self) -> ClusterEntry:
        """What it says of itself."""
        return ClusterEntry(self.name, parent=self.parent, performs=True)

    def change(self, appears: bool) -> None:
        """A descendant appears, or is gone."""
        below = ClusterEntry(f"below-{self.number}", parent=self.name, performs=True)
        digest = entry_digest(self.entry())
        if appears:
            told = Announcement(False, (below,), (), combine(digest, entry_digest(below)), 2)
        else:
            told = Announcement(False, (), (below.name,), digest, 1)
        head = pb.MessageHead(Command=pb.Announce, ClusterName=self.name)
        self.send(pb.ClusterMessage(Head=head, Body=encode_announcement(told)).SerializeToString())


class Questions(LineOnlyReceiver):
    """The harness's questions."""

    delimiter = b"\n"

    def lineReceived(self, line: bytes) -> None:
        """Answer one."""
        counted = {"bytes": Counted.received_bytes + Counted.sent_bytes, "payload": Counted.payload_bytes}
        self.sendLine(json.dumps({**counted, **self.state(json.loads(line))}).encode())

    def state(self, question: dict[str, Any]) -> dict[str, Any]:
        """What else there is to say."""
        raise NotImplementedError


class OfParent(Questions):
    """Questions to the parent."""

    parent: CountingParent | None = None

    def state(self, question: dict[str, Any]) -> dict[str, Any]:
        """How many children are known below."""
        known = sum(name.startswith("child-") for name in self.parent.known) if self.parent is not None else 0
        return {"known": known, "messages": CountingParent.messages}


class OfChildren(Questions):
    """Questions to the children."""

    def __init__(self, crowd: Children) -> None:
        self._crowd = crowd

    def state(self, question: dict[str, Any]) -> dict[str, Any]:
        """How many are connected."""
        if "change" in question:
            for child in sorted(self._crowd.open, key=lambda child: child.number)[: question.get("count", 1)]:
                assert isinstance(child, QuietChild)
                child.change(bool(question["change"]))
        return {"connected": len(self._crowd.open)}


def _be_parent(reactor: Any, port: int) -> Questions:
    questions, turn = OfParent(), Turn(reactor.callLater)

    def build() -> CountingParent:
        questions.parent = CountingParent(turn, reactor)
        return questions.parent

    reactor.listenTCP(port, Listening(build), interface="127.0.0.1")
    return questions


def main(role: str, port: int, numbers: tuple[int, ...], parent: str) -> None:
    """Be the parent, or the children, until told to stop."""
    from twisted.internet import reactor

    if role == "parent":
        StandardIO(_be_parent(reactor, port))
    else:
        QuietChild.parent = parent
        StandardIO(OfChildren(Children(reactor, port, range(*numbers), QuietChild)))
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), tuple(map(int, sys.argv[3:5])), sys.argv[5] if len(sys.argv) > 5 else Child.parent)
