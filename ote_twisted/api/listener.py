"""The HTTP listener of an API: one factory for an endpoint, requests routed without resource trees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.web.http import HTTPChannel, HTTPFactory

from ote_twisted.api.body import MAX_BODY
from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.model import ApiRequest
from ote_twisted.api.request import ApiHTTPRequest
from ote_twisted.values import define, frozen

if TYPE_CHECKING:
    from ote_twisted.api.stream import WatchStream

PlainPage = Callable[[bytes], tuple[int, str, bytes]]
"""Takes the query of the URI; gives status code, content type and body of a page such as ``/metrics``."""


@frozen
class ListenerLimits:
    """Bounds of a listener.

    :ivar idle_seconds: a connection without a request is closed after so long.
    :ivar buffered_bytes: a watcher that leaves more than this unread is cut off.
    :ivar body_bytes: longest body of a request; a longer one is answered 413.
    :ivar watchers: watches at once; one more is refused with 503.
    :ivar bookmark_seconds: interval of bookmarks.
    """

    idle_seconds: float = 120.0
    buffered_bytes: int = 4 << 20
    body_bytes: int = MAX_BODY
    watchers: int = 10_000
    bookmark_seconds: float = 30.0


@define(eq=False)
class ListenerCounters:
    """What a listener has done; read at scrape time.

    :ivar requests: answers by method and status code.
    :ivar oversize: bodies refused because of their size.
    :ivar watches: watches opened.
    :ivar events: event lines given to watchers.
    :ivar slow_watchers: watchers cut off because they did not read.
    :ivar refused_watchers: watches refused because there were too many.
    """

    requests: Counter[tuple[str, int]] = field(factory=Counter)
    oversize: int = 0
    watches: int = 0
    events: int = 0
    slow_watchers: int = 0
    refused_watchers: int = 0


class ApiChannel(HTTPChannel):
    """One connection; it asks the kernel for its addresses once, not with each request."""

    _peer: IAddress | None = None
    _host: IAddress | None = None

    def getPeer(self) -> Any:
        """Address of the client."""
        if self._peer is None:
            self._peer = super().getPeer()
        return self._peer

    def getHost(self) -> Any:
        """Our own address."""
        if self._host is None:
            self._host = super().getHost()
        return self._host


class ApiSite(HTTPFactory):
    """Protocol factory that serves an engine and plain pages.

    :ivar engine: answers calls.
    :ivar pages: plain pages by exact path.
    :ivar counters: see :class:`ListenerCounters`.
    :ivar streams: watches under way.
    """

    noisy = False

    def __init__(
        self,
        engine: ApiEngine,
        clock: IReactorTime,
        pages: Mapping[bytes, PlainPage] | None = None,
        limits: ListenerLimits | None = None,
    ) -> None:
        """Serve ``engine``; ``clock`` times connections and watches."""
        self.limits = limits or ListenerLimits()
        super().__init__(timeout=self.limits.idle_seconds, reactor=clock)
        self.engine = engine
        self.clock = clock
        self.pages = pages or {}
        self.counters = ListenerCounters()
        self.streams: set[WatchStream] = set()
        self._submitted: list[tuple[ApiHTTPRequest, ApiRequest]] = []
        self._turn: IDelayedCall | None = None

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A plain HTTP/1.1 channel, without the layer that could switch to HTTP/2."""
        channel: Any = ApiChannel()
        channel.factory = self
        channel.requestFactory = ApiHTTPRequest
        channel.timeOut = self.limits.idle_seconds
        channel.callLater = self.clock.callLater
        return channel

    def startFactory(self) -> None:
        """Keep no access log, hence no clock of one."""

    def stopFactory(self) -> None:
        """End every watch; calls of this turn are dropped with their connections."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.cancel()
            self._submitted.clear()
        for stream in list(self.streams):
            stream.end()

    def submit(self, request: ApiHTTPRequest, call: ApiRequest) -> None:
        """Perform a call with all others that arrive in this reactor turn.

        Their writes then reach the store together, so that they share one transaction, and no reading of a socket comes
        between them, in which the store's thread would take the first one alone.
        """
        if not self._submitted:
            self._turn = self.clock.callLater(0, self._perform_submitted)
        self._submitted.append((request, call))

    def _perform_submitted(self) -> None:
        submitted, self._submitted, self._turn = self._submitted, [], None
        for request, call in submitted:
            request.perform(call)

    def stream_ended(self, stream: WatchStream) -> None:
        """A watch is over, however it ended."""
        self.streams.discard(stream)
        self.counters.events += stream.lines
        self.counters.slow_watchers += stream.cut

    def log(self, request: Any) -> None:
        """Answers are counted, not logged."""


class ApiListener(Service):
    """Listens on an endpoint while it runs.

    :ivar port: what listens, ``None`` before and after.
    """

    _log = Logger()

    def __init__(self, endpoint: IStreamServerEndpoint, site: ApiSite) -> None:
        """Serve ``site`` at ``endpoint``."""
        self.site = site
        self.port: IListeningPort | None = None
        self._endpoint = endpoint
        self._listening: Deferred[Any] | None = None

    def privilegedStartService(self) -> None:
        """Begin to listen, before privileges are dropped."""
        if self._listening is None:
            self._listening = self.listen()
            self._listening.addErrback(lambda failure: self._log.failure("the API cannot listen", failure=failure))

    def startService(self) -> None:
        """Begin to listen, unless :meth:`privilegedStartService` or :meth:`listen` did."""
        super().startService()
        if self.port is None:
            self.privilegedStartService()

    def listen(self) -> Deferred[IListeningPort]:
        """Begin to listen now; fails when the address is taken."""

        def listening(port: IListeningPort) -> IListeningPort:
            self.port = port
            return port

        self._listening = self._endpoint.listen(self.site).addCallback(listening)
        return self._listening

    def stopService(self) -> Deferred[None] | None:
        """Listen no more and end every watch; fires when the port is closed."""
        super().stopService()
        self.site.stopFactory()
        listening, self._listening = self._listening, None
        port, self.port = self.port, None
        if port is not None:
            closing: Deferred[None] | None = port.stopListening()
            return closing
        if listening is not None:
            listening.cancel()
        return None
