"""An API engine without HTTP: calls as plain Python, for tests of whatever talks to an API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.api.watching import OpenWatch
from ote_twisted.declarations.load import load_kinds
from ote_twisted.declarations.model import Kind
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.memory import MemoryObjectStore

START = 1_800_000_000.0
"""Unix seconds at which a memory API's clock begins."""


@frozen
class Answered:
    """One answer, decoded.

    :ivar value: the JSON in it; ``None`` for an empty body.
    """

    code: int
    value: Any
    headers: dict[str, str]


class RunningWatch:
    """A watch whose events are kept.

    :ivar events: decoded events so far.
    """

    def __init__(self, engine: ApiEngine, request: ApiRequest) -> None:
        self.events: list[dict[str, Any]] = []
        opened = outcome(engine.open_watch(request, self._keep))
        self.refused: Any = orjson.loads(opened.body) if isinstance(opened, ApiResponse) else None
        self.watch: OpenWatch | None = opened if isinstance(opened, OpenWatch) else None
        if self.watch is not None:
            self._keep(self.watch.initial)

    @property
    def seen(self) -> list[tuple[str, str]]:
        """Type and object's name of each event."""
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in self.events]

    def _keep(self, lines: Sequence[bytes]) -> None:
        self.events.extend(orjson.loads(line) for line in lines)


class MemoryApi:
    """An engine over a memory store on a clock that stands still until it is moved.

    :ivar clock: ``advance`` it to deliver events of watches.
    """

    def __init__(
        self,
        kinds: Iterable[Kind] | None = None,
        store: Callable[[Clock], IObjectStore] = MemoryObjectStore,
        **options: Any,
    ) -> None:
        """Start an engine; ``options`` are those of :class:`ApiEngine`."""
        self.clock = Clock()
        self.store = store(self.clock)
        self.engine = ApiEngine(self.store, load_kinds() if kinds is None else kinds, self.now, "1.2.3", **options)
        outcome(self.engine.start())

    def now(self) -> float:
        """Unix seconds."""
        return START + self.clock.seconds()

    def call(self, method: str, uri: str, body: Any = None, **headers: str) -> Answered:
        """Make a call; a body that is not bytes is sent as JSON. Header names have underscores for dashes."""
        response = outcome(self.engine.handle(request(method, uri, body, **headers)))
        return Answered(response.code, _decoded(response), response.headers)

    def watch(self, uri: str, **headers: str) -> RunningWatch:
        """Open a watch; ``refused`` holds the Status if it was."""
        return RunningWatch(self.engine, request("GET", uri, None, **headers))

    def turn(self) -> None:
        """Let one reactor turn pass."""
        self.clock.advance(0)


def request(method: str, uri: str, body: Any = None, **headers: str) -> ApiRequest:
    """A call as a value."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    return ApiRequest(method, uri, named, raw)


def outcome(deferred: Deferred[Any]) -> Any:
    """The result that a Deferred has now.

    :raise AssertionError: it has none yet.
    """
    results: list[Any] = []
    deferred.addBoth(results.append)
    if not results:
        raise AssertionError(f"{deferred} has no result yet")
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def _decoded(response: ApiResponse) -> Any:
    if not response.body:
        return None
    return orjson.loads(response.body) if "json" in response.content_type else response.body
