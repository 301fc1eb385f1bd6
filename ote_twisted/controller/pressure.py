"""Back-pressure: while the parent takes less than is sent, whoever causes it is not read, and our own answers wait."""

from __future__ import annotations

from ote_twisted.controller.outbox import Outbox
from ote_twisted.controller.uplink import Uplink
from ote_twisted.interfaces import ILink
from ote_twisted.wire import clustermessage_pb2 as pb


class BackPressure:
    """Pauses children until the uplink is drained, or gone."""

    def __init__(self, own: str, uplink: Uplink, outbox: Outbox) -> None:
        """:param own: name of this controller."""
        self._own = own
        self._uplink = uplink
        self._outbox = outbox
        self._paused: set[ILink] = set()

    @property
    def high(self) -> bool:
        """The parent takes less than there is for it."""
        return self._uplink.congested or self._outbox.congested

    def sent_up(self, child: ILink) -> None:
        """A child's messages went up."""
        if self._uplink.congested:
            child.pause_reading()
            self._paused.add(child)

    def holds(self, head: pb.MessageHead) -> bool:
        """The answer to the request with this head would have to go up, or wait for that, where there is no room for it."""
        return (self.high or self._outbox.full) and head.ParentClusterName != self._own

    def forget(self, link: ILink) -> None:
        """A link is gone."""
        self._paused.discard(link)

    def release(self) -> None:
        """There is room again, or no uplink any more."""
        paused, self._paused = self._paused, set()
        for link in paused:
            link.resume_reading()
