"""Times as Kubernetes writes them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(seconds: float) -> str:
    """Unix seconds as ``2026-11-23T21:52:00Z``."""
    return _whole(int(seconds))


@lru_cache(maxsize=16)
def _whole(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
