"""Links without a tunnel: what is sent is kept, and moves to the other end, if there is one, when it is told to."""

from __future__ import annotations

from zope.interface import implementer

from ote_twisted.interfaces import ILink, ILinkSink
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.join import Resume


@implementer(ILink)
class MemoryLink:
    """One end of a link.

    :ivar sent: every message taken by :meth:`send`, in order; see :meth:`take`.
    :ivar reading: the peer's messages are taken.
    :ivar stalled: the peer takes none of ours.
    :ivar ended: why the link is gone; empty while it is not.
    :ivar far: the other end.
    """

    def __init__(
        self,
        peer: str = "",
        sink: ILinkSink | None = None,
        v2: bool = True,
        is_parent: bool = False,
        listen: str = "",
        user_defined_name: str = "",
        high_water: int = 64 * 1024,
        hard_bound: int = 1024 * 1024,
        instance: str = "",
        epoch: int = 0,
        standby: bool = False,
        resume: Resume | None = None,
    ) -> None:
        """:param sink: is told of everything; it hears of the link by :meth:`open`."""
        self.peer = peer
        self.listen = listen
        self.user_defined_name = user_defined_name
        self.peer_address = f"{peer or 'parent'}:30000"
        self.is_parent = is_parent
        self.v2 = v2
        self.opened = 0.0
        self.instance = instance
        self.epoch = epoch
        self.standby = standby
        self.resume = resume
        self.congested = False
        self.queued_bytes = 0
        self.sent: list[bytes] = []
        self.reading = True
        self.stalled = False
        self.ended = ""
        self.far: MemoryLink | None = None
        self.sink: ILinkSink = RecordingSink() if sink is None else sink
        self._bounds = high_water, hard_bound
        self._queue: list[bytes] = []
        self._kept: list[bytes] = []
        self._closing = ""
        self._taken = 0

    def __repr__(self) -> str:
        return f"<MemoryLink to {'parent' if self.is_parent else 'child'} {self.peer or '?'}>"

    # ---- ILink

    def send(self, message: bytes) -> None:
        """See :meth:`ILink.send`."""
        if self.ended or self._closing:
            return
        self.sent.append(message)
        self._queue.append(message)
        self._kept.append(message)
        self.queued_bytes += len(message)
        high_water, hard_bound = self._bounds
        self.congested = self.congested or self.queued_bytes > high_water
        if self.queued_bytes > hard_bound:
            self.end(f"slow reader: {self.queued_bytes} bytes were queued")

    def unacknowledged(self) -> list[bytes]:
        """See :meth:`ILink.unacknowledged`. What was moved is acknowledged."""
        return list(self._kept) if self.is_parent and self.v2 else []

    def pause_reading(self) -> None:
        """See :meth:`ILink.pause_reading`."""
        self.reading = False

    def resume_reading(self) -> None:
        """See :meth:`ILink.resume_reading`."""
        self.reading = True

    def close(self, code: int, reason: str) -> None:
        """See :meth:`ILink.close`; it happens when the queue is moved."""
        self._closing = self._closing or f"closed with {code} {reason}"

    # ---- for tests

    def open(self) -> MemoryLink:
        """Tell the sink that the link is established."""
        self.sink.link_opened(self)
        return self

    def take(self) -> list[pb.ClusterMessage]:
        """The messages sent since the last call, decoded."""
        taken, self._taken = self._taken, len(self.sent)
        return [decode(raw) for raw in self.sent[taken:]]

    def receive(self, *messages: bytes | pb.ClusterMessage) -> None:
        """The peer sends these, in one turn."""
        raws = [each if isinstance(each, bytes) else each.SerializeToString() for each in messages]
        self.sink.messages_received(self, raws)

    def move(self) -> bool:
        """Give the peer what is queued, then close if that was asked for. Gives whether anything happened."""
        moved = False
        takes = self.far is None or self.far.reading
        if self._queue and takes and not self.stalled and not self.ended:
            moved = True
            self._deliver()
        if self._closing and not self.ended and not self._queue:
            moved = True
            self.end(self._closing)
        return moved

    def end(self, reason: str) -> None:
        """The link is gone at both ends."""
        if self.ended:
            return
        self.ended = reason
        self.congested, self.queued_bytes, self._queue = False, 0, []
        self.sink.link_lost(self, reason)
        if self.far is not None:
            self.far.end(reason)

    def _deliver(self) -> None:
        queue, self._queue, self.queued_bytes = self._queue, [], 0
        self._kept.clear()
        if self.far is not None:
            self.far.sink.messages_received(self.far, queue)
        if self.congested:
            self.congested = False
            self.sink.link_drained(self)


def join(near: MemoryLink, far: MemoryLink) -> None:
    """Make two ends one link and open it at both."""
    near.far, far.far = far, near
    near.open()
    far.open()


def settle(*links: MemoryLink) -> None:
    """Move everything until nothing moves."""
    while any([link.move() for link in links]):
        pass
