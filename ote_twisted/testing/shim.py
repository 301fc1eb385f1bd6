"""A shim over a dictionary, and a host that remembers, for tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from ote_twisted.interfaces import IClusterShim, IRepeatableShim, IShimHost
from ote_twisted.shim.answers import failure, refusal
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task

METHODS = ("GET", "PUT", "DELETE")


@implementer(IShimHost)
@define
class MemoryHost:
    """Remembers what a shim told it.

    :ivar states: every ``(ready, reason)``, in order.
    :ivar reports: every report, in order.
    """

    states: list[tuple[bool, str]] = field(factory=list)
    reports: list[bytes] = field(factory=list)

    def shim_state(self, ready: bool, reason: str) -> None:
        """See :meth:`IShimHost.shim_state`."""
        self.states.append((ready, reason))

    def shim_report(self, body: bytes) -> None:
        """See :meth:`IShimHost.shim_report`."""
        self.reports.append(body)


@implementer(IClusterShim, IRepeatableShim)
class MemoryShim:
    """GET, PUT and DELETE of destination ``api`` act on a dictionary from URI to body. A DELETE is not repeatable.

    What it does next can be scripted: see :meth:`script`.

    :ivar contents: bodies by URI.
    :ivar performed: every task that was begun, in order.
    :ivar cancelled: tasks that were given up.
    :ivar running: tasks begun and not answered.
    :ivar cluster: the name it was started with.
    :ivar host: the host it was started with; use it to send reports.
    """

    def __init__(self, clock: IReactorTime, delay: float = 0.0) -> None:
        """
        :param delay: seconds that every task takes; 0 answers at once.
        """
        self._clock = clock
        self._delay = delay
        self._script: deque[tuple[float, Answer | Exception | None]] = deque()
        self.contents: dict[str, bytes] = {}
        self.performed: list[Task] = []
        self.cancelled: list[Task] = []
        self.running = 0
        self.cluster = ""
        self.host: IShimHost | None = None
        self.description: JSON = {"kind": "memory", "version": "1", "nodes": 1}

    def script(self, delay: float = 0.0, outcome: Answer | Exception | None = None) -> None:
        """What happens with the next task that has no script yet.

        :param delay: seconds until then.
        :param outcome: the answer to give or the error to fail with; ``None`` is the usual answer.
        """
        self._script.append((delay, outcome))

    def start(self, cluster: str, host: IShimHost) -> Deferred[None]:
        """See :meth:`IClusterShim.start`."""
        self.cluster = cluster
        self.host = host
        host.shim_state(True, "a dictionary is always there")
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """See :meth:`IClusterShim.stop`."""
        self.host = None
        return succeed(None)

    def perform(self, task: Task) -> Deferred[Answer]:
        """See :meth:`IClusterShim.perform`."""
        refused = refusal(task, ("api",), METHODS)
        if refused is not None:
            return succeed(refused)
        self.performed.append(task)
        delay, outcome = self._script.popleft() if self._script else (self._delay, None)
        return Deferred.fromCoroutine(self._perform(task, delay, outcome))

    def repeatable(self, task: Task) -> bool:
        """See :meth:`IRepeatableShim.repeatable`."""
        return task.method in ("GET", "PUT")

    def describe(self) -> Deferred[JSON]:
        """See :meth:`IClusterShim.describe`."""
        return succeed(self.description)

    async def _perform(self, task: Task, delay: float, outcome: Answer | Exception | None) -> Answer:
        self.running += 1
        finished = False
        try:
            if delay:
                await deferLater(self._clock, delay)
            finished = True
        finally:
            self.running -= 1
            if not finished:
                self.cancelled.append(task)
        if isinstance(outcome, Exception):
            raise outcome
        return self._act(task) if outcome is None else outcome

    def _act(self, task: Task) -> Answer:
        actions: dict[str, Callable[[Task], Answer]] = {"GET": self._get, "PUT": self._put, "DELETE": self._delete}
        return actions[task.method](task)

    def _get(self, task: Task) -> Answer:
        body = self.contents.get(task.uri)
        return failure(404, f"{task.uri} is not there") if body is None else Answer(200, body)

    def _put(self, task: Task) -> Answer:
        code = 200 if task.uri in self.contents else 201
        self.contents[task.uri] = task.body
        return Answer(code, task.body)

    def _delete(self, task: Task) -> Answer:
        answer = self._get(task)
        self.contents.pop(task.uri, None)
        return answer
