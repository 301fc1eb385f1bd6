"""A request on its way to many next hops: everything but the addressing is encoded once. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ote_twisted.topology.selection.v1 import to_v1
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.limits import TREE_DEPTH_LIMIT

ADDRESSING = ("ClusterSelector", "Targets", "WholeSubtree", "SubtreeDigest")


class OutgoingRequest:
    """Encodes one request for each next hop."""

    def __init__(self, message: pb.ClusterMessage) -> None:
        """:param message: the request as received or made; not changed."""
        rest = pb.ClusterMessage()
        rest.CopyFrom(message)
        rest.ClearField("Head")
        self._rest = rest.SerializeToString()
        self._head = pb.MessageHead()
        self._head.CopyFrom(message.Head)
        for field in ADDRESSING:
            self._head.ClearField(field)
        self.uid = message.Head.Uid
        self._head.HopLimit = (message.Head.HopLimit or TREE_DEPTH_LIMIT) - 1

    def to_names(self, names: Sequence[str]) -> bytes:
        """For an ote.v2 child that passes it on to exactly these."""
        head = self._head
        head.ClearField("WholeSubtree")
        head.ClearField("SubtreeDigest")
        del head.Targets[:]
        head.Targets.extend(names)
        return self._encode(head)

    def to_whole_subtree(self, digest: int) -> bytes:
        """For an ote.v2 child that passes it on to everything below it, if its subtree has this digest."""
        head = self._head
        del head.Targets[:]
        head.WholeSubtree = True
        head.SubtreeDigest = digest
        return self._encode(head)

    def to_v1(self, names: Sequence[str]) -> bytes:
        """For an ote.v1 child: names as anchored, quoted expressions, which stay exact over its further hops (F3)."""
        head = pb.MessageHead()
        head.CopyFrom(self._head)
        for field in (*ADDRESSING, "HopLimit", "DeadlineMilliseconds"):
            head.ClearField(field)
        head.ClusterSelector = to_v1(names)
        return self._encode(head)

    def _encode(self, head: pb.MessageHead) -> bytes:
        return pb.ClusterMessage(Head=head).SerializeToString() + self._rest
