"""A thousand children of one parent in one process: ``python -m tests.functional.crowd PORT COUNT``.

Each dials, says who it is, and dials again when its link is lost: at once, then after delays that grow, and not before the time
that a refusal names. A line on stdin is answered with what came of it so far, as JSON.
"""

from __future__ import annotations

import json
import random
import re
import resource
import sys
from collections import Counter
from typing import Any

from attrs import Factory, define
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from benchmarks.lean_links import Link, Turn
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, entry_digest

RETRY_AFTER = re.compile(rb"(?im)^retry-after: *([0-9.]+)")
CAP = 5.0
"""Longest delay of a child's own, seconds."""


@define
class Story:
    """What came of everybody.

    :ivar joins: when each link was made, seconds of the clock, since the last question that asked to begin anew.
    :ivar refused: by child, since then; ``statuses`` by status.
    """

    joins: list[float] = Factory(list)
    refused: Counter[int] = Factory(Counter)
    statuses: Counter[str] = Factory(Counter)
    first_loss: float | None = None


class Child(Link):
    """One link of one child."""

    is_client = True

    def __init__(self, crowd: Crowd, number: int) -> None:
        super().__init__(crowd.turn)
        self._crowd = crowd
        self._number = number
        self._after = 0.0
        self._open = False
        self.name = f"child-{number:05d}"
        self.path = f"/access/{self.name}"
        instance = f"{number + 1:032x}"
        self.headers = (
            ("listen-addr", "127.0.0.1:1"), ("name", self.name), ("ote-instance", instance),
            ("ote-epoch", str(crowd.epoch(number))), ("ote-home", "1"),
        )  # fmt: skip

    def opened(self) -> None:
        """Say who this is."""
        self._open = True
        self._crowd.joined(self._number)
        entry = ClusterEntry(self.name, parent="parent", performs=True)
        body = encode_announcement(Announcement(True, (entry,), (), entry_digest(entry), 1))
        self.send(
            pb.ClusterMessage(Head=pb.MessageHead(Command=pb.Announce, ClusterName=self.name), Body=body).SerializeToString()
        )

    def refused(self, status: bytes) -> None:
        """Come again when the parent says, or when it seems right."""
        found = RETRY_AFTER.search(self._buffer)
        self._after = float(found[1]) if found else 0.0
        self._crowd.refused(self._number, status.split()[1].decode())
        super().refused(status)

    def messages_received(self, messages: list[bytes]) -> None:
        """Nothing that a parent says is of interest."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Dial again."""
        self._crowd.lost(self._number, self._after, self._open)


class _Dialling(ClientFactory):
    noisy = False

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number

    def buildProtocol(self, address: object) -> Child:
        return Child(self._crowd, self._number)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._crowd.lost(self._number, 0.0, False)


class Crowd:
    """All children."""

    def __init__(self, reactor: Any, port: int, count: int) -> None:
        self.turn = Turn(reactor.callLater)
        self.story = Story()
        self._reactor = reactor
        self._port = port
        self._attempts: Counter[int] = Counter()
        self._epochs: Counter[int] = Counter()
        self._open: set[int] = set()
        for number in range(count):
            self._dial(number)

    def epoch(self, number: int) -> int:
        """The next epoch of a child's."""
        self._epochs[number] += 1
        return self._epochs[number]

    def joined(self, number: int) -> None:
        """A child has a link."""
        self._open.add(number)
        self._attempts.pop(number, None)
        self.story.joins.append(self._reactor.seconds())

    def refused(self, number: int, status: str) -> None:
        """A child was turned away."""
        self.story.refused[number] += 1
        self.story.statuses[status] += 1

    def lost(self, number: int, after: float, was_open: bool) -> None:
        """A child has no link, or none yet; it dials again, at the earliest after so long."""
        if was_open:
            self._open.discard(number)
            self.story.first_loss = self.story.first_loss or self._reactor.seconds()
        self._attempts[number] += 1
        limit = 0.0 if was_open else min(CAP, 0.1 * 2 ** self._attempts[number])
        self._reactor.callLater(after + random.uniform(0, limit), self._dial, number)

    def told(self) -> dict[str, Any]:
        """What came of it, for the test."""
        story = self.story
        refusals = {"refused": story.refused.total(), "most": max(story.refused.values(), default=0)}
        seconds = story.joins[-1] - story.first_loss if story.joins and story.first_loss is not None else 0.0
        return {"connected": len(self._open), "seconds": seconds, "statuses": story.statuses, **refusals}

    def _dial(self, number: int) -> None:
        self._reactor.connectTCP("127.0.0.1", self._port, _Dialling(self, number), timeout=20)


class _Questions(LineOnlyReceiver):
    delimiter = b"\n"

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    def lineReceived(self, line: bytes) -> None:
        """Answer; ``anew`` also forgets what was."""
        if line == b"anew":
            self._crowd.story = Story()
        self.sendLine(json.dumps(self._crowd.told()).encode())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Nobody asks any more."""
        from twisted.internet import reactor

        if reactor.running:
            reactor.stop()


def main(port: int, count: int) -> None:
    """Be children until nobody asks any more."""
    from twisted.internet import reactor

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    StandardIO(_Questions(Crowd(reactor, port, count)))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
