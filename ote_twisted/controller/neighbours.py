"""What children are told: the way to the root (v2), and each other's addresses (v1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.interfaces import ILink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import Ancestry, encode_ancestry
from ote_twisted.wire.routes import ClusterRouter, encode_router

COALESCE = 0.1
"""How long joins and leaves are gathered before v1 children are told, so that n joins cost n messages (F10), seconds."""


class Neighbours:
    """Keeps children informed of where they are.

    :ivar ancestry: our own way to the root, ourselves first.
    :ivar parent_children: what a v1 parent said of its children, our candidates for another parent.
    """

    def __init__(self, own: str, is_root: bool, links: Mapping[str, ILink], clock: IReactorTime) -> None:
        self.ancestry = Ancestry((own,), is_root)
        self.parent_children: Mapping[str, str] | None = None
        self._own = own
        self._is_root = is_root
        self._links = links
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._some_v1 = False

    def opened(self, link: ILink) -> None:
        """A child joined: it learns its ancestry; v1 children learn of it."""
        if link.v2:
            link.send(self._ancestry_message())
        else:
            self._some_v1 = True
        self.changed()

    def changed(self) -> None:
        """A child came or went."""
        if self._some_v1 and self._call is None:
            self._call = self._clock.callLater(COALESCE, self._tell_v1)

    def parent_says(self, path: tuple[str, ...], rooted: bool) -> None:
        """Our parent told its way to the root; children learn ours if it changed."""
        self._become(Ancestry((self._own, *path), rooted))

    def parent_lost(self) -> None:
        """There is no way to the root now."""
        self.parent_children = None
        self._become(Ancestry((self._own,), self._is_root))

    def parent_neighbours(self, children: Mapping[str, str]) -> None:
        """A v1 parent told its children's addresses."""
        if children != self.parent_children:
            self.parent_children = children
            self.changed()

    def stop(self) -> None:
        """Tell nobody any more."""
        self._some_v1 = False
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _become(self, ancestry: Ancestry) -> None:
        if ancestry != self.ancestry:
            self.ancestry = ancestry
            self._each(lambda link: link.v2, self._ancestry_message())

    def _ancestry_message(self) -> bytes:
        return message(pb.Ancestry, encode_ancestry(self.ancestry))

    def _tell_v1(self) -> None:
        self._call = None
        self._some_v1 = any(not link.v2 for link in self._links.values())
        children = {name: link.listen for name, link in self._links.items() if link.listen}
        router = ClusterRouter(children, self.parent_children)
        self._each(lambda link: not link.v2, message(pb.NeighborRoute, encode_router(router)))

    def _each(self, wanted: Callable[[ILink], bool], raw: bytes) -> None:
        for link in self._links.values():
            if wanted(link):
                link.send(raw)
