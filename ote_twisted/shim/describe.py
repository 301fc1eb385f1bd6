"""Describes a cluster by asking its API, for shims that have no better source."""

from __future__ import annotations

import json
from collections.abc import Callable

from twisted.internet.defer import Deferred

from ote_twisted.shim.capacity import node_totals
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task


async def describe_by_api(perform: Callable[[Task], Deferred[Answer]]) -> JSON:
    """Kind and version from ``/version``, capacity from the nodes; what the cluster does not tell is absent.

    :raise ote_twisted.errors.ShimUnavailable: as ``perform`` fails.
    """
    version = _decoded(await perform(Task("api", "GET", "/version"))).get("gitVersion")
    described: JSON = {}
    if isinstance(version, str):
        described |= {"kind": "k3s" if "+k3s" in version else "kubernetes", "version": version}
    nodes = _decoded(await perform(Task("api", "GET", "/api/v1/nodes"))).get("items")
    return described | (node_totals(nodes) if isinstance(nodes, list) else {})


def _decoded(answer: Answer) -> JSON:
    if answer.code != 200:
        return {}
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
