"""The children of B1, all in one process: each announces itself and answers every task at once.

``python -m benchmarks.hop_children PORT COUNT [v1]``. On stdin a line ``{"size": bytes}`` sets the length of answers and is
answered; a line ``{"connected": true}`` is answered with their number.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.hop_messages import MARK, answer
from benchmarks.lean_links import Dialling, Link, Turn
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, entry_digest

AT_ONCE = 50
"""Handshakes under way at the same time."""


class Child(Link):
    """One child.

    :cvar parent: name of the controller that it joins.
    """

    is_client = True
    parent = "middle"

    def __init__(self, turn: Turn, children: Children, number: int) -> None:
        super().__init__(turn)
        self.children = children
        self.number = number
        self.name = f"child-{number:05d}"
        self.path = f"/access/{self.name}"
        self.headers = (("listen-addr", "127.0.0.1:1"), ("name", self.name))
        self.answer = b""

    def opened(self) -> None:
        """Say who this is."""
        self.send(self._announcement() if self.v2 else self._no_descendants())
        self.children.connected(self)

    def messages_received(self, messages: list[bytes]) -> None:
        """Answer the tasks."""
        count = len([None for message in messages if MARK in message])
        if count:
            self.send_many([self.answer] * count)

    def refused(self, status: bytes) -> None:
        """The middle has no way to the root yet, or too much to do: come again."""
        super().refused(status)
        self.children.again(self.number)

    def _announcement(self) -> bytes:
        entry = ClusterEntry(self.name, parent=self.parent, performs=True)
        body = encode_announcement(Announcement(True, (entry,), (), entry_digest(entry), 1))
        head = pb.MessageHead(Command=pb.Announce, ClusterName=self.name)
        return pb.ClusterMessage(Head=head, Body=body).SerializeToString()

    def _no_descendants(self) -> bytes:
        head = pb.MessageHead(Command=pb.SubTreeRoute, ClusterName=self.name)
        return pb.ClusterMessage(Head=head, Body=b"{}").SerializeToString()


class Children:
    """All of them."""

    def __init__(self, reactor: Any, port: int, numbers: Iterable[int], child: type[Child] = Child) -> None:
        """
        :param numbers: the children's, which make their names.
        :param child: what each child does with its messages.
        """
        self._reactor = reactor
        self._port = port
        self._child = child
        self._turn = Turn(reactor.callLater)
        self._waiting = iter(numbers)
        self.open: list[Child] = []
        for _ in range(AT_ONCE):
            self._dial_next()

    def _dial_next(self) -> None:
        number = next(self._waiting, None)
        if number is not None:
            self._dial(number)

    def _dial(self, number: int) -> None:
        factory = Dialling(lambda: self._child(self._turn, self, number))
        self._reactor.connectTCP("127.0.0.1", self._port, factory)

    def connected(self, child: Child) -> None:
        """One more is connected."""
        self.open.append(child)
        self._dial_next()

    def again(self, number: int) -> None:
        """One was refused."""
        self._reactor.callLater(0.2, self._dial, number)

    def set_size(self, size: int) -> None:
        """Bytes of an answer's body."""
        for child in self.open:
            child.answer = answer(child.name, size, Link.v2)


class Questions(LineOnlyReceiver):
    """The harness's questions."""

    delimiter = b"\n"

    def __init__(self, children: Children) -> None:
        self._children = children

    def lineReceived(self, line: bytes) -> None:
        """Answer one."""
        question = json.loads(line)
        if "size" in question:
            self._children.set_size(question["size"])
        self.sendLine(json.dumps({"connected": len(self._children.open)}).encode())


def main(port: int, count: int, v1: bool) -> None:
    """Be children until told to stop."""
    from twisted.internet import reactor

    Link.v2 = not v1
    StandardIO(Questions(Children(reactor, port, range(count))))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), "v1" in sys.argv[3:])
