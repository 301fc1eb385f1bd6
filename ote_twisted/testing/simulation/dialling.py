"""Attempts at parents over simulated packets."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from ote_twisted.errors import DialFailed
from ote_twisted.interfaces import ILink, ILinkSink, IParentDialler
from ote_twisted.testing.simulation.door import Door
from ote_twisted.testing.simulation.links import SimulatedLink
from ote_twisted.testing.simulation.network import FAR, NEAR, Machine, SimulatedNetwork
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.wire.join import V2, Accept, Admission, JoinIdentity, JoinRequest, Redirect

SYN_AGAIN = (1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts of a kernel to be heard."""


@implementer(IParentDialler)
class SimulatedDialler:
    """Dials for one life of one controller.

    :ivar attempts: under way.
    """

    def __init__(self, network: SimulatedNetwork, machine: Machine, name: str, listen: str) -> None:
        self.attempts: dict[_Attempt, None] = {}
        self._network = network
        self._machine = machine
        self._name = name
        self._listen = listen

    def dial(
        self, address: ParentAddress, identity: JoinIdentity, sink: ILinkSink, seconds: float | None = None
    ) -> Deferred[ILink]:
        """See :meth:`IParentDialler.dial`."""
        self._network.counts.dials += 1
        request = JoinRequest(
            self._name,
            self._name,
            self._listen,
            f"{self._machine.name}:30000",
            (V2,),
            identity.instance,
            identity.epoch,
            identity.home,
            identity.standby,
        )
        attempt = _Attempt(self._network, self._machine, address, request, sink, self.attempts)
        return attempt.begin(seconds)

    def stop(self) -> None:
        """See :meth:`IParentDialler.stop`."""

    def vanish(self) -> None:
        """The process is gone."""
        for attempt in list(self.attempts):
            attempt.forget()


class _Attempt:
    """One attempt: packets there, a decision, packets back."""

    def __init__(
        self,
        network: SimulatedNetwork,
        machine: Machine,
        address: ParentAddress,
        request: JoinRequest,
        sink: ILinkSink,
        attempts: dict[_Attempt, None],
    ) -> None:
        self._network = network
        self._machine = machine
        self._address = address
        self._request = request
        self._sink = sink
        self._attempts = attempts
        self._latency = network.chance.uniform(NEAR, FAR)
        self._done: Deferred[ILink] = Deferred(self._cancelled)
        self._limit: IDelayedCall | None = None
        self._link: SimulatedLink | None = None
        self._over = False

    def begin(self, seconds: float | None) -> Deferred[ILink]:
        """Send the first packet."""
        self._attempts[self] = None
        limits = self._network.settings.limits
        wait = limits.connect + limits.handshake if seconds is None else seconds
        self._limit = self._network.clock.callLater(wait, self._fail, DialFailed(0, f"no link within {wait:g} s"))
        self._connect(0)
        return self._done

    def forget(self) -> None:
        """Its process is gone: nobody waits."""
        self._end()
        if self._link is not None:
            self._link.vanish()
            self._link.finish("the connection was reset")

    def _connect(self, time: int) -> None:
        target = self._network.machines.get(self._address.host)
        if self._over or target is None:
            self._fail(DialFailed(0, f"there is no machine {self._address.host}"))
        elif not target.powered or self._apart(target):
            if time < len(SYN_AGAIN):
                self._network.clock.callLater(SYN_AGAIN[time], self._connect, time + 1)
        else:
            self._network.clock.callLater(self._trip(target, 3), self._knock, target)

    def _knock(self, target: Machine) -> None:
        """The handshake is there."""
        if self._over or not target.powered or self._apart(target):
            return
        if target.door is None:
            self._network.clock.callLater(self._trip(target, 1), self._fail, DialFailed(0, "the connection was refused"))
            return
        door = target.door
        door.judge(self._request, lambda admission: self._judged(target, door, admission))

    def _judged(self, target: Machine, door: Door, admission: Admission) -> None:
        if self._over or target.door is not door:
            return
        if isinstance(admission, Accept):
            self._accepted(target, door, admission)
            return
        self._network.counts.refused += 1
        if isinstance(admission, Redirect):
            fault = DialFailed(302, "redirected", redirect=admission.address)
        else:
            fault = DialFailed(admission.status, admission.reason, admission.retry_after or 0.0)
        self._network.note(f"{target.name} refuses {self._request.name}: {fault}")
        self._network.clock.callLater(self._trip(target, 1), self._answered, target, fault)

    def _answered(self, target: Machine, fault: DialFailed) -> None:
        if not self._network.blocked(target.name, self._machine.name):
            self._fail(fault)

    def _accepted(self, target: Machine, door: Door, accept: Accept) -> None:
        network, request = self._network, self._request
        near = SimulatedLink(network, self._machine, "", f"{target.name}:{self._address.port}", self._latency)
        far = SimulatedLink(network, target, request.name, request.peer, self._latency)
        near.far, far.far = far, near
        near.is_parent, near.resume = True, accept.resume
        far.listen, far.user_defined_name = accept.listen, request.user_defined_name or ""
        near.v2 = far.v2 = accept.subprotocol == V2
        far.instance, far.epoch = request.instance, request.epoch
        near.standby = far.standby = request.standby
        near.cut, far.cut = network.blocked(near.machine.name, target.name), network.blocked(target.name, near.machine.name)
        self._link = near
        network.counts.links += 1
        network.note(f"{request.name} joins {target.name}")
        door.take(far)
        near.opening = lambda: self._opened(near)
        network.clock.callLater(self._trip(target, 1), self._opened, near)

    def _opened(self, link: SimulatedLink) -> None:
        """The acceptance is there, or something that was sent after it."""
        if self._over or link.ended or link.far.cut:
            return
        self._end()
        if link.far.ended:
            link.vanish()
            self._done.errback(DialFailed(0, "the connection was reset"))
            return
        self._network.tell(self._machine, self._done.callback, link)
        link.open(self._sink)

    def _fail(self, fault: Exception) -> None:
        if self._over:
            return
        self._end()
        if self._link is not None:
            self._link.vanish()
            self._link.finish("the connection was reset")
        self._network.tell(self._machine, self._done.errback, fault)

    def _cancelled(self, deferred: Deferred[ILink]) -> None:
        self._fail(CancelledError())

    def _end(self) -> None:
        self._over = True
        self._attempts.pop(self, None)
        if self._limit is not None and self._limit.active():
            self._limit.cancel()

    def _trip(self, target: Machine, times: int) -> float:
        return times * (self._latency + target.extra + self._machine.extra)

    def _apart(self, target: Machine) -> bool:
        network, here = self._network, self._machine.name
        return network.blocked(here, target.name) or network.blocked(target.name, here)
