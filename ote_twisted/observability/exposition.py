"""A registry as the answer to a scrape, whatever serves it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from ote_twisted.observability.health import Rendered

__all__ = ["Rendered", "render"]


def render(registry: CollectorRegistry, accept: str = "") -> Rendered:
    """Answer a scrape in the text form of Prometheus, or in OpenMetrics where ``accept`` asks for it."""
    encode, content_type = choose_encoder(accept)
    return 200, content_type, encode(registry)
