"""One HTTP request: from bytes to an engine's call and back."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import orjson
from twisted.internet.interfaces import ITCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES, RESPONSES, Request

from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.api.status import ApiError

if TYPE_CHECKING:
    from ote_twisted.api.listener import ApiSite
    from ote_twisted.api.stream import WatchStream
    from ote_twisted.api.watching import OpenWatch

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_MAX_URI = 64 * 1024
_CARRIED = ((b"content-type", "content-type"), (b"accept", "accept"), (b"if-none-match", "if-none-match"))


class ApiHTTPRequest(Request):
    """A request to an :class:`ote_twisted.api.listener.ApiSite`."""

    _api_log = Logger()
    _oversize = False
    _stream: WatchStream | None = None

    def gotLength(self, length: int | None) -> None:
        """Bodies are kept in memory, so their size is bounded before they are read."""
        self.content = BytesIO()
        self._oversize = length is not None and length > self._site.limits.body_bytes

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a part of the body, or nothing more once it is too large."""
        content = cast(BytesIO, self.content)
        if not self._oversize and content.tell() + len(data) > self._site.limits.body_bytes:
            self._oversize = True
            content.truncate(0)
        if not self._oversize:
            content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The whole request is here; forms and cookies are of no concern."""
        self.method, self.uri, self.clientproto = command, path, version
        self.process()

    def process(self) -> None:
        """Answer with a plain page or let the engine answer."""
        try:
            self._route()
        except Exception:
            self._api_log.failure("API request failed")
            self._refuse(ApiError(500, "Internal error occurred: the server's log has the details"))

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.lost()
        super().connectionLost(reason)

    def send(self, data: bytes) -> None:
        """Write a part of a watch."""
        if self._disconnected or self.finished:
            return
        if self.chunked:
            self.channel.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self.write(data)

    def abort(self) -> None:
        """Drop the connection."""
        if not self._disconnected and not self.finished:
            cast(ITCPTransport, self.channel.transport).abortConnection()

    def finish(self) -> None:
        """End the answer; nothing happens if the client is gone."""
        if self._stream is not None:
            self._stream = None
            self.unregisterProducer()
        if not self._disconnected and not self.finished:
            super().finish()

    @property
    def _site(self) -> ApiSite:
        return cast("ApiSite", self.channel.factory)

    def _route(self) -> None:
        if self._oversize:
            self._site.counters.oversize += 1
            self.setHeader(b"connection", b"close")
            self.channel.persistent = False
            self._refuse(ApiError(413, f"the body has more than the limit of {self._site.limits.body_bytes} bytes"))
            return
        page = self._site.pages.get(self.uri.partition(b"?")[0])
        if page is not None:
            code, content_type, body = page(self.uri.partition(b"?")[2])
            self._respond(ApiResponse(code, body, content_type))
            return
        try:
            request = self._call()
        except ApiError as error:
            self._refuse(error)
            return
        self._site.submit(self, request)

    def perform(self, request: ApiRequest) -> None:
        """Let the engine answer, unless the client is gone."""
        if self._disconnected:
            return
        engine = self._site.engine
        if engine.asks_watch(request):
            self._watch(request)
        else:
            engine.handle(request).addCallbacks(self._respond, self._broken)

    def _call(self) -> ApiRequest:
        if len(self.uri) > _MAX_URI:
            raise ApiError(414, f"the URI has more than {_MAX_URI} bytes", "RequestURITooLong")
        try:
            method, uri = self.method.decode("ascii"), self.uri.decode("ascii")
        except UnicodeDecodeError:
            raise ApiError(400, "the request line has a byte that is not ASCII") from None
        headers = {}
        for name, key in _CARRIED:
            values = self.requestHeaders.getRawHeaders(name)
            if values:
                headers[key] = b",".join(values).decode("latin-1")
        return ApiRequest(method, uri, headers, cast(BytesIO, self.content).getvalue())

    def _watch(self, request: ApiRequest) -> None:
        site = self._site
        if len(site.streams) >= site.limits.watchers:
            site.counters.refused_watchers += 1
            self._refuse(ApiError(503, f"there are {site.limits.watchers} watches already"))
            return
        from ote_twisted.api.stream import WatchStream  # a site at rest is watched by nobody

        limits = site.limits
        stream = WatchStream(self, site.clock, limits.bookmark_seconds, limits.buffered_bytes, site.stream_ended)

        def opened(answer: OpenWatch | ApiResponse) -> None:
            if isinstance(answer, ApiResponse):
                self._respond(answer)
            elif self._disconnected:
                answer.stop()
            else:
                self._begin(stream, answer)

        site.engine.open_watch(request, stream.deliver).addCallback(opened).addErrback(self._broken)

    def _begin(self, stream: WatchStream, watch: OpenWatch) -> None:
        site = self._site
        site.streams.add(stream)
        site.counters.watches += 1
        site.counters.requests["WATCH", 200] += 1
        self._stream = stream
        self.setHeader(b"content-type", watch.content_type.encode())
        self.registerProducer(stream, True)
        self.write(b"")
        stream.begin(watch)

    def _refuse(self, error: ApiError) -> None:
        self._respond(ApiResponse(error.code, orjson.dumps(error.status())))

    def _respond(self, answer: ApiResponse) -> None:
        if self._disconnected or self.finished:
            return
        method = self.method.decode("latin-1")
        self._site.counters.requests[method if method in _METHODS else "OTHER", answer.code] += 1
        for name, value in answer.headers.items():
            self.responseHeaders.setRawHeaders(name, [value])
        bodyless = method == "HEAD" or answer.code in NO_BODY_CODES
        # One write of one piece: the general way encodes each header by itself.
        self.startedWriting = 1
        self.channel.write(self._head(answer) + (b"" if bodyless else answer.body))
        self.finish()

    def _head(self, answer: ApiResponse) -> bytes:
        head = b"%b %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n" % (
            self.clientproto,
            answer.code,
            RESPONSES.get(answer.code, b"Unknown"),
            answer.content_type.encode(),
            len(answer.body),
        )
        for name, values in self.responseHeaders.getAllRawHeaders():
            head += b"%b: %b\r\n" % (name, b", ".join(values))
        return head + b"\r\n"

    def _broken(self, failure: Failure) -> Any:
        self._api_log.failure("API request failed", failure=failure)
        self._refuse(ApiError(500, "Internal error occurred: the server's log has the details"))
