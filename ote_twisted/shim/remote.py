"""A shim in another program, reached by the original's shim websocket."""

from __future__ import annotations

import json
import random as _random
from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime, IStreamClientEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from ote_twisted.errors import MalformedMessage, ShimUnavailable
from ote_twisted.interfaces import IClusterShim, IShimHost
from ote_twisted.shim.answers import failure, from_wire
from ote_twisted.shim.describe import describe_by_api
from ote_twisted.shim.dial import Delays, Dialler, ShimAddress
from ote_twisted.shim.messages import DESCRIBE, cancel, request
from ote_twisted.shim.websocket import Link, LinkLimits, status_of
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.values import frozen
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage, ControlResp, EdgeReport
from ote_twisted.wire.codec import decode
from ote_twisted.wire.join import V2
from ote_twisted.wire.messages import answer_of


@frozen
class RemoteLimits:
    """Bounds on the tasks at a remote shim.

    :ivar task_seconds: a task without an answer for so long is answered with 504. An original shim performs its
        tasks one after the other, so the time includes the wait for earlier ones.
    :ivar open_tasks: tasks without an answer at once; a further one fails.
    """

    task_seconds: float = 120.0
    open_tasks: int = 1024


class _Pending:
    __slots__ = ("answer", "timer")

    def __init__(self, answer: Deferred[Answer], timer: IDelayedCall) -> None:
        self.answer = answer
        self.timer = timer


@implementer(IClusterShim)
class RemoteShim:
    """Performs tasks by a shim server, the original's or ours.

    Requests and answers belong together by a MessageID of our own making, because every shim echoes the head.

    :ivar connected: the shim may be used now.
    :ivar malformed: messages from the shim that could not be read or had no head.
    :ivar unasked: answers to nothing that is open, and unknown commands.
    :ivar timed_out: tasks without an answer in time.
    :ivar refused: tasks that found too many open.
    """

    _log = Logger()

    def __init__(
        self,
        address: ShimAddress,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        random: Callable[[], float] = _random.random,
        limits: RemoteLimits | None = None,
        delays: Delays | None = None,
        link_limits: LinkLimits | None = None,
    ) -> None:
        self._address = address
        self._clock = clock
        self._limits = limits or RemoteLimits()
        self._dialler = Dialler(endpoint, clock, self, random, delays or Delays(), link_limits or LinkLimits())
        self._prefix = f"{int(random() * 2**48):012x}"
        self._count = 0
        self._pending: dict[str, _Pending] = {}
        self._link: Link | None = None
        self._host: IShimHost | None = None
        self._cluster = ""
        self._why_not = "the shim is not started"
        self.malformed = 0
        self.unasked = 0
        self.timed_out = 0
        self.refused = 0

    @property
    def connected(self) -> bool:
        """There is a connection to the shim."""
        return self._link is not None

    def start(self, cluster: str, host: IShimHost) -> Deferred[None]:
        """See :meth:`IClusterShim.start`. Fires at once; the host is told when the shim is reached."""
        self._cluster = cluster
        self._host = host
        self._unavailable("not connected yet")
        self._dialler.start(self._address.url(cluster))
        return succeed(None)

    def stop(self) -> Deferred[None]:
        """See :meth:`IClusterShim.stop`."""
        self._host = None
        self._abandon("the shim was stopped")
        self._link = None
        self._why_not = "the shim was stopped"
        return self._dialler.stop()

    def perform(self, task: Task) -> Deferred[Answer]:
        """See :meth:`IClusterShim.perform`."""
        if self._link is None:
            return fail(ShimUnavailable(self._why_not))
        if len(self._pending) >= self._limits.open_tasks:
            self.refused += 1
            return fail(ShimUnavailable(f"{len(self._pending)} tasks are open at the shim already"))
        return self._ask(self._link, task)

    def describe(self) -> Deferred[JSON]:
        """See :meth:`IClusterShim.describe`. A shim that cannot tell is described by its cluster's API."""
        return Deferred.fromCoroutine(self._describe())

    def link_opened(self, link: Link) -> None:
        """The shim may be used."""
        self._link = link
        if self._host is not None:
            self._host.shim_state(True, f"connected to the shim at {self._place()}")

    def link_message(self, link: Link, message: bytes) -> None:
        """An answer or a report; anything else is counted."""
        try:
            received = decode(message)
        except MalformedMessage:
            self.malformed += 1
            return
        if received.Head.Command == ControlResp:
            self._answered(received)
        elif received.Head.Command == EdgeReport and self._host is not None:
            self._host.shim_report(received.Body)
        else:
            self.unasked += 1

    def link_lost(self, link: Link, reason: str) -> None:
        """The shim is away. What it was doing is not known."""
        was_open, self._link = self._link is not None, None
        occupied = status_of(reason) == 400
        why = "another controller is connected to it" if occupied else reason
        self._abandon("the connection to the shim was lost before it answered", 502)
        if self._host is not None:
            self._unavailable(why)
            self._log.info("{place}: {why}", place=self._place(), why=why, was_open=was_open)

    def _ask(self, link: Link, task: Task) -> Deferred[Answer]:
        self._count += 1
        identifier = f"{self._prefix}-{self._count}"
        try:
            message = request(task, identifier, self._cluster)
        except MalformedMessage as error:
            return succeed(failure(400, str(error)))
        answer: Deferred[Answer] = Deferred(lambda _: self._cancelled(identifier))
        timer = self._clock.callLater(self._limits.task_seconds, self._too_late, identifier)
        self._pending[identifier] = _Pending(answer, timer)
        self._note_busy(link)
        link.send(message)
        return answer

    def _answered(self, received: ClusterMessage) -> None:
        try:
            answer = from_wire(answer_of(received)[0])
        except MalformedMessage as error:
            self.malformed += 1
            answer = failure(502, f"the shim's answer could not be read: {error}")
        if not self._settle(received.Head.MessageID, answer):
            self.unasked += 1

    def _settle(self, identifier: str, answer: Answer) -> bool:
        pending = self._pending.pop(identifier, None)
        if pending is None:
            return False
        if pending.timer.active():
            pending.timer.cancel()
        if self._link is not None:
            self._note_busy(self._link)
        pending.answer.callback(answer)
        return True

    def _note_busy(self, link: Link) -> None:
        # An original shim reads nothing, not even a ping, while it performs.
        link.busy = bool(self._pending) and link.websocket_protocol_in_use != V2

    def _too_late(self, identifier: str) -> None:
        self.timed_out += 1
        self._withdraw(identifier)
        self._settle(identifier, failure(504, f"the shim did not answer within {self._limits.task_seconds:g} s"))

    def _cancelled(self, identifier: str) -> None:
        pending = self._pending.pop(identifier, None)
        if pending is not None:
            pending.timer.cancel()
            self._withdraw(identifier)

    def _withdraw(self, identifier: str) -> None:
        link = self._link
        if link is not None and link.websocket_protocol_in_use == V2:
            link.send(cancel(identifier))

    def _abandon(self, why: str, code: int = 0) -> None:
        pending, self._pending = self._pending, {}
        for each in pending.values():
            each.timer.cancel()
            if code:
                each.answer.callback(failure(code, f"{why}; whether it was performed is not known"))
            else:
                each.answer.errback(ShimUnavailable(why))

    def _unavailable(self, why: str) -> None:
        self._why_not = f"the shim at {self._place()} is not reached: {why}"
        if self._host is not None:
            self._host.shim_state(False, self._why_not)

    def _place(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    async def _describe(self) -> JSON:
        answer = await self.perform(DESCRIBE)
        if answer.code == 200:
            try:
                described = json.loads(answer.body)
            except (ValueError, RecursionError):
                described = None
            if isinstance(described, dict):
                return described
        return await describe_by_api(self.perform)
