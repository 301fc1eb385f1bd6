"""The child's side: keeps a link to one of its parents, for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.task import deferLater
from twisted.logger import Logger

from ote_twisted.interfaces import ILinkSink
from ote_twisted.tunnel.address import InvalidAddress, ParentAddress
from ote_twisted.tunnel.circuit import LinkContext
from ote_twisted.tunnel.dialling import DialPlan, Wait
from ote_twisted.tunnel.edge_protocol import EdgeTunnelFactory, Opened, Outcome, Refused
from ote_twisted.tunnel.link import GOING_AWAY, Link
from ote_twisted.tunnel.settings import EdgeSettings
from ote_twisted.tunnel.turn import Deadlines, Flusher, TunnelCounters

EndpointForAddress = Callable[[ParentAddress], IStreamClientEndpoint]


@frozen
class Waiting:
    """Not connected; the next attempt is at ``until`` (clock reading), or never without an address.

    :ivar last_error: why the last attempt or link ended; empty before the first.
    """

    until: float
    address: str
    last_error: str = ""


@frozen
class Connecting:
    """An attempt is under way since ``since`` (clock reading)."""

    address: str
    since: float
    last_error: str = ""


@frozen
class Connected:
    """The link is up since ``since`` (clock reading)."""

    address: str
    since: float
    subprotocol: str


@frozen
class Stopped:
    """The service does not run."""


EdgeStatus = Waiting | Connecting | Connected | Stopped


class EdgeTunnel(Service):
    """Dials parents in order of preference until one accepts, and again whenever the link is lost.

    :param parents: in order of preference; none makes a root's tunnel, which never dials.
    :param endpoint_for_address: how an address is reached (TLS, proxy).
    :param chance: gives numbers in [0, 1), for the delays.
    :ivar status: for people.
    :ivar link: the established link, if there is one.
    """

    log = Logger()

    def __init__(
        self,
        name: str,
        parents: Sequence[ParentAddress],
        sink: ILinkSink,
        settings: EdgeSettings,
        clock: IReactorTime,
        endpoint_for_address: EndpointForAddress,
        chance: Callable[[], float],
    ) -> None:
        self._cluster = name
        self._settings = settings
        self._clock = clock
        self._endpoint_for_address = endpoint_for_address
        self._plan = DialPlan(parents, settings, chance)
        self.counters = TunnelCounters()
        self._context = LinkContext(sink, settings, Flusher(clock), Deadlines(clock), self.counters)
        self.status: EdgeStatus = Stopped()
        self.link: Link | None = None
        self._running: Deferred[None] | None = None
        self._attempt: EdgeTunnelFactory | None = None

    def startService(self) -> None:
        """Begin to dial."""
        super().startService()
        self._running = Deferred.fromCoroutine(self._keep_dialling())

    def stopService(self) -> Deferred[None]:
        """Close the link with a close frame (F46). Fires when it is gone, at most the limit for closing later."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        running, self._running = self._running, None
        attempt = self._attempt
        if attempt is not None and self.link is not None:
            self.link.close(GOING_AWAY, "the controller is stopping")
            if running is not None:
                await running
        elif running is not None:
            running.cancel()
            await running
        self.status = Stopped()
        self._context.flusher.stop()
        self._context.deadlines.stop()

    async def _keep_dialling(self) -> None:
        """The loop. What an attempt or a link ends in is an event for the plan."""
        error = ""
        try:
            while self.running:
                dial = self._plan.next(self._clock.seconds())
                if isinstance(dial, Wait):
                    return
                now = self._clock.seconds()
                if dial.not_before > now:
                    self.status = Waiting(dial.not_before, str(dial.address), error)
                    await deferLater(self._clock, dial.not_before - now, _nothing)
                error = await self._try(dial.address, error)
        except CancelledError:
            return
        except Exception:
            self.log.failure("the dialler of {cluster} failed", cluster=self._cluster)
            raise

    async def _try(self, address: ParentAddress, last_error: str) -> str:
        """One attempt and, if it succeeds, the link's whole life; gives why it ended."""
        self.counters.dials += 1
        self.status = Connecting(str(address), self._clock.seconds(), last_error)
        attempt = self._attempt = EdgeTunnelFactory(self._cluster, address, self._context, self._settings, self._clock)
        try:
            outcome = await self._dial(attempt)
            if isinstance(outcome, Opened):
                return await self._live(attempt, outcome.link)
            return self._refused(address, outcome)
        finally:
            self._attempt = None

    async def _dial(self, attempt: EdgeTunnelFactory) -> Outcome:
        protocol: Any = None
        try:
            connecting: Deferred[Any] = self._endpoint_for_address(attempt.address).connect(attempt)
            protocol = await connecting.addTimeout(self._settings.limits.connect, self._clock, _timed_out)
            return await attempt.outcome
        except TimeoutError:
            return Refused(0, f"no connection within {self._settings.limits.connect:g} s")
        except CancelledError:
            if protocol is not None:
                protocol.drop("the controller is stopping")
                await attempt.gone
            raise
        except Exception as fault:
            return Refused(0, f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__)

    async def _live(self, attempt: EdgeTunnelFactory, link: Link) -> str:
        self._plan.opened(self._clock.seconds())
        self.link = link
        self.status = Connected(str(attempt.address), self._clock.seconds(), "ote.v2" if link.v2 else "ote.v1")
        self.log.info("{cluster} joined {address}", cluster=self._cluster, address=str(attempt.address))
        reason = await attempt.gone
        self.link = None
        self._plan.lost(self._clock.seconds())
        self.log.info("{cluster} lost {address}: {reason}", cluster=self._cluster, address=str(attempt.address), reason=reason)
        return reason

    def _refused(self, address: ParentAddress, refused: Refused) -> str:
        if refused.status == 302:
            refused = self._redirected(address, refused)
            if refused.status == 302:
                return f"{address}: redirected"
        self.counters.dial_failures += 1
        self._plan.failed(self._clock.seconds(), refused.retry_after)
        answer = f"{refused.status} {refused.reason}" if refused.status else refused.reason
        self.log.info("{cluster} could not join {address}: {answer}", cluster=self._cluster, address=str(address), answer=answer)
        return f"{address}: {answer}"

    def _redirected(self, address: ParentAddress, refused: Refused) -> Refused:
        """Follow a redirect; gives a failure instead when it cannot be followed."""
        try:
            target = address.redirected(urlsplit(refused.location).netloc)
        except (InvalidAddress, ValueError) as fault:
            return Refused(0, str(fault))
        if self._plan.redirected(target):
            return refused
        return Refused(0, f"more than {self._settings.max_redirects} redirects, the last to {target}")


def _timed_out(result: object, seconds: float) -> NoReturn:
    """Whatever a cancelled endpoint fails with, the cause was our limit."""
    raise TimeoutError(seconds)


def _nothing() -> None:
    """What happens when a wait is over."""
