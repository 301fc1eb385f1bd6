"""What children are told: the way to the root and who else is there (v2), and each other's addresses (v1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.controller.sample import SIZE, Sample
from ote_twisted.interfaces import ILink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import Ancestry, Neighbour, Neighbourhood, encode_ancestry, encode_neighbourhood
from ote_twisted.wire.routes import ClusterRouter, encode_router

COALESCE = 0.1
"""How long joins and leaves are gathered before v1 children are told, so that n joins cost n messages (F10), seconds."""

GATHER = 3.0
"""The same for the neighbourhood of v2 children, who need it only when their parent is gone, seconds."""


class Neighbours:
    """Keeps children informed of where they are.

    :ivar ancestry: our own way to the root, ourselves first.
    :ivar parent_children: what a v1 parent said of its children, our candidates for another parent.
    """

    def __init__(self, own: str, listen: str, is_root: bool, links: Mapping[str, ILink], clock: IReactorTime) -> None:
        """:param listen: our own tunnel as others are to reach it; empty when it is not advertised."""
        self.parent_children: Mapping[str, str] | None = None
        self._own = own
        self._listen = listen
        self._is_root = is_root
        self._links = links
        self._clock = clock
        self._orphaned = Ancestry((own,), is_root, (listen,))
        self.ancestry = self._orphaned
        self._sample = Sample()
        self._parent_listen = ""
        self._parent_siblings: tuple[Neighbour, ...] = ()
        self._told = Neighbourhood()
        self._call: IDelayedCall | None = None
        self._gathering: IDelayedCall | None = None
        self._some_v1 = False
        self._stopped = False

    # ---- children

    def opened(self, link: ILink) -> None:
        """A child joined, or stands by: it learns its ancestry and neighbourhood; others learn of one that carries."""
        if link.v2:
            link.send(self._ancestry_message())
            if self._told != Neighbourhood():
                link.send(_neighbourhood_message(self._told))
        else:
            self._some_v1 = True
        if not link.standby:
            self.carries(link)

    def carries(self, link: ILink) -> None:
        """A child is one of ours now."""
        self._sample.offer(link.peer, link.listen)
        self.changed()

    def closed(self, link: ILink) -> None:
        """A child is gone."""
        self._sample.remove(link.peer, self._addresses())
        self.changed()

    def changed(self) -> None:
        """Children have others beside them than before."""
        if self._stopped:
            return
        if self._some_v1 and self._call is None:
            self._call = self._clock.callLater(COALESCE, self._tell_v1)
        if self._gathering is None and self._neighbourhood() != self._told:
            self._gathering = self._clock.callLater(GATHER, self._tell_neighbourhood)

    # ---- the parent

    def parent_opened(self, link: ILink) -> None:
        """Another parent carries. An original tells no path: it counts as having one, which is not known."""
        self._parent_listen = link.listen
        if not link.v2:
            self._become(Ancestry((self._own,), True, (self._listen,)))
        if self._parent_siblings or self.parent_children is not None:
            self._parent_siblings, self.parent_children = (), None
            self.changed()

    def parent_says(self, ancestry: Ancestry) -> None:
        """Our parent told its way to the root; children learn ours if it changed.

        Where the parent advertises no address they learn the one at which we have found it.
        """
        listens = ancestry.listens or ("",) * len(ancestry.path)
        if listens and listens[0][:1] in ("", ":"):
            listens = (self._parent_listen, *listens[1:])
        self._become(Ancestry((self._own, *ancestry.path), ancestry.rooted, (self._listen, *listens)))

    def parent_lost(self) -> None:
        """There is no way to the root now. Whom our parent named is of use to children now more than ever (F39)."""
        self.parent_children = None
        self._become(self._orphaned)

    def parent_neighbours(self, siblings: tuple[Neighbour, ...], original: bool) -> None:
        """Our parent told of its other children.

        :param original: those of an original are told to ours as they are.
        """
        others = tuple(each for each in siblings if each.name != self._own and each.listen)[:SIZE]
        children = {each.name: each.listen for each in (siblings if original else others)}
        if (others, children) != (self._parent_siblings, self.parent_children):
            self._parent_siblings, self.parent_children = others, children
            self.changed()

    def stop(self) -> None:
        """Tell nobody any more."""
        self._stopped = True
        for call in (self._call, self._gathering):
            if call is not None:
                call.cancel()
        self._call = self._gathering = None

    # ---- telling

    def _become(self, ancestry: Ancestry) -> None:
        if ancestry != self.ancestry:
            self.ancestry = ancestry
            self._each(lambda link: link.v2, self._ancestry_message())

    def _ancestry_message(self) -> bytes:
        return message(pb.Ancestry, encode_ancestry(self.ancestry))

    def _addresses(self) -> Iterator[tuple[str, str]]:
        return ((name, link.listen) for name, link in self._links.items() if not link.standby)

    def _neighbourhood(self) -> Neighbourhood:
        return Neighbourhood(self._sample.neighbours, self._parent_siblings)

    def _tell_neighbourhood(self) -> None:
        self._gathering = None
        now = self._neighbourhood()
        if now != self._told:
            self._told = now
            self._each(lambda link: link.v2, _neighbourhood_message(now))

    def _tell_v1(self) -> None:
        self._call = None
        self._some_v1 = any(not link.v2 for link in self._links.values())
        children = {name: listen for name, listen in self._addresses() if listen}
        router = ClusterRouter(children, self.parent_children)
        self._each(lambda link: not link.v2, message(pb.NeighborRoute, encode_router(router)))

    def _each(self, wanted: Callable[[ILink], bool], raw: bytes) -> None:
        for link in self._links.values():
            if wanted(link):
                link.send(raw)


def _neighbourhood_message(neighbourhood: Neighbourhood) -> bytes:
    return message(pb.Neighbourhood, encode_neighbourhood(neighbourhood))
