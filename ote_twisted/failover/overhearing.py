"""What is read of a link that stands by. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.notices import Ancestry, decode_ancestry, decode_neighbourhood

KEPT = (pb.Ancestry, pb.Neighbourhood)
"""What the controller has to hear once the link carries; the newest of each says all."""


class Overheard:
    """Keeps what a parent tells of the tree before its link carries; everything else is not for us yet."""

    def __init__(self) -> None:
        self._kept: dict[int, bytes] = {}
        self._malformed = 0

    @property
    def messages(self) -> list[bytes]:
        """What the controller has to hear."""
        return list(self._kept.values())

    def received(self, messages: Sequence[bytes]) -> list[Ancestry]:
        """Take messages; gives what they say of the way to the root."""
        told: list[Ancestry] = []
        for raw in messages:
            try:
                self._take(raw, told)
            except MalformedMessage:
                self._malformed += 1
        return told

    def take_malformed(self) -> int:
        """Messages out of grammar since the last call."""
        malformed, self._malformed = self._malformed, 0
        return malformed

    def _take(self, raw: bytes, told: list[Ancestry]) -> None:
        message = decode(raw)
        if message.Head.Command == pb.Ancestry:
            told.append(decode_ancestry(message.Body))
        elif message.Head.Command == pb.Neighbourhood:
            decode_neighbourhood(message.Body)
        if message.Head.Command in KEPT:
            self._kept[message.Head.Command] = raw
