"""Messages too long for one websocket message: cut into chunks, and put together again within bounds.

Sending, each long message opens a *lane* for its flow. What follows in that flow waits in the lane, everything else
may overtake; lanes take turns, one chunk each.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from attrs import Factory

from ote_twisted.errors import MalformedMessage
from ote_twisted.values import define
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.limits import MESSAGE_LIMIT, OPEN_CHUNKED_LIMIT, PAYLOAD_LIMIT

ENVELOPE_ROOM: Final = 64
"""Bytes of a payload kept for everything that is not a message or a chunk's data."""

CHUNK_LENGTH: Final = PAYLOAD_LIMIT - ENVELOPE_ROOM
"""A message up to this length travels in a batch, a longer one in chunks of this length."""

_ROUTE_COMMANDS: Final = frozenset(
    (
        pb.ClusterRegist, pb.ClusterUnregist, pb.NeighborRoute, pb.SubTreeRoute,
        pb.Announce, pb.Ancestry, pb.Refusal, pb.AnnounceRequest, pb.Neighbourhood,
    )
)  # fmt: skip


def flow_of(message: bytes) -> tuple[str, str]:
    """The flow of an encoded message; within a flow no message overtakes another.

    Routes are one flow, what comes from one cluster is one, and so is every generation of one task.
    """
    try:
        head = decode(message).Head
    except MalformedMessage:
        return ("", "")
    if head.Command in _ROUTE_COMMANDS:
        return ("routes", "")
    if head.ClusterName:
        return ("from", head.ClusterName)
    return ("task", head.Uid.rpartition(".")[0] or head.MessageID)


@define
class Lane:
    """One flow with a long message at its front.

    :ivar flow: see :func:`flow_of`.
    :ivar messages: the long message and what waits for it.
    :ivar after: batches that have to be handed out before the long message may begin.
    :ivar id: chunk id of the long message.
    :ivar offset: bytes of it already cut off.
    """

    flow: tuple[str, str]
    messages: deque[bytes]
    after: int
    id: int = 0
    offset: int = 0


@define
class ChunkSplitter:
    """The long messages waiting on the sending side of one link.

    :ivar limit: the most that the long messages under way may be together, bytes.
    :ivar lanes: by flow; empty when nothing waits. Not to be changed.
    :ivar queued_bytes: bytes in all lanes not cut off yet.
    """

    limit: int = MESSAGE_LIMIT
    lanes: dict[tuple[str, str], Lane] = Factory(dict)
    queued_bytes: int = 0
    _waiting: list[Lane] = Factory(list)
    _open: list[Lane] = Factory(list)
    _open_bytes: int = 0
    _last_id: int = 0

    def take(self, message: bytes, sealed: int) -> bool:
        """Keep ``message`` if it is long or follows a long one of its flow; otherwise it may go at once.

        :param sealed: batches made before this message; none of them may be overtaken.
        """
        flow = flow_of(message)
        lane = self.lanes.get(flow)
        if lane is None:
            if len(message) <= CHUNK_LENGTH:
                return False
            lane = self.lanes[flow] = Lane(flow, deque(), sealed)
            self._waiting.append(lane)
        lane.messages.append(message)
        self.queued_bytes += len(message)
        return True

    def next_chunk(self, handed_out: int) -> tuple[pb.Chunk, Lane | None] | None:
        """Cut the next chunk; ``None`` when all lanes wait for batches.

        :param handed_out: batches handed out so far.
        :return: the chunk, and its lane if this was the last one of its message: to be given to :meth:`release`.
        """
        lane = self._next_lane(handed_out)
        if lane is None:
            return None
        message = lane.messages[0]
        data = message[lane.offset : lane.offset + CHUNK_LENGTH]
        chunk = pb.Chunk(Id=lane.id, Total=len(message), Offset=lane.offset, Data=data)
        lane.offset += len(data)
        self.queued_bytes -= len(data)
        if lane.offset < len(message):
            self._open.append(lane)
            return chunk, None
        self._open_bytes -= len(message)
        return chunk, lane

    def _next_lane(self, handed_out: int) -> Lane | None:
        if self._waiting and self._may_open(self._waiting[0], handed_out):
            lane = self._waiting.pop(0)
            self._last_id += 1
            lane.id, lane.offset = self._last_id, 0
            self._open_bytes += len(lane.messages[0])
            return lane
        return self._open.pop(0) if self._open else None

    def _may_open(self, lane: Lane, handed_out: int) -> bool:
        """Its predecessors are gone, and the receiver has room."""
        if lane.after > handed_out:
            return False
        room = self.limit - self._open_bytes
        return not self._open or (len(self._open) < OPEN_CHUNKED_LIMIT and len(lane.messages[0]) <= room)

    def release(self, lane: Lane) -> list[bytes]:
        """The lane's front is sent: drop it, and give the short messages that waited for it.

        If a further long one waits behind them the lane goes on, and the caller tells it by :meth:`wait` what for.
        """
        messages = lane.messages
        messages.popleft()
        released = []
        while messages and len(messages[0]) <= CHUNK_LENGTH:
            released.append(messages.popleft())
            self.queued_bytes -= len(released[-1])
        if not messages:
            del self.lanes[lane.flow]
        return released

    def wait(self, lane: Lane, sealed: int) -> None:
        """Put a lane with a further long message behind the batches made so far."""
        lane.after = sealed
        self._waiting.append(lane)


@define
class ChunkJoiner:
    """The chunked messages under way on the receiving side of one link.

    :ivar limit: longest message, and the most that those under way may announce together, bytes.
    :ivar open_bytes: what those under way have announced.
    """

    limit: int = MESSAGE_LIMIT
    open_bytes: int = 0
    _parts: dict[int, tuple[int, bytearray]] = Factory(dict)
    _last_id: int = 0

    def add(self, chunk: pb.Chunk) -> bytes | None:
        """Take one chunk; gives the message when it is the last of one.

        :raise MalformedMessage: the chunk breaks a rule; the link cannot go on.
        """
        data = chunk.Data
        total, part = self._parts.get(chunk.Id) or self._begin(chunk)
        if chunk.Total != total:
            raise MalformedMessage(f"Chunk.Total: {chunk.Total}, it was {total} before")
        if chunk.Offset != len(part):
            raise MalformedMessage(f"Chunk.Offset: {chunk.Offset}; {len(part)} comes next")
        if not data or len(part) + len(data) > total:
            raise MalformedMessage(f"Chunk.Data: {len(data)} bytes where from 1 to {total - len(part)} are left")
        part += data
        if len(part) < total:
            return None
        del self._parts[chunk.Id]
        self.open_bytes -= total
        return bytes(part)

    def _begin(self, chunk: pb.Chunk) -> tuple[int, bytearray]:
        if chunk.Id <= self._last_id:
            raise MalformedMessage(f"Chunk.Id: {chunk.Id} is over already; ids grow")
        if len(self._parts) >= OPEN_CHUNKED_LIMIT:
            raise MalformedMessage(f"Chunk.Id: more than {OPEN_CHUNKED_LIMIT} messages at the same time")
        if self.open_bytes + chunk.Total > self.limit:
            raise MalformedMessage(
                f"Chunk.Total: {chunk.Total} bytes, {self.open_bytes} under way, over the limit of {self.limit}"
            )
        self._last_id = chunk.Id
        self.open_bytes += chunk.Total
        self._parts[chunk.Id] = begun = (chunk.Total, bytearray())
        return begun
