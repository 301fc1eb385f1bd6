"""The links to our children: who may join, who is there, and who has to know when one comes or goes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from ote_twisted.controller.admission import Insistence, Standing, admit
from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.claims import Claims
from ote_twisted.controller.directory import Directory
from ote_twisted.controller.neighbours import Neighbours
from ote_twisted.controller.pace import AdmissionPace, PaceLimits
from ote_twisted.controller.twins import Twins
from ote_twisted.interfaces import ILink
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire.join import V2, Accept, Admission, JoinRequest, Refuse


class Children:
    """Lets children in and out.

    :ivar paced: handshakes that were told to come again at their turn.
    :ivar unrooted: handshakes refused because we had no way to the root.
    """

    def __init__(
        self,
        table: RoutingTable,
        links: dict[str, ILink],
        claims: Claims,
        neighbours: Neighbours,
        directory: Directory,
        chronicle: Chronicle,
        clock: IReactorTime,
        pace: PaceLimits,
        changed: Callable[[Difference], None],
    ) -> None:
        """
        :param links: child name -> its link; kept here.
        :param changed: takes what a child that comes or goes changes in the routes.
        """
        self.paced = 0
        self.unrooted = 0
        self._own = table.own.name
        self._table = table
        self._links = links
        self._claims = claims
        self._neighbours = neighbours
        self._directory = directory
        self._chronicle = chronicle
        self._clock = clock
        self._rate = pace.rate
        self._pace = AdmissionPace(pace)
        self._insistence = Insistence()
        self._twins = Twins(table, clock, chronicle.duplicated, changed)
        self._changed = changed

    def stop(self) -> None:
        """Look after nothing any more."""
        self._twins.stop()

    def admit(self, request: JoinRequest) -> Admission:
        """Decide about a handshake."""
        way, name = self._neighbours.ancestry, request.name
        standing = Standing(self._own, way.path[1:], way.rooted)
        holder, held = self._table.via.get(name, ""), self._table.entry(name)
        admission = admit(request, standing, holder, held, self._ours(request))
        if isinstance(admission, Refuse) and admission.status == 503 and self._insists(request):
            admission = admit(request, standing, holder, held, ours=True)
        if isinstance(admission, Accept):
            admission = self._in_turn(request, admission)
        elif isinstance(admission, Refuse) and admission.status == 503:
            self.unrooted += 1
        return self._chronicle.judged(request, self._claims.resumable(request, admission))

    def opened(self, link: ILink) -> None:
        """A link is established."""
        if not link.standby:
            self._chronicle.opened(link)
        self._links[link.peer] = link
        self._twins.watch()
        difference = self._claims.opened(link)
        self._neighbours.opened(link)
        self._changed(difference)

    def carries(self, link: ILink) -> None:
        """A child announces itself on a link that stood by: from now on it is one of ours."""
        link.standby = False
        self._chronicle.opened(link)
        self._neighbours.carries(link)

    def lost(self, link: ILink, reason: str) -> None:
        """A link is gone. That of one which was replaced already changes nothing (F30)."""
        if self._links.get(link.peer) is not link:
            return
        del self._links[link.peer]
        difference = self._claims.lost(link, reason)
        if not link.standby:
            self._chronicle.child_lost(link.peer, reason, difference)
        self._changed(difference)
        self._neighbours.closed(link)

    def _ours(self, request: JoinRequest) -> bool:
        """It is configured to be below us; an original cannot say so, but we may know it."""
        return request.home or (not request.instance and self._directory.parent_of(request.name) == self._own)

    def _insists(self, request: JoinRequest) -> bool:
        return V2 not in request.subprotocols and self._insistence.asks(request.name, self._clock.seconds())

    def _in_turn(self, request: JoinRequest, accept: Accept) -> Accept | Refuse:
        wait = self._pace.ask(request.name, self._clock.seconds())
        if not wait:
            return accept
        self.paced += 1
        return Refuse(503, f"{self._own} takes {self._rate} children a second, and others come first", wait)
