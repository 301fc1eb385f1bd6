"""Where children join a simulated controller: the decisions of the listening tunnel, over simulated packets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ote_twisted.errors import OTEError
from ote_twisted.interfaces import ILinkSink
from ote_twisted.tunnel.address import complete_advertised
from ote_twisted.tunnel.settings import CloudSettings
from ote_twisted.wire.join import Accept, Admission, JoinRequest, Refuse

if TYPE_CHECKING:
    from ote_twisted.testing.simulation.links import SimulatedLink
    from ote_twisted.testing.simulation.network import Machine, SimulatedNetwork

Judged = Callable[[Admission], None]


class Door:
    """One controller's children by name.

    :ivar links: the children's links, our ends.
    """

    def __init__(self, network: SimulatedNetwork, machine: Machine, sink: ILinkSink) -> None:
        self.sink = sink
        self.links: dict[str, SimulatedLink] = {}
        self._network = network
        self._machine = machine
        self._settings = CloudSettings()

    def judge(self, request: JoinRequest, judged: Judged) -> None:
        """Decide about a handshake, at once or after a probe of an older session of that name."""
        admission = self._admit(request)
        older = self.links.get(request.name)
        if not isinstance(admission, Accept) or older is None or self._newer(request, older):
            judged(admission)
            return
        now, probe = self._network.clock.rightNow, self._settings.probe
        if older.silent_for(now) > self._settings.limits.ping_interval + probe:
            judged(admission)
        else:
            self._network.clock.callLater(probe, self._probed, request, admission, older, judged)

    def take(self, link: SimulatedLink) -> None:
        """A child joined; an older session of its name is replaced."""
        older = self.links.get(link.peer)
        if older is not None:
            older.lose(f"replaced by a newer session from {link.peer_address}")
        self.links[link.peer] = link
        link.open(self.sink)

    def left(self, link: SimulatedLink) -> None:
        """A child's link is gone."""
        if self.links.get(link.peer) is link:
            del self.links[link.peer]

    def _admit(self, request: JoinRequest) -> Admission:
        try:
            admission = self.sink.admit(request)
        except Exception:
            if self._machine.failed is None:
                raise
            self._machine.failed()
            return Refuse(500, "internal error of the controller")
        if isinstance(admission, Accept) and admission.listen:
            try:
                return Accept(admission.subprotocol, complete_advertised(admission.listen, request.peer), admission.resume)
            except OTEError as fault:
                return Refuse(400, str(fault))
        return admission

    def _newer(self, request: JoinRequest, older: SimulatedLink) -> bool:
        """The same state folder on a later link: the older one is of the past whatever it answers."""
        return bool(request.instance) and request.instance == older.instance and request.epoch > older.epoch

    def _probed(self, request: JoinRequest, admission: Admission, older: SimulatedLink, judged: Judged) -> None:
        if self._machine.door is not self:
            return
        holder = self.links.get(request.name)
        if holder is not None and (holder is not older or older.answers):
            reason = f"cluster {request.name} is connected already, from {holder.peer_address}"
            judged(Refuse(403, reason))
        else:
            judged(admission)
