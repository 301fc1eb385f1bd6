"""One established tunnel connection as the controller sees it.

Sending queues; at the end of the reactor turn everything queued leaves as few frames and one write. The link is the
producer of its transport: it hands over about 64 KiB at a time and keeps the rest, so that a ping or a close frame never
waits behind more than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import ILink
from ote_twisted.tunnel.acknowledging import owes_acknowledgement
from ote_twisted.tunnel.circuit import Circuit, LinkContext, PlainWriter
from ote_twisted.tunnel.session import OPEN
from ote_twisted.wire.envelope import EnvelopeReader, EnvelopeWriter
from ote_twisted.wire.join import Resume

WRITE_SIZE = 64 * 1024
"""Bytes joined into one write."""

GOING_AWAY = 1001
PROTOCOL_ERROR = 1002


@implementer(ILink, IPushProducer)
class Link:
    """See :class:`ote_twisted.interfaces.ILink`."""

    __slots__ = (
        "__weakref__", "_circuit", "_context", "_dirty", "_faulty", "_handed_over", "_lost", "_paused", "_queued", "_reader",
        "_unconfirmed", "_writer", "congested", "epoch", "instance", "is_parent", "listen", "opened", "peer", "peer_address",
        "resume", "standby", "user_defined_name", "v2",
    )  # fmt: skip
    log = Logger()

    def __init__(
        self,
        context: LinkContext,
        circuit: Circuit,
        *,
        peer: str,
        listen: str,
        user_defined_name: str,
        peer_address: str,
        is_parent: bool,
        v2: bool,
        opened: float,
        instance: str = "",
        epoch: int = 0,
        standby: bool = False,
        resume: Resume | None = None,
    ) -> None:
        self.peer = peer
        self.listen = listen
        self.user_defined_name = user_defined_name
        self.peer_address = peer_address
        self.is_parent = is_parent
        self.v2 = v2
        self.opened = opened
        self.instance = instance
        self.epoch = epoch
        self.standby = standby
        self.resume = resume
        self.congested = False
        self._context = context
        self._circuit = circuit
        limit = context.settings.max_message
        self._writer: EnvelopeWriter | PlainWriter = EnvelopeWriter(limit, keeps=is_parent) if v2 else PlainWriter()
        self._reader = EnvelopeReader(limit) if v2 else None
        self._unconfirmed = 0
        self._queued = 0
        self._handed_over = 0
        self._dirty = False
        self._paused = False
        self._lost = False
        self._faulty = False

    def __repr__(self) -> str:
        kind = "parent" if self.is_parent else "child"
        return f"<Link to {kind} {self.peer or '?'} at {self.peer_address}, {'ote.v2' if self.v2 else 'ote.v1'}>"

    @property
    def queued_bytes(self) -> int:
        """See ILink."""
        return self._queued + self._handed_over

    def silent_for(self, now: float) -> float:
        """Seconds since the peer was heard; 0 while its bytes are not read."""
        return self._circuit.session.silent_for(now)

    # ---- ILink

    def send(self, message: bytes) -> None:
        """See ILink."""
        if self._lost or self._circuit.session.phase is not OPEN:
            self._context.counters.messages_dropped += 1
            return
        settings, size = self._context.settings, len(message)
        if size > settings.max_message:
            self._refuse(size)
            return
        self._writer.add(message)
        self._context.counters.messages_sent += 1
        queued = self._queued = self._queued + size
        if not self._dirty:
            self._dirty = True
            self._context.flusher.mark(self)
        if queued > settings.high_water:
            self._congest()

    def pause_reading(self) -> None:
        """See ILink."""
        session = self._circuit.session
        if not session.held and not self._lost:
            session.hold()
            self._circuit.transport.pauseProducing()

    def resume_reading(self) -> None:
        """See ILink."""
        session = self._circuit.session
        if session.held and not self._lost:
            session.release(self._now())
            self._circuit.transport.resumeProducing()

    def close(self, code: int, reason: str) -> None:
        """See ILink. What is queued is sent before the close frame unless the link is congested."""
        if self._lost or self._circuit.session.phase is not OPEN:
            return
        self._write_queued()
        if self._circuit.session.held:
            self.resume_reading()  # the peer's close frame would never be seen
        self._circuit.start_close(code, reason)

    def unacknowledged(self) -> Sequence[bytes]:
        """See ILink."""
        writer = self._writer
        return writer.unacknowledged() if isinstance(writer, EnvelopeWriter) else ()

    # ---- for the tunnel

    def probe(self) -> None:
        """Ping the peer now, to learn whether it is alive."""
        self._circuit.session.challenge(self._now())
        self._circuit.ping()

    def answered(self, probed: float) -> bool:
        """The peer gave a sign of life since the probe of that clock reading."""
        return self._circuit.session.answered(probed)

    def ping(self) -> None:
        """Ping an idle peer, and acknowledge what was not acknowledged yet."""
        self._context.counters.pings_sent += 1
        self._circuit.ping()
        if self._reader is not None:
            self._write_queued(acknowledge=True)

    def start(self) -> None:
        """The link is established."""
        self._circuit.transport.registerProducer(self, True)
        self._context.counters.links_opened += 1
        self._tell(self._context.sink.link_opened)

    def payloads_received(self, payloads: list[bytes]) -> None:
        """Websocket messages arrived, in order; nothing is taken after a malformed one."""
        if self._lost or self._faulty:
            return
        counters = self._context.counters
        size = sum(map(len, payloads))
        counters.bytes_received += size
        self._unconfirmed += size
        messages = payloads if self._reader is None else self._unpack(self._reader, payloads)
        if messages:
            counters.messages_received += len(messages)
            self._tell(self._context.sink.messages_received, messages)

    def lost(self, reason: str) -> None:
        """The connection is gone, or another session took this one's place. Idempotent."""
        if self._lost:
            return
        self._lost = True
        self._queued = self._handed_over = 0
        self._context.counters.links_lost += 1
        self._tell(self._context.sink.link_lost, reason)

    def replace(self, reason: str) -> None:
        """A newer session took the name: the controller hears of the loss at once, the connection ends behind it."""
        self.lost(reason)
        self._circuit.drop(reason)

    def flush(self) -> None:
        """Write what was queued in this turn; called by the Flusher."""
        self._dirty = False
        self._write_queued()

    # ---- IPushProducer

    def pauseProducing(self) -> None:
        """The transport has enough."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The transport gave everything to the kernel."""
        self._paused = False
        self._handed_over = 0
        self._write_queued()

    def stopProducing(self) -> None:
        """The transport is gone; ``lost`` tells."""
        self._paused = True

    # ---- inside

    def _now(self) -> float:
        return self._context.deadlines.now()

    def _write_queued(self, acknowledge: bool = False) -> None:
        """Write until the queue is empty or the transport has enough; nothing after a close frame."""
        if self._paused or self._lost or self._circuit.session.phase is not OPEN:
            return
        writer = self._writer
        received = self._reader.received if self._reader is not None else 0
        while writer.pending and not self._paused:
            parts: list[bytes] = []
            size = 0
            while size < WRITE_SIZE and (payload := writer.next_payload(received) if writer.pending else None) is not None:
                size += self._circuit.encode(payload, parts)
            self._write(parts, size)
        self._queued = writer.queued_bytes if writer.pending else 0
        if not self._paused:
            self._acknowledge(received, acknowledge)
        if self.congested and self.queued_bytes <= self._context.settings.low_water:
            self.congested = False
            self._tell(self._context.sink.link_drained)

    def _write(self, parts: list[bytes], size: int) -> None:
        self._handed_over += size
        self._context.counters.bytes_sent += size
        self._circuit.transport.write(b"".join(parts))
        if not self._paused:
            self._handed_over = 0

    def _acknowledge(self, received: int, at_once: bool) -> None:
        writer = self._writer
        if not isinstance(writer, EnvelopeWriter):
            return
        messages = received - writer.sent_acknowledge
        if messages == 0:
            self._unconfirmed = 0
        elif at_once or owes_acknowledgement(messages, self._unconfirmed):
            self._unconfirmed = 0
            payload = writer.next_payload(received)
            if payload is not None:
                parts: list[bytes] = []
                self._write(parts, self._circuit.encode(payload, parts))

    def _refuse(self, size: int) -> None:
        self._context.counters.messages_refused += 1
        limit = self._context.settings.max_message
        self.log.warn("a message of {size} bytes for {link} is over {limit} and not sent", size=size, link=self, limit=limit)

    def _congest(self) -> None:
        self.congested = True
        if self._queued > self._context.settings.hard_bound:
            self._context.counters.slow_readers += 1
            self.log.warn("{link} is dropped as a slow reader with {bytes} bytes queued", link=self, bytes=self.queued_bytes)
            self._circuit.drop(f"slow reader: {self.queued_bytes} bytes were queued")

    def _unpack(self, reader: EnvelopeReader, payloads: list[bytes]) -> list[bytes]:
        messages: list[bytes] = []
        writer = self._writer
        assert isinstance(writer, EnvelopeWriter)
        try:
            for payload in payloads:
                messages += reader.feed(payload)
            if reader.acknowledged > writer.acknowledged:
                writer.acknowledge_received(reader.acknowledged)
        except MalformedMessage as fault:
            self._faulty = True
            self._context.counters.malformed_messages += 1
            self.log.warn("{link} sent a malformed message: {fault}", link=self, fault=str(fault))
            self.close(PROTOCOL_ERROR, str(fault))
        if owes_acknowledgement(reader.received - writer.sent_acknowledge, self._unconfirmed) and not self._dirty:
            self._dirty = True
            self._context.flusher.mark(self)
        return messages

    def _tell(self, what: Any, *arguments: Any) -> None:
        """Call the sink; what it breaks is its own fault and must not break the connection."""
        try:
            what(self, *arguments)
        except Exception:
            self._context.counters.sink_failures += 1
            self.log.failure("the receiver of {link} failed", link=self)
