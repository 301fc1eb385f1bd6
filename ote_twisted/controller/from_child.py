"""Messages from children that are neither answers nor reports: routes, what could not be delivered, and the unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from ote_twisted.controller.claims import Claims
from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import ILink
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.notices import decode_undeliverable

ROUTES = frozenset({pb.Announce, pb.SubTreeRoute, pb.ClusterRegist, pb.ClusterUnregist})


class FromChild:
    """Takes what a child says of its subtree.

    :ivar malformed: bodies out of grammar.
    :ivar spoofed: claims about targets that are not below the child.
    """

    _log = Logger()

    def __init__(
        self,
        table: RoutingTable,
        claims: Claims,
        changed: Callable[[Difference], None],
        again: Callable[[str, str], bool],
        undelivered: Callable[[pb.MessageHead, Sequence[str], str], object],
        carry: Callable[[pb.ClusterMessage, bytes], None],
        carries: Callable[[ILink], None],
    ) -> None:
        """
        :param changed: takes what an announcement changed.
        :param again: (child, uid) sends a request again by names that was meant for the child's whole subtree.
        :param undelivered: tells the owner of a request which targets had no way and why.
        :param carry: takes a message with an unknown command, and its bytes, upwards.
        :param carries: is told that a link that stood by begins to carry.
        """
        self.malformed = 0
        self.spoofed = 0
        self._table = table
        self._claims = claims
        self._changed = changed
        self._again = again
        self._undelivered = undelivered
        self._carry = carry
        self._carries = carries

    def received(self, link: ILink, message: pb.ClusterMessage, raw: bytes) -> None:
        """Take one message; a malformed body changes nothing."""
        head = message.Head
        if head.Command in ROUTES:
            if link.standby:
                self._carries(link)
            self._changed(self._claims.received(link, message))
        elif head.Command == pb.Undeliverable:
            self._not_delivered(link, message)
        elif head.ClusterName and not self._table.speaks(link.peer, head.ClusterName):
            self.spoofed += 1
        else:
            self._carry(message, raw)

    def _not_delivered(self, link: ILink, message: pb.ClusterMessage) -> None:
        try:
            told = decode_undeliverable(message.Body)
        except MalformedMessage as fault:
            self.malformed += 1
            self._log.warn("message of {child} refused: {fault}", child=link.peer, fault=str(fault))
            return
        if not told.targets:
            self._whole_not_delivered(link, message.Head, told.reason)
            return
        via, child = self._table.via, link.peer
        foreign = [name for name in told.targets if via.get(name, child) != child and not self._table.speaks(child, name)]
        self.spoofed += len(foreign)
        self._undelivered(message.Head, [name for name in told.targets if name not in foreign], told.reason)

    def _whole_not_delivered(self, link: ILink, head: pb.MessageHead, reason: str) -> None:
        if not self._again(link.peer, head.Uid):
            below = self._table.children[link.peer].claims
            self._undelivered(head, [name for name, claim in below.items() if claim.routed], reason)
