"""One cluster of a shim server: its shim, and the controller that is connected for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.errors import MalformedMessage, ShimUnavailable
from ote_twisted.interfaces import IClusterShim, IShimHost
from ote_twisted.shim.answers import failure
from ote_twisted.shim.backlog import Backlog
from ote_twisted.shim.messages import DESCRIBE, combined
from ote_twisted.shim.websocket import Link
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.values import frozen
from ote_twisted.wire.clustermessage_pb2 import Cancel, ClusterMessage, ControlMultiReq, ControlReq, MessageHead
from ote_twisted.wire.codec import decode
from ote_twisted.wire.join import V2
from ote_twisted.wire.messages import control_response, edge_report, multi_task_of, task_of


@frozen
class ServedLimits:
    """Bounds on what one controller has open.

    :ivar open_tasks: requests without an answer; beyond, nothing is read from the controller until half are answered.
    :ivar kept_messages: reports and answers kept for a controller that is away.
    :ivar kept_bytes: bytes of them.
    """

    open_tasks: int = 2048
    kept_messages: int = 1000
    kept_bytes: int = 64 << 20


@implementer(IShimHost)
class ServedCluster:
    """Takes requests from one connection at a time, gives them to the shim, and carries back what it says.

    :ivar link: the controller's connection, or ``None``.
    :ivar performed: answers given.
    :ivar malformed: messages that could not be read or had no head.
    :ivar unknown: messages with a command that no shim knows.
    :ivar ready: the shim reaches its cluster.
    """

    _log = Logger()

    def __init__(self, name: str, shim: IClusterShim, now: Callable[[], float], limits: ServedLimits) -> None:
        self.name = name
        self.link: Link | None = None
        self.backlog = Backlog(limits.kept_messages, limits.kept_bytes)
        self.performed = 0
        self.malformed = 0
        self.unknown = 0
        self.ready = True
        self._shim = shim
        self._now = now
        self._limits = limits
        self._open: dict[str, Deferred[Answer]] = {}
        self._serial = 0
        self._commands = {ControlReq: self._request, ControlMultiReq: self._multi_request, Cancel: self._cancel}

    def start(self) -> Deferred[None]:
        """Start the shim."""
        return self._shim.start(self.name, self)

    def stop(self) -> Deferred[None]:
        """Stop the shim. Requests under way are answered with 503 before."""
        return self._shim.stop()

    def shim_state(self, ready: bool, reason: str) -> None:
        """See :meth:`IShimHost.shim_state`. There is no message for it on this link, so it is logged."""
        self.ready = ready
        self._log.info("{name}: the shim is {state}: {reason}", name=self.name, state="ready" if ready else "away", reason=reason)

    def shim_report(self, body: bytes) -> None:
        """See :meth:`IShimHost.shim_report`. Kept while no controller is connected."""
        self._send(edge_report(self.name, body))

    def opened(self, link: Link) -> None:
        """The controller is connected; it gets what waited for it."""
        self.link = link
        for message in self.backlog.take():
            link.send(message)

    def lost(self, link: Link) -> None:
        """The controller is gone. One of ours has given its requests up, so they are not performed any more."""
        if self.link is not link:
            return
        self.link = None
        if link.websocket_protocol_in_use == V2:
            for performing in list(self._open.values()):
                performing.cancel()

    def received(self, message: bytes) -> None:
        """One message of the controller. Whatever the bytes are, they cost at most themselves."""
        try:
            request = decode(message)
        except MalformedMessage:
            self.malformed += 1
            return
        perform = self._commands.get(request.Head.Command)
        if perform is None:
            self.unknown += 1
            self._log.debug("{name}: no shim knows command {command}", name=self.name, command=request.Head.Command)
            return
        perform(request)

    def _request(self, request: ClusterMessage) -> None:
        try:
            task = task_of(request)
        except MalformedMessage as error:
            self.malformed += 1
            self._respond(request.Head, failure(400, str(error)))
            return
        self._track(request.Head, self._perform(task), answered=True)

    def _multi_request(self, request: ClusterMessage) -> None:
        try:
            tasks = multi_task_of(request)
        except MalformedMessage:
            self.malformed += 1
            return
        # The original never answers these; only who gives a uid waits for the results.
        self._track(request.Head, Deferred.fromCoroutine(self._perform_all(tasks)), answered=bool(request.Head.Uid))

    def _cancel(self, request: ClusterMessage) -> None:
        performing = self._open.get(request.Head.MessageID)
        if performing is not None:
            performing.cancel()

    async def _perform_all(self, tasks: Sequence[Task]) -> Answer:
        return combined([await self._perform(task) for task in tasks])

    def _perform(self, task: Task) -> Deferred[Answer]:
        if task.destination == DESCRIBE.destination:
            return self._shim.describe().addCallbacks(_described, _unavailable)
        return self._shim.perform(task).addErrback(_unavailable)

    def _track(self, head: MessageHead, performing: Deferred[Answer], answered: bool) -> None:
        key = head.MessageID
        if not key or key in self._open:
            self._serial += 1
            key = f"\0{self._serial}"
        self._open[key] = performing
        performing.addCallback(self._answer, head, answered)
        performing.addErrback(self._not_answered, head).addBoth(self._closed, key)
        if len(self._open) >= self._limits.open_tasks and self.link is not None:
            self.link.hold(True)

    def _answer(self, answer: Answer, head: MessageHead, answered: bool) -> None:
        self.performed += 1
        if answered:
            self._respond(head, answer)

    def _not_answered(self, reason: Failure, head: MessageHead) -> None:
        if reason.check(CancelledError):
            return
        self._log.failure("{name}: request {identifier} failed", reason, name=self.name, identifier=head.MessageID)
        self._respond(head, failure(500, "the shim server failed; its log has the reason"))

    def _closed(self, _: object, key: str) -> None:
        self._open.pop(key, None)
        if self.link is not None and len(self._open) <= self._limits.open_tasks // 2:
            self.link.hold(False)

    def _respond(self, head: MessageHead, answer: Answer) -> None:
        self._send(control_response(head, self.name, answer, int(self._now())))

    def _send(self, message: bytes) -> None:
        if self.link is None:
            self.backlog.put(message)
        else:
            self.link.send(message)


def _described(description: JSON) -> Answer:
    return Answer(200, json.dumps(description).encode())


def _unavailable(reason: Failure) -> Answer:
    reason.trap(ShimUnavailable)
    return failure(503, str(reason.value))
