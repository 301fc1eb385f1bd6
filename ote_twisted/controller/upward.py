"""Messages on their way up: from children to the owner of a task here, or on to the parent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import ILink
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode, with_hop_limit

CARRIED = frozenset({pb.ControlResp, pb.EdgeReport})
"""Commands that speak of the cluster in Head.ClusterName and travel to their consumer untouched."""


class Upward:
    """Passes on what children say, if they may say it.

    :ivar forwarded: messages passed on.
    :ivar malformed: undecodable messages from children.
    :ivar spoofed: messages that spoke for a cluster that is not, and was not, below the child they came from (F15).
    :ivar exhausted: messages whose hop limit ran out.
    """

    def __init__(
        self,
        table: RoutingTable,
        forward: Callable[[bytes], None],
        answered: Callable[[pb.ClusterMessage], None],
        reported: Callable[[pb.ClusterMessage, bytes], None],
        other: Callable[[ILink, pb.ClusterMessage, bytes], None],
    ) -> None:
        """
        :param forward: sends encoded bytes to the parent.
        :param answered: takes answers to tasks owned here.
        :param reported: takes edge reports.
        :param other: takes every other message.
        """
        self.forwarded = 0
        self.malformed = 0
        self.spoofed = 0
        self.exhausted = 0
        self._own = table.own.name
        self._via = table.via
        self._speaks = table.speaks
        self._forward = forward
        self._answered = answered
        self._reported = reported
        self._other = other

    def received(self, link: ILink, messages: Sequence[bytes]) -> None:
        """Take messages from a child, in order. The first lines are the hot path: answers to an owner further up."""
        child, via, own, forward = link.peer, self._via, self._own, self._forward
        for raw in messages:
            try:
                message = decode(raw)
            except MalformedMessage:
                self.malformed += 1
                continue
            head = message.Head
            if head.Command not in CARRIED:
                self._other(link, message, raw)
            elif via.get(head.ClusterName) != child and not self._speaks(child, head.ClusterName):
                self.spoofed += 1
            elif head.Command == pb.EdgeReport:
                self._reported(message, raw)
            elif head.ParentClusterName == own:
                self._answered(message)
            elif (hops := head.HopLimit) > 1:
                self.forwarded += 1
                forward(with_hop_limit(raw, hops - 1))
            else:
                self.pass_on(hops, raw)

    def carry(self, message: pb.ClusterMessage, raw: bytes) -> None:
        """Send a message to the parent that says, if nobody has said it yet, whose child it comes from."""
        if not message.Head.ParentClusterName:
            raw += pb.ClusterMessage(Head=pb.MessageHead(ParentClusterName=self._own)).SerializeToString()
        self.pass_on(message.Head.HopLimit, raw)

    def pass_on(self, hops: int, raw: bytes) -> None:
        """Send one message to the parent with its hop limit counted down; 0 is a sender that sets none."""
        if hops == 1:
            self.exhausted += 1
            return
        self.forwarded += 1
        self._forward(with_hop_limit(raw, hops - 1) if hops else raw)
