"""The child's side: attempts at parents, and the links they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from zope.interface import implementer

from ote_twisted.errors import DialFailed
from ote_twisted.interfaces import ILink, ILinkSink, IParentDialler
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.tunnel.circuit import LinkContext
from ote_twisted.tunnel.edge_protocol import EdgeTunnelFactory, Opened
from ote_twisted.tunnel.settings import EdgeSettings
from ote_twisted.tunnel.turn import Deadlines, Flusher, TunnelCounters
from ote_twisted.wire.join import JoinIdentity

EndpointForAddress = Callable[[ParentAddress], IStreamClientEndpoint]


@implementer(IParentDialler)
class EdgeDialler:
    """Dials websocket tunnels.

    :param endpoint_for_address: how an address is reached (TLS, proxy).
    """

    def __init__(self, name: str, settings: EdgeSettings, clock: IReactorTime, endpoint_for_address: EndpointForAddress) -> None:
        self.counters = TunnelCounters()
        self._cluster = name
        self._settings = settings
        self._clock = clock
        self._endpoint_for_address = endpoint_for_address
        self._flusher = Flusher(clock)
        self._deadlines = Deadlines(clock)

    def dial(
        self, address: ParentAddress, identity: JoinIdentity, sink: ILinkSink, seconds: float | None = None
    ) -> Deferred[ILink]:
        """See :meth:`IParentDialler.dial`."""
        context = LinkContext(sink, self._settings, self._flusher, self._deadlines, self.counters)
        attempt = EdgeTunnelFactory(self._cluster, address, context, self._settings, self._clock, identity)
        return Deferred.fromCoroutine(self._counted(attempt, seconds))

    def stop(self) -> None:
        """See :meth:`IParentDialler.stop`."""
        self._flusher.stop()
        self._deadlines.stop()

    async def _counted(self, attempt: EdgeTunnelFactory, seconds: float | None) -> ILink:
        self.counters.dials += 1
        try:
            return await self._attempt(attempt, seconds)
        except DialFailed as fault:
            self.counters.dial_failures += not fault.redirect
            raise

    async def _attempt(self, attempt: EdgeTunnelFactory, seconds: float | None) -> ILink:
        """The phases in turn; ``seconds`` bounds them together, each has its own limit beside."""
        connect, until = self._settings.limits.connect, None if seconds is None else self._clock.seconds() + seconds
        protocol = await self._connect(attempt, connect if seconds is None else min(connect, seconds))
        outcome = attempt.outcome
        if until is not None:
            outcome.addTimeout(max(0.0, until - self._clock.seconds()), self._clock, _timed_out)
        try:
            result = await outcome
        except (CancelledError, TimeoutError) as fault:
            given_up = isinstance(fault, TimeoutError)
            protocol.drop("the attempt took too long" if given_up else "the attempt was given up")
            await attempt.gone
            if not given_up:
                raise
            raise DialFailed(0, f"no answer within {seconds:g} s") from None
        if isinstance(result, Opened):
            return result.link
        raise DialFailed(result.status, result.reason, result.retry_after, result.location if result.status == 302 else "")

    async def _connect(self, attempt: EdgeTunnelFactory, seconds: float) -> Any:
        try:
            connecting: Deferred[Any] = self._endpoint_for_address(attempt.address).connect(attempt)
            return await connecting.addTimeout(seconds, self._clock, _timed_out)
        except TimeoutError:
            raise DialFailed(0, f"no connection within {seconds:g} s") from None
        except CancelledError:
            raise
        except Exception as fault:
            raise DialFailed(0, f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__) from None


def _timed_out(result: object, seconds: float) -> NoReturn:
    """Whatever a cancelled endpoint fails with, the cause was our limit."""
    raise TimeoutError(seconds)
