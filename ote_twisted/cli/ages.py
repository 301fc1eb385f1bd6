"""Times for people. Pure."""

from __future__ import annotations

from datetime import datetime


def age(seconds: float) -> str:
    """How long ago, as kubectl writes it: ``42s``, ``5m12s``, ``3h4m``, ``2d3h``."""
    total = max(0, int(seconds))
    if total < 120:
        return f"{total}s"
    if total < 600:
        return _two(total, 60, "m", 1, "s")
    if total < 3 * 3600:
        return f"{total // 60}m"
    if total < 86400:
        return _two(total, 3600, "h", 60, "m")
    return _two(total, 86400, "d", 3600, "h") if total < 8 * 86400 else f"{total // 86400}d"


def unix_seconds(text: object) -> float | None:
    """What an RFC 3339 time of an object says; ``None`` when it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _two(total: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = total % large // small
    return f"{total // large}{large_unit}" + (f"{rest}{small_unit}" if rest else "")
