"""Encoded ClusterMessages to generated protobuf objects and back; hop limits counted down without touching bodies.

The generated classes are used as they are: a wrapper would cost more than the parse. Unknown fields stay in them
and unknown commands are legal, so that whatever passes through keeps what it carried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from google.protobuf.message import DecodeError

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage, MessageHead
from ote_twisted.wire.limits import MESSAGE_LIMIT

_parse: Final[Callable[[bytes], ClusterMessage]] = ClusterMessage.FromString


def decode(raw: bytes) -> ClusterMessage:
    """Read one message from a peer.

    :raise MalformedMessage: not protobuf, text that is not UTF-8, no head, or longer than the limit.
    """
    try:
        if len(raw) > MESSAGE_LIMIT:
            raise MalformedMessage(f"ClusterMessage: {len(raw)} bytes are over the limit of {MESSAGE_LIMIT}")
        message = _parse(raw)
    except (DecodeError, TypeError) as fault:
        raise undecodable("ClusterMessage", fault) from None
    if not message.HasField("Head"):
        raise MalformedMessage("ClusterMessage.Head: missing")
    return message


def encode(message: ClusterMessage) -> bytes:
    """Write one message: known fields in ascending order, the head always present (peers of v1 crash without one).

    :raise MalformedMessage: longer than the limit.
    """
    message.Head.SetInParent()
    raw = message.SerializeToString()
    if len(raw) > MESSAGE_LIMIT:
        raise MalformedMessage(f"ClusterMessage: {len(raw)} bytes are over the limit of {MESSAGE_LIMIT}")
    return raw


def undecodable(what: str, fault: Exception) -> MalformedMessage:
    """The error for bytes that protobuf refused; ``what`` names the field or message."""
    reason = str(fault).rpartition(": ")[2]
    return MalformedMessage(f"{what}: {reason}")


def _hop_limit_suffix(hops: int) -> bytes:
    if not 0 < hops < 1 << 32:
        raise ValueError(f"hop limit {hops}: a message without hops left is not sent on")
    return ClusterMessage(Head=MessageHead(HopLimit=hops)).SerializeToString()


_HOP_LIMITS: Final = {hops: _hop_limit_suffix(hops) for hops in range(1, 256)}


def with_hop_limit(raw: bytes, hops: int) -> bytes:
    """The same message with ``hops`` left; the body is not looked at.

    A second head is appended that holds nothing else: protobuf merges it into the first, and the last scalar wins.

    :raise ValueError: less than 1 hop is left, and 0 would mean "not limited".
    """
    try:
        return raw + _HOP_LIMITS[hops]
    except KeyError:
        return raw + _hop_limit_suffix(hops)
