"""Metrics and health checks over HTTP, for programs that serve no other API."""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from ote_twisted.observability.exposition import Exposition
from ote_twisted.observability.health import HealthChecks, Rendered


class _Page(Resource):
    isLeaf = True

    def __init__(self, answer: Callable[[Request], Rendered]) -> None:
        super().__init__()
        self._answer = answer

    def render_GET(self, request: Request) -> bytes:
        """Answer with what is true now."""
        code, content_type, body = self._answer(request)
        request.setResponseCode(code)
        request.setHeader(b"content-type", content_type.encode())
        return body


def monitoring_site(metrics: Exposition, live: HealthChecks, ready: HealthChecks) -> Site:
    """``/metrics``, ``/livez`` and ``/readyz``."""
    root = Resource()
    root.putChild(b"metrics", _Page(lambda request: metrics.render(request.getHeader("accept") or "")))
    root.putChild(b"livez", _Page(lambda request: live.render(b"verbose" in request.args)))
    root.putChild(b"readyz", _Page(lambda request: ready.render(b"verbose" in request.args)))
    site = Site(root)
    site.noisy = False
    return site
