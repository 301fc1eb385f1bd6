"""A request on its way to many next hops: everything but the addressing is encoded once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ote_twisted.topology.selection.v1 import V1Selector, from_v1, to_v1
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.limits import TREE_DEPTH_LIMIT

ADDRESSING = ("ClusterSelector", "Targets", "WholeSubtree", "SubtreeDigest")


PERFORMED = frozenset({pb.ControlReq, pb.ControlMultiReq})
"""Commands that a cluster performs. They are sent again when a child's subtree was not the one that was meant."""


class OutgoingRequest:
    """Encodes one request for each next hop.

    :ivar head: its head as it came.
    :ivar returnable: whoever sent it can be told that it was not delivered; an original cannot.
    """

    def __init__(self, message: pb.ClusterMessage) -> None:
        """:param message: the request as received or made; not changed."""
        self.head = message.Head
        self.returnable = message.Head.HopLimit > 0 and message.Head.Command in PERFORMED
        rest = pb.ClusterMessage()
        rest.CopyFrom(message)
        rest.ClearField("Head")
        self._rest = rest.SerializeToString()
        self._head = pb.MessageHead()
        self._head.CopyFrom(message.Head)
        for field in ADDRESSING:
            self._head.ClearField(field)
        self.uid = message.Head.Uid
        self.command = message.Head.Command
        self.size = len(self._rest)
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


REMEMBERED = 16_384
"""Selectors and addresses of originals that are understood once; they address the same children again and again."""

REMEMBERED_LENGTH = 128
"""Longest selector that is remembered, characters: one name, quoted, and a little more."""


def v1_selector(text: str) -> V1Selector:
    """What an original's selector means. Its sender resolved it to names (F3)."""
    return _understood(text) if len(text) <= REMEMBERED_LENGTH else from_v1(text, resolved=True)


@lru_cache(maxsize=REMEMBERED)
def _understood(text: str) -> V1Selector:
    return from_v1(text, resolved=True)


def only_name(text: str) -> str:
    """The one name that an original's selector chooses; empty when there may be others."""
    return _only_name(text) if len(text) <= REMEMBERED_LENGTH else ""


@lru_cache(maxsize=REMEMBERED)
def _only_name(text: str) -> str:
    selector = v1_selector(text)
    if selector.everything or selector.searches or len(selector.names) != 1:
        return ""
    return next(iter(selector.names))


@lru_cache(maxsize=REMEMBERED)
def address(name: str, v2: bool, selector: str) -> bytes:
    """What to append to an encoded request with one target, for a child that speaks another wire than its sender.

    protobuf merges a second head into the first, so the request is not encoded anew (docs/wire.md).

    :param v2: the child speaks ote.v2.
    :param selector: the selector that the request has.
    """
    if v2:
        head = pb.MessageHead(Targets=[name], HopLimit=TREE_DEPTH_LIMIT - 1)
    elif selector != (anchored := to_v1((name,))):
        head = pb.MessageHead(ClusterSelector=anchored)
    else:
        return b""
    return pb.ClusterMessage(Head=head).SerializeToString()
