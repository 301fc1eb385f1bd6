"""Every shim of the package keeps the contract."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.declarations.load import CLUSTER, load_kinds
from ote_twisted.interfaces import IApiServer
from ote_twisted.shim.embedded import EmbeddedShim
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.contracts.shim import ShimHarness, make_shim_tests
from ote_twisted.testing.shim import MemoryShim

from .links import joined

CONFIG_MAP = "/api/v1/namespaces/default/configmaps/thing"
READ_CONFIG_MAP = Task("api", "GET", CONFIG_MAP)


def put(body: bytes) -> Task:
    """Write the one object of the memory shim."""
    return Task("api", "PUT", "/thing", body)


GET = Task("api", "GET", "/thing")


def memory(case: TestCase) -> ShimHarness:
    """The shipped fake."""
    return ShimHarness(MemoryShim(Clock()), put, GET)


def remote(case: TestCase) -> ShimHarness:
    """The shipped fake behind a server, over the real protocols."""
    link = joined()
    return ShimHarness(link.remote, put, GET, settle=link.settle)


@implementer(IApiServer)
class OneConfigMap:
    """An API server that knows one ConfigMap."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.calls: list[ApiRequest] = []

    def handle(self, request: ApiRequest) -> Deferred[ApiResponse]:
        """Answer for the one object, 404 for all others."""
        self.calls.append(request)
        if request.uri == "/version":
            return succeed(ApiResponse(200, b'{"gitVersion": "v1.30.0"}'))
        if request.uri != CONFIG_MAP:
            return succeed(ApiResponse(404, b'{"kind": "Status"}'))
        return succeed(self._put(request.body) if request.method == "PUT" else self._get())

    def stored(self, resource: str) -> Deferred[list[JSON] | None]:
        """Nothing else is served."""
        return succeed(None)

    def _put(self, body: bytes) -> ApiResponse:
        try:
            self.text = json.loads(body)["data"]["value"]
        except ValueError:
            return ApiResponse(400, b'{"kind": "Status"}')
        return self._get()

    def _get(self) -> ApiResponse:
        if self.text is None:
            return ApiResponse(404)
        return ApiResponse(200, json.dumps({"data": {"value": self.text}}).encode())


def config_map(value: bytes) -> Task:
    """Write the ConfigMap; what is no text makes the body no JSON."""
    body = b'{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "thing"}, "data": {"value": "%s"}}' % value
    return Task("api", "PUT", CONFIG_MAP, body)


def config_map_value(answer: Answer) -> bytes:
    """The value in a ConfigMap."""
    value: str = json.loads(answer.body)["data"]["value"]
    return value.encode()


def embedded(case: TestCase) -> ShimHarness:
    """The embedded shim over one object."""
    return ShimHarness(EmbeddedShim(OneConfigMap()), config_map, READ_CONFIG_MAP, config_map_value, opaque=False)


def engine(case: TestCase) -> ShimHarness:
    """The embedded shim over the API engine, with a store in memory."""
    clock = Clock()
    api = ApiEngine(MemoryObjectStore(clock), load_kinds(("base", *CLUSTER)), lambda: 1_700_000_000.0)
    starting = api.start()
    case.addCleanup(api.stop)

    def settle() -> None:
        clock.pump([0] * 50)

    settle()
    assert starting.called
    create = Task("api", "POST", CONFIG_MAP.removesuffix("/thing"), config_map(b"").body)
    return ShimHarness(
        EmbeddedShim(api), config_map, READ_CONFIG_MAP, config_map_value, prepare=(create,), settle=settle, opaque=False
    )


def late(case: TestCase) -> ShimHarness:
    """A shim whose first tasks take longest."""
    clock = Clock()
    shim = MemoryShim(clock)
    for delay in range(60, 0, -1):
        shim.script(delay=delay)
    return ShimHarness(shim, put, GET, settle=lambda: clock.pump([60] * 60))


class GuardedMemoryShimTests(make_shim_tests(memory)):  # type: ignore[misc]
    """The shipped fake keeps the contract."""


class GuardedLateShimTests(make_shim_tests(late)):  # type: ignore[misc]
    """A shim that would finish tasks in another order keeps the contract inside the guard."""


class EngineShimTests(make_shim_tests(engine)):  # type: ignore[misc]
    """The embedded shim over the real API engine keeps the contract."""


class GuardedEmbeddedShimTests(make_shim_tests(embedded)):  # type: ignore[misc]
    """The embedded shim keeps the contract."""


class RemoteShimTests(make_shim_tests(remote, bare=True)):  # type: ignore[misc]
    """The remote shim with a server keeps the contract by itself."""


class GuardedRemoteShimTests(make_shim_tests(remote)):  # type: ignore[misc]
    """The remote shim keeps the contract within the guard too."""
