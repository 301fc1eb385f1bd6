"""Messages from the parent that are for this controller itself, not for targets below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from twisted.logger import Logger

from ote_twisted.controller.announcing import Announcer
from ote_twisted.controller.neighbours import Neighbours
from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import ILink, IParentObserver
from ote_twisted.topology.difference import Difference, Refused
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import encode
from ote_twisted.wire.limits import TREE_DEPTH_LIMIT
from ote_twisted.wire.notices import (
    Neighbour,
    Neighbourhood,
    Refusal,
    decode_ancestry,
    decode_neighbourhood,
    decode_refusal,
    encode_refusal,
)
from ote_twisted.wire.routes import decode_router

POLICY_VIOLATION = 1008
"""Websocket close code."""


class FromParent:
    """Takes what the parent that carries says of the tree; of an older one it is no longer true.

    :ivar observer: who chooses the parent, if that depends on what the present one says.
    :ivar refusal: why the parent does not follow our own name; empty when it does.
    :ivar unknown: messages with a command that nothing here understands.
    :ivar malformed: bodies out of grammar.
    """

    _log = Logger()

    def __init__(
        self,
        table: RoutingTable,
        links: Mapping[str, ILink],
        neighbours: Neighbours,
        announcer: Announcer,
        changed: Callable[[Difference], None],
        learnt: Callable[[Sequence[str], bool], None],
    ) -> None:
        """
        :param changed: takes what a new way to the root changes in the routes.
        :param learnt: takes the way, and whether it ends at a root.
        """
        self.refusal = ""
        self.unknown = 0
        self.malformed = 0
        self.observer: IParentObserver | None = None
        self._link: ILink | None = None
        self._table = table
        self._links = links
        self._neighbours = neighbours
        self._announcer = announcer
        self._changed = changed
        self._learnt = learnt
        self._readers: Mapping[int, Callable[[ILink, bytes], None]] = {
            pb.Ancestry: self._ancestry,
            pb.NeighborRoute: self._neighbour_route,
            pb.Neighbourhood: self._neighbourhood,
            pb.Refusal: self._refused,
            pb.AnnounceRequest: lambda link, body: announcer.complete(),
        }

    def opened(self, link: ILink) -> None:
        """There is another parent, which has refused nothing yet. An original never says who is above us."""
        self.refusal = ""
        self._link = link
        self._neighbours.parent_opened(link)
        if not link.v2:
            self._changed(self._table.set_ancestors(()))

    def received(self, link: ILink, message: pb.ClusterMessage, raw: bytes) -> None:
        """Take one message; a malformed body changes nothing."""
        reader = self._readers.get(message.Head.Command)
        if reader is None:
            self.unknown += 1
            return
        if link is not self._link:
            return
        try:
            reader(link, message.Body)
        except MalformedMessage as fault:
            self.malformed += 1
            self._log.warn("message of the parent refused: {fault}", fault=str(fault))

    def _ancestry(self, link: ILink, body: bytes) -> None:
        ancestry = decode_ancestry(body)
        if self.observer is not None:
            self.observer.path_learnt(link, ancestry)
        if self._table.own.name in ancestry.path:
            link.close(POLICY_VIOLATION, f"{self._table.own.name} is above its own parent")
        elif len(ancestry.path) == TREE_DEPTH_LIMIT:
            link.close(POLICY_VIOLATION, f"{self._table.own.name} would be more than {TREE_DEPTH_LIMIT - 1} hops from the root")
        else:
            self._changed(self._table.set_ancestors(ancestry.path))
            self._neighbours.parent_says(ancestry)
            self._learnt(ancestry.path, ancestry.rooted)

    def _neighbour_route(self, link: ILink, body: bytes) -> None:
        router = decode_router(body)
        neighbourhood = Neighbourhood(_listed(router.children), _listed(router.neighbours))
        self._neighbours.parent_neighbours(neighbourhood.siblings, original=True)
        self._observe(link, neighbourhood)

    def _neighbourhood(self, link: ILink, body: bytes) -> None:
        neighbourhood = decode_neighbourhood(body)
        self._neighbours.parent_neighbours(neighbourhood.siblings, original=False)
        self._observe(link, neighbourhood)

    def _observe(self, link: ILink, neighbourhood: Neighbourhood) -> None:
        if self.observer is not None:
            self.observer.neighbours_learnt(link, neighbourhood)

    def _refused(self, link: ILink, body: bytes) -> None:
        refusal = decode_refusal(body)
        if refusal.name == self._table.own.name:
            self.refusal = refusal.reason
            if refusal.reason:
                self._log.error("the tree refuses this cluster: {reason}", reason=refusal.reason)
            else:
                self._log.info("the tree takes this cluster, which it had refused")
        else:
            self.pass_down(refusal)

    def pass_down(self, refusal: Refusal) -> None:
        """Tell the one who is meant, through the child that claims it."""
        child = self._table.via.get(refusal.name, "")
        if child in self._links and self._links[child].v2:
            self._links[child].send(_message(refusal))

    def refuse(self, refused: Refused) -> None:
        """Tell a child that a claim of it is not followed."""
        if refused.reason:
            self._log.warn("claim of {child} refused: {reason}", child=refused.child, reason=refused.reason)
        link = self._links.get(refused.child)
        if link is not None and link.v2:
            link.send(_message(Refusal(refused.name, refused.reason)))


def _listed(addresses: Mapping[str, str] | None) -> tuple[Neighbour, ...]:
    return tuple(Neighbour(name, listen) for name, listen in (addresses or {}).items())


def _message(refusal: Refusal) -> bytes:
    return encode(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.Refusal), Body=encode_refusal(refusal)))
