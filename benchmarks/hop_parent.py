"""The parent of B1: sends tasks round its child's children, so many at a time, and counts the answers.

``python -m benchmarks.hop_parent PORT [v1]``. Each line on stdin is a question: ``{}`` tells how many clusters are known below;
``{"pid", "children", "window", "size", "seconds"}`` loads for so long and tells tasks, seconds, the CPU seconds that process
used, and the median round trip.
"""

from __future__ import annotations

import json
import sys
from itertools import cycle, islice
from statistics import median
from time import perf_counter
from typing import Any

from attrs import define
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.hop_messages import MARK, request
from benchmarks.lean_links import Link, Listening, Turn
from benchmarks.processes import cpu_seconds
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import decode_announcement
from ote_twisted.wire.notices import Ancestry, encode_ancestry

WARM_UP = 0.15
"""Seconds of load before counting begins."""


@define
class Load:
    """One measurement under way."""

    requests: Any
    pid: int
    seconds: float
    tasks: int = 0
    counting: bool = False
    started: float = 0.0
    cpu: float = 0.0
    asked: float = 0.0


class Parent(Link):
    """The end of the middle's link."""

    def __init__(self, turn: Turn, reactor: Any) -> None:
        super().__init__(turn)
        self._reactor = reactor
        self.known: set[str] = set()
        self._load: Load | None = None
        self._round_trips: list[float] = []

    def opened(self) -> None:
        """Tell the middle that there is a way to the root."""
        if self.v2:
            body = encode_ancestry(Ancestry(("root",), True))
            head = pb.MessageHead(Command=pb.Ancestry, ClusterName="root")
        else:
            body = b'{"Childs":{"middle":"127.0.0.1:1"},"Neighbor":null,"ParentNeighbor":null}'
            head = pb.MessageHead(Command=pb.NeighborRoute)
        self.send(pb.ClusterMessage(Head=head, Body=body).SerializeToString())

    def messages_received(self, messages: list[bytes]) -> None:
        """Count answers and ask as many times again; learn names from the rest."""
        answers = len([None for message in messages if MARK in message])
        if answers != len(messages):
            for message in messages:
                if MARK not in message:
                    self._learn(pb.ClusterMessage.FromString(message))
        load = self._load
        if load is None or not answers:
            return
        load.tasks += answers
        if load.counting:
            now = perf_counter()
            self._round_trips.append(now - load.asked)
            load.asked = now
        self.send_many(list(islice(load.requests, answers)))

    def _learn(self, message: pb.ClusterMessage) -> None:
        command = message.Head.Command
        if command == pb.Announce:
            self.known.update(entry.name for entry in decode_announcement(message.Body).present)
        elif command == pb.ClusterRegist:
            self.known.add(json.loads(message.Body)["Name"])
        elif command == pb.SubTreeRoute:
            self.known.update(json.loads(message.Body))

    def begin(self, question: dict[str, Any], tell: Any) -> None:
        """Load as the question says; ``tell`` gets the figures."""
        names = [f"child-{number:05d}" for number in range(question["children"])]
        requests = cycle([request(name, question["size"], self.v2) for name in names])
        self._load = Load(requests, question["pid"], question["seconds"])
        self.send_many(list(islice(requests, question["window"])))
        self._reactor.callLater(WARM_UP, self._count, tell)

    def _count(self, tell: Any) -> None:
        load = self._load
        assert load is not None
        self._round_trips = []
        load.tasks, load.counting, load.cpu = 0, True, cpu_seconds(load.pid)
        load.started = load.asked = perf_counter()
        self._reactor.callLater(load.seconds, self._end, tell)

    def _end(self, tell: Any) -> None:
        load, self._load = self._load, None
        assert load is not None
        cpu, seconds = cpu_seconds(load.pid) - load.cpu, perf_counter() - load.started
        figures = {"tasks": load.tasks, "seconds": seconds, "cpu": cpu, "round_trip": median(self._round_trips or [0])}
        self._reactor.callLater(WARM_UP, tell, figures)


class Questions(LineOnlyReceiver):
    """The harness's questions."""

    delimiter = b"\n"
    parent: Parent | None = None

    def lineReceived(self, line: bytes) -> None:
        """Answer one."""
        question = json.loads(line)
        if not question or self.parent is None:
            self._tell({"known": sorted(self.parent.known) if self.parent else []})
        else:
            self.parent.begin(question, self._tell)

    def _tell(self, answer: dict[str, Any]) -> None:
        self.sendLine(json.dumps(answer).encode())


def main(port: int, v1: bool) -> None:
    """Be a parent until told to stop."""
    from twisted.internet import reactor

    Link.v2 = not v1
    questions = Questions()
    turn = Turn(reactor.callLater)

    def build() -> Parent:
        questions.parent = Parent(turn, reactor)
        return questions.parent

    reactor.listenTCP(port, Listening(build), interface="127.0.0.1")
    StandardIO(questions)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), "v1" in sys.argv[2:])
