"""Messages on their way down: from the parent, or from a task owned here, to the children and to the own shim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ote_twisted.controller.outgoing import PERFORMED, OutgoingRequest, address, only_name, v1_selector
from ote_twisted.controller.wholes import WholeRequests
from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import ILink
from ote_twisted.topology.table import RoutingTable, paths
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode, with_hop_limit

NEIGHBOURLY = frozenset(
    {
        pb.ClusterRegist,
        pb.ClusterUnregist,
        pb.NeighborRoute,
        pb.SubTreeRoute,
        pb.Announce,
        pb.Ancestry,
        pb.Undeliverable,
        pb.Refusal,
        pb.AnnounceRequest,
    }
)
"""Commands between two neighbours. Every other goes on to its targets, known or not."""


FULL = 32 * 1024 * 1024
"""See :class:`Downward`."""


class Downward:
    """Forwards requests towards their targets; looks at heads only.

    :ivar forwarded: messages passed to a child.
    :ivar malformed: undecodable messages from the parent.
    :ivar exhausted: messages whose hop limit ran out.
    :ivar undeliverable: targets that had no way, or one with no room.
    :ivar faulty_selectors: parts of originals' selectors that are no expression and choose nobody (F5).
    """

    def __init__(
        self,
        table: RoutingTable,
        links: dict[str, ILink],
        perform: Callable[[pb.ClusterMessage], None],
        undeliverable: Callable[[pb.MessageHead, Sequence[str], str], object],
        other: Callable[[ILink, pb.ClusterMessage, bytes], None],
        full: int = FULL,
    ) -> None:
        """
        :param links: child name -> its link; owned by the controller, read here.
        :param perform: performs a request on the own shim.
        :param undeliverable: tells the owner of a request which targets had no way and why.
        :param other: takes every message that is not addressed to targets.
        :param full: bytes queued for a child from which on its tasks go back to their owner, who sends them again later.
        """
        self.forwarded = 0
        self.malformed = 0
        self.exhausted = 0
        self.undeliverable = 0
        self.faulty_selectors = 0
        self._table = table
        self._via = table.via
        self._links = links
        self._perform = perform
        self._tell = undeliverable
        self._other = other
        self._full = full
        self._wholes = WholeRequests()

    def received(self, link: ILink, messages: Sequence[bytes]) -> None:
        """Take messages from the parent. The first lines are the hot path: one target, one child, bytes untouched."""
        v2, via, links = link.v2, self._via, self._links
        for raw in messages:
            try:
                message = decode(raw)
            except MalformedMessage:
                self.malformed += 1
                continue
            head = message.Head
            if v2:
                name = head.Targets[0] if len(head.Targets) == 1 and head.HopLimit > 1 else ""
            else:
                name = only_name(head.ClusterSelector)
            child = via.get(name)
            if child is None or (to := links[child]).congested:
                self._spread(link, message, raw)
                continue
            self.forwarded += 1
            if v2 and to.v2:
                to.send(with_hop_limit(raw, head.HopLimit - 1))
            elif to.v2 or head.Command < pb.Announce:
                to.send(raw + address(name, to.v2, head.ClusterSelector))

    def send(self, message: pb.ClusterMessage, targets: Iterable[str]) -> list[str]:
        """Send a request to those of ``targets`` that have a way; gives the others. The own name is performed here."""
        groups = paths(self._table, targets)
        request = OutgoingRequest(message)
        for hop, names in groups.items():
            if hop == self._table.own.name:
                self._perform(message)
            elif hop:
                self._send_group(request, hop, names)
        return list(groups.get("", ()))

    def refused_whole(self, child: str, uid: str) -> bool:
        """The child's subtree is not the one that was meant: send the same request again, by names."""
        kept, link = self._wholes.take(child, uid), self._links.get(child)
        if kept is None or link is None:
            return False
        request, names = kept
        link.send(request.to_names(names))
        return True

    def _spread(self, link: ILink, message: pb.ClusterMessage, raw: bytes) -> None:
        head = message.Head
        if head.Command in NEIGHBOURLY or (link.v2 and not head.Targets and not head.WholeSubtree):
            self._other(link, message, raw)
        elif link.v2 and head.HopLimit == 1:
            self._end_here(message)
        elif head.WholeSubtree:
            self._spread_whole(message)
        else:
            missing = self.send(message, dict.fromkeys(head.Targets) if link.v2 else self._chosen_v1(head.ClusterSelector))
            if missing:
                self._lost(head, missing, f"{self._table.own.name} has no way to it")

    def _end_here(self, message: pb.ClusterMessage) -> None:
        """No hop is left: of all targets only the own cluster can have it."""
        targets, own = list(message.Head.Targets), self._table.own.name
        if own in targets:
            targets.remove(own)
            self._perform(message)
        if targets or message.Head.WholeSubtree:
            self.exhausted += 1
            self._lost(message.Head, targets, "the hop limit ran out")

    def _chosen_v1(self, text: str) -> list[str]:
        """What an original's selector chooses here: it names clusters, or is an expression over all of them."""
        selector = v1_selector(text)
        self.faulty_selectors += len(selector.faults)
        via, own = self._via, self._table.own.name
        if selector.everything or selector.searches:
            return selector.choose([own, *via])
        return [name for name in selector.names if name in via or name == own]

    def _spread_whole(self, message: pb.ClusterMessage) -> None:
        if message.Head.SubtreeDigest != self._table.digest:
            self._lost(message.Head, [], f"the subtree of {self._table.own.name} has changed")
            return
        request = OutgoingRequest(message)
        for child, subtree in self._table.children.items():
            self._send_group(request, child, [name for name, claim in subtree.claims.items() if claim.routed])
        if self._table.own.performs:
            self._perform(message)

    def _send_group(self, request: OutgoingRequest, child: str, names: Sequence[str]) -> None:
        to = self._links[child]
        if not names or (not to.v2 and request.command >= pb.Announce):
            return
        if to.congested and to.queued_bytes > self._full and request.returnable:
            self._lost(request.head, names, f"{to.queued_bytes} bytes wait for {child} already")
            return
        self.forwarded += 1
        if not to.v2:
            to.send(request.to_v1(names))
        elif len(names) > 1 and self._repeatable(request) and self._table.whole_subtree(child, names):
            self._wholes.remember(child, request, names)
            to.send(request.to_whole_subtree(self._table.children[child].said))
        else:
            to.send(request.to_names(names))

    def _repeatable(self, request: OutgoingRequest) -> bool:
        """A refusal names the request by its uid alone, so it needs one that no other message has."""
        return bool(request.uid) and request.command in PERFORMED

    def _lost(self, head: pb.MessageHead, targets: Sequence[str], reason: str) -> None:
        self.undeliverable += max(1, len(targets))
        self._tell(head, targets, reason)
