"""Reads and follows the clusters that a controller knows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ote_twisted.cli.client import GROUP, ApiClient, Unreachable
from ote_twisted.cli.errors import Refused
from ote_twisted.cli.kubeconfig import NAMESPACE
from ote_twisted.cli.views import ClusterView, cluster_view

CLUSTERS = f"{GROUP}/namespaces/{NAMESPACE}/clusters"
PAUSE = 1.0
"""Seconds before a controller that went away is asked again."""


async def read_clusters(client: ApiClient) -> tuple[dict[str, ClusterView], str]:
    """Every cluster by name, and the version from which to watch.

    :raise CommandError: the controller cannot be asked.
    """
    items, version = await client.every(CLUSTERS)
    return {item["metadata"]["name"]: cluster_view(item) for item in items}, version


class ClusterFollower:
    """Follows the clusters of a controller for ever, also while it is restarted.

    :ivar clusters: as last known.
    :ivar trouble: why they may be out of date; empty when they are not.
    """

    def __init__(self, client: ApiClient, clock: IReactorTime, changed: Callable[[str, ClusterView], None]) -> None:
        """
        :param changed: is told each change: ``ADDED``, ``MODIFIED`` or ``DELETED``.
        """
        self.clusters: dict[str, ClusterView] = {}
        self.trouble = ""
        self._version = ""
        self._client = client
        self._clock = clock
        self._changed = changed

    async def follow(self) -> None:
        """Read and follow until cancelled.

        :raise CommandError: the controller could not be asked the first time.
        """
        await self._list()
        while True:
            try:
                await self._watch()
            except Refused as refused:
                if refused.code != 410:
                    raise
                await self._list()
            except Unreachable as fault:
                self.trouble = str(fault)
                await _pause(self._clock)

    async def _list(self) -> None:
        before = self.clusters
        self.clusters, self._version = await read_clusters(self._client)
        self.trouble = ""
        for name, view in self.clusters.items():
            if before.get(name) != view:
                self._changed("MODIFIED" if name in before else "ADDED", view)
        for name in before.keys() - self.clusters.keys():
            self._changed("DELETED", before[name])

    async def _watch(self) -> None:
        async with aclosing(self._client.watch(CLUSTERS, self._version)) as events:
            async for event in events:
                self.trouble = ""
                self._version = event["object"]["metadata"]["resourceVersion"]
                self._take(event["type"], cluster_view(event["object"]))
        await _pause(self._clock)

    def _take(self, kind: str, view: ClusterView) -> None:
        if kind == "DELETED":
            self.clusters.pop(view.name, None)
        else:
            self.clusters[view.name] = view
        self._changed(kind, view)


def _pause(clock: IReactorTime) -> Deferred[None]:
    return deferLater(clock, PAUSE, lambda: None)
