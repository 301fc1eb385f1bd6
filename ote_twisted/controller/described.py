"""What a cluster says of itself, from what its shim says of it, bounded so that every hop takes it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ote_twisted.wire.entry import ClusterStatus

MAX_WORD = 63
"""Characters of a kind or a version."""

MAX_MESSAGE = 255
"""Characters of a reason why a cluster is (not) ready."""

MAX_RESOURCES = 24
"""Resources of which capacity is told; the first by name, if there are more."""

_RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}")
_QUANTITY = re.compile(r"[+-]?[0-9.]{1,16}[A-Za-z]{0,2}|[+-]?[0-9.]{1,16}[eE][+-]?[0-9]{1,3}")
"""Names and amounts that are no such are left out."""

_MAX_NODES = 2**32 - 1

NO_SHIM = ClusterStatus("none", ready=True, reason="NoShim", message="It has no shim: tasks pass through it only.")


def cluster_status(description: Mapping[str, Any], ready: bool, reason: str) -> ClusterStatus:
    """The status to announce; what is missing or not what it should be stays empty.

    :param description: as :meth:`IClusterShim.describe` gives it.
    :param reason: the shim's sentence about why the cluster is (not) ready.
    """
    return ClusterStatus(
        _text(description.get("kind"), MAX_WORD),
        _text(description.get("version"), MAX_WORD),
        _quantities(description.get("capacity")),
        _quantities(description.get("allocatable")),
        _number(description.get("nodes")),
        _number(description.get("nodesReady")),
        ready,
        "ShimReady" if ready else "ShimNotReady",
        _text(reason, MAX_MESSAGE),
    )


def _text(value: object, limit: int) -> str:
    """A text without half surrogates, which no wire has."""
    if not isinstance(value, str):
        return ""
    return value[:limit].encode("utf-8", "replace").decode("utf-8")


def _quantities(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    texts = {
        name: str(amount) for name, amount in value.items() if isinstance(name, str) and isinstance(amount, str | int | float)
    }
    named = sorted(pair for pair in texts.items() if _RESOURCE.fullmatch(pair[0]) and _QUANTITY.fullmatch(pair[1]))
    return dict(named[:MAX_RESOURCES])


def _number(value: object) -> int:
    return min(max(value, 0), _MAX_NODES) if isinstance(value, int) and not isinstance(value, bool) else 0
