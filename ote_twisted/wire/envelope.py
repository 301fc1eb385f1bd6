"""Websocket messages of ``ote.v2``: many cluster messages in one payload, long ones in chunks, both ways acknowledged.

One writer and one reader per link. They know no transport: the tunnel asks the writer for payloads as long as its
transport takes them, and gives the reader what arrives. Thousands of links are idle at any time, so both are small:
their queues are lists, which cost nothing while empty and hold few payloads when not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import repeat
from typing import Final

from google.protobuf.message import DecodeError

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire.chunks import CHUNK_LENGTH, ChunkJoiner, ChunkSplitter, Lane
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage
from ote_twisted.wire.codec import undecodable
from ote_twisted.wire.limits import MESSAGE_LIMIT, PAYLOAD_LIMIT

_FRAMING: Final = 5
"""What one message costs in a batch besides itself, bytes at most."""
_BATCH_ROOM: Final = CHUNK_LENGTH + _FRAMING

_parse: Final[Callable[[bytes], ClusterMessage]] = ClusterMessage.FromString


class EnvelopeWriter:
    """The sending side of one link.

    Messages that fit a batch leave in the order added. A longer one is chunked, and between two chunks the others
    go on; within a flow (:func:`ote_twisted.wire.chunks.flow_of`) nothing is overtaken.

    :ivar sequence: link sequence number that the next completed message gets; everything below it was handed out.
    :ivar acknowledged: highest of our sequence numbers that the peer has acknowledged.
    :ivar sent_acknowledge: the last ``Acknowledge`` that was handed out.
    :ivar refused: messages dropped because they were over the limit.
    """

    __slots__ = (
        "_batch", "_chunk_is_next", "_chunks", "_kept", "_lanes", "_limit", "_room", "_sealed", "_sealed_bytes", "_sealed_count",
        "acknowledged", "refused", "sent_acknowledge", "sequence",
    )  # fmt: skip

    def __init__(self, limit: int = MESSAGE_LIMIT, keeps: bool = False) -> None:
        """:param keeps: what was handed out is kept until the peer acknowledges it, see :meth:`unacknowledged`."""
        self.sequence = 1
        self.acknowledged = 0
        self.sent_acknowledge = 0
        self.refused = 0
        self._limit = limit
        self._kept: deque[bytes] | None = deque() if keeps else None
        self._batch: list[bytes] = []
        self._room = _BATCH_ROOM
        self._sealed: list[list[bytes]] = []
        self._sealed_bytes = 0
        self._sealed_count = 0
        self._chunks = ChunkSplitter(limit)
        self._lanes = self._chunks.lanes
        self._chunk_is_next = False

    @property
    def queued_bytes(self) -> int:
        """Bytes added and not yet handed out, framing included."""
        return self._sealed_bytes + _BATCH_ROOM - self._room + self._chunks.queued_bytes

    @property
    def pending(self) -> bool:
        """:meth:`next_payload` would give a payload that carries messages."""
        return bool(self._batch or self._sealed or self._lanes)

    def add(self, message: bytes) -> None:
        """Queue one encoded message. One over the limit is dropped and counted in :attr:`refused`."""
        room = self._room - len(message) - _FRAMING
        if room < 0 or self._lanes:
            self._add_with_care(message)
        else:
            self._room = room
            self._batch.append(message)

    def _add_with_care(self, message: bytes) -> None:
        length = len(message)
        if length > self._limit:
            self.refused += 1
            return
        if length > CHUNK_LENGTH:
            self._seal()
        if (length <= CHUNK_LENGTH and not self._lanes) or not self._chunks.take(message, self._sealed_count):
            self._append(message)

    def _append(self, message: bytes) -> None:
        if self._room < len(message) + _FRAMING:
            self._seal()
        self._room -= len(message) + _FRAMING
        self._batch.append(message)

    def _seal(self) -> None:
        """Close the batch that is being filled."""
        if self._batch:
            self._sealed.append(self._batch)
            self._sealed_count += 1
            self._sealed_bytes += _BATCH_ROOM - self._room
            self._batch, self._room = [], _BATCH_ROOM

    def next_payload(self, acknowledge: int = 0) -> bytes | None:
        """The next websocket message to send, at most 64 KiB, or ``None`` when there is nothing to say.

        :param acknowledge: :attr:`EnvelopeReader.received` of the same link. One that the peer has not been told
            yet makes a payload of its own when no message waits.
        """
        if self._lanes and (self._chunk_is_next or not (self._sealed or self._batch)):
            payload = self._chunk_payload(acknowledge)
            if payload is not None:
                return payload
        batch = self._next_batch()
        if batch:
            self._chunk_is_next = True
            sequence = self.sequence
            self.sequence = sequence + len(batch)
            if self._kept is not None:
                self._kept.extend(batch)
        elif acknowledge <= self.sent_acknowledge:
            return None
        else:
            sequence = 0
        self._told(acknowledge)
        return ClusterMessage(Batch=batch, Sequence=sequence, Acknowledge=acknowledge).SerializeToString()

    def _told(self, acknowledge: int) -> None:
        if acknowledge > self.sent_acknowledge:
            self.sent_acknowledge = acknowledge

    def _next_batch(self) -> list[bytes]:
        if self._sealed:
            batch = self._sealed.pop(0)
            self._sealed_bytes -= sum(map(len, batch)) + _FRAMING * len(batch)
        else:
            batch, self._batch, self._room = self._batch, [], _BATCH_ROOM
        return batch

    def _chunk_payload(self, acknowledge: int) -> bytes | None:
        self._chunk_is_next = False
        cut = self._chunks.next_chunk(self._sealed_count - len(self._sealed))
        if cut is None:
            return None
        chunk, ended = cut
        envelope = ClusterMessage(Chunk=chunk, Acknowledge=acknowledge)
        if ended is not None:
            envelope.Sequence = self.sequence
            self.sequence += 1
            if self._kept is not None:
                self._kept.append(ended.messages[0])
            self._release(ended)
        self._told(acknowledge)
        return envelope.SerializeToString()

    def _release(self, lane: Lane) -> None:
        for message in self._chunks.release(lane):
            self._append(message)
        if lane.messages:
            self._seal()
            self._chunks.wait(lane, self._sealed_count)

    def flush(self, acknowledge: int = 0) -> list[bytes]:
        """Everything that waits, as payloads. For transports without a limit; others use :meth:`next_payload`."""
        payloads = []
        while (payload := self.next_payload(acknowledge)) is not None:
            payloads.append(payload)
        return payloads

    def acknowledge_received(self, number: int) -> None:
        """The peer's ``Acknowledge`` (:attr:`EnvelopeReader.acknowledged`) is ``number``.

        :raise MalformedMessage: it acknowledges what was never sent.
        """
        if number >= self.sequence:
            raise MalformedMessage(f"Acknowledge: {number}, but {self.sequence - 1} was the last that was sent")
        if self._kept is not None:
            drop = self._kept.popleft
            for _ in repeat(None, number - self.acknowledged):
                drop()
        self.acknowledged = number

    def unacknowledged(self) -> list[bytes]:
        """Every message that was added and that the peer has not acknowledged: those handed out, in their order, then the rest.

        Of those handed out only what a writer that keeps them knows.
        """
        waiting = [message for batch in self._sealed for message in batch]
        long = [message for lane in self._lanes.values() for message in lane.messages]
        return [*(self._kept or ()), *waiting, *self._batch, *long]


class EnvelopeReader:
    """The receiving side of one link.

    After a :class:`~ote_twisted.errors.MalformedMessage` the order of the link is lost: it must be closed.

    :ivar received: every message up to this link sequence number has been given out; to be acknowledged.
    :ivar acknowledged: the peer's last ``Acknowledge``.
    """

    __slots__ = ("_chunks", "acknowledged", "received")

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self.received = 0
        self.acknowledged = 0
        self._chunks = ChunkJoiner(limit)

    @property
    def buffered_bytes(self) -> int:
        """What the chunked messages under way have announced, bytes."""
        return self._chunks.open_bytes

    def feed(self, payload: bytes) -> list[bytes]:
        """Take one websocket message; gives the encoded cluster messages that it completes, in order.

        :raise MalformedMessage: with the field and the rule.
        """
        if len(payload) > PAYLOAD_LIMIT:
            raise MalformedMessage(f"envelope: {len(payload)} bytes are over the limit of {PAYLOAD_LIMIT}")
        try:
            envelope = _parse(payload)
        except (DecodeError, TypeError) as fault:
            raise undecodable("envelope", fault) from None
        if envelope.HasField("Head") or envelope.Body:
            raise MalformedMessage("envelope: has a Head or a Body; messages of ote.v2 travel in Batch or Chunk")
        messages = envelope.Batch[:]
        if envelope.HasField("Chunk"):
            message = self._chunks.add(envelope.Chunk)
            if message is not None:
                messages.append(message)
        if messages:
            self._number(envelope.Sequence, len(messages))
        acknowledge = envelope.Acknowledge
        if acknowledge != self.acknowledged:
            self._acknowledge(acknowledge)
        return messages

    def _number(self, sequence: int, count: int) -> None:
        if sequence != self.received + 1:
            raise MalformedMessage(f"Sequence: {sequence}; {self.received + 1} comes next")
        self.received += count

    def _acknowledge(self, acknowledge: int) -> None:
        """An absent (0) acknowledgement says nothing new."""
        if 0 < acknowledge < self.acknowledged:
            raise MalformedMessage(f"Acknowledge: {acknowledge} after {self.acknowledged}")
        self.acknowledged = acknowledge or self.acknowledged
