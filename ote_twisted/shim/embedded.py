"""The embedded cluster: the controller's own API engine performs the tasks."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from ote_twisted import __version__
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.interfaces import IApiServer, IClusterShim, IRepeatableShim, IShimHost
from ote_twisted.shim.answers import content_type, refusal
from ote_twisted.shim.repeating import repeatable_at_api
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task

DESTINATIONS = ("api",)

NO_NODES: JSON = {"nodes": 0, "nodesReady": 0, "capacity": {}, "allocatable": {}}
"""What a cluster that has no nodes says of them."""


@implementer(IClusterShim, IRepeatableShim)
class EmbeddedShim:
    """Performs ``api`` tasks on an API engine in this process."""

    def __init__(
        self, api: IApiServer, version: str = __version__, begun: Callable[[], Deferred[None]] = lambda: succeed(None)
    ) -> None:
        """
        :param begun: gives a Deferred that fires when the engine may be used.
        """
        self._api = api
        self._version = version
        self._begun = begun

    def start(self, cluster: str, host: IShimHost) -> Deferred[None]:
        """See :meth:`IClusterShim.start`. The cluster is there as soon as its engine is."""
        return self._begun().addCallback(lambda _: host.shim_state(True, "the embedded cluster is in this process"))

    def stop(self) -> Deferred[None]:
        """See :meth:`IClusterShim.stop`. The engine belongs to whoever made it."""
        return succeed(None)

    def perform(self, task: Task) -> Deferred[Answer]:
        """See :meth:`IClusterShim.perform`."""
        refused = refusal(task, DESTINATIONS)
        if refused is not None:
            return succeed(refused)
        headers = {"content-type": content_type(task), "accept": "application/json"}
        return self._api.handle(ApiRequest(task.method, task.uri, headers, task.body)).addCallback(_answer)

    def repeatable(self, task: Task) -> bool:
        """See :meth:`IRepeatableShim.repeatable`. What is refused is not performed at all."""
        return refusal(task, DESTINATIONS) is not None or repeatable_at_api(task)

    def describe(self) -> Deferred[JSON]:
        """See :meth:`IClusterShim.describe`. Capacity is that of the cluster's Node objects."""
        return Deferred.fromCoroutine(self._describe())

    async def _describe(self) -> JSON:
        described: JSON = {"kind": "embedded", "version": self._version}
        nodes = await self._api.stored("nodes")
        if not nodes:
            return described if nodes is None else described | NO_NODES
        from ote_twisted.shim.capacity import node_totals  # with exact decimals, which nothing else needs

        return described | node_totals(nodes)


def _answer(response: ApiResponse) -> Answer:
    return Answer(response.code, response.body)
