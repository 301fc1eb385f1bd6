"""Answers and failures of tasks: those owned here go to their owner, all others on their way up."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from ote_twisted.controller.uplink import Uplink
from ote_twisted.errors import MalformedMessage
from ote_twisted.interfaces import ITaskOwner
from ote_twisted.tasks.model import Answer
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import encode
from ote_twisted.wire.messages import answer_of, control_response
from ote_twisted.wire.notices import Undeliverable, encode_undeliverable


class OwnedTasks:
    """Knows which tasks are owned here (their ``ParentClusterName`` is our name, F54) and who their owner is.

    :ivar malformed: answers whose body was none (F64).
    """

    _log = Logger()

    def __init__(self, own: str, uplink: Uplink, now: Callable[[], float]) -> None:
        """:param now: wall clock, unix seconds; told in answers, never compared."""
        self.malformed = 0
        self._own = own
        self._uplink = uplink
        self._now = now
        self._owner: ITaskOwner | None = None

    def serve(self, owner: ITaskOwner) -> None:
        """Name the owner; once, before anything starts."""
        self._owner = owner

    def clusters_changed(self, appeared: Sequence[str], lost: Sequence[str]) -> None:
        """Routes changed."""
        if self._owner is not None:
            self._owner.clusters_changed(appeared, lost)

    def performed(self, head: pb.MessageHead, answer: Answer) -> None:
        """The own cluster answered the request with this head."""
        timestamp = int(self._now())
        if head.ParentClusterName == self._own:
            self._tell(head, self._own, answer, timestamp)
        else:
            self._uplink.send(control_response(head, self._own, answer, timestamp))

    def answered(self, message: pb.ClusterMessage) -> None:
        """A descendant answered a task that is owned here."""
        try:
            answer, timestamp = answer_of(message)
        except MalformedMessage as fault:
            self.malformed += 1
            self._log.warn("answer of {cluster} refused: {fault}", cluster=message.Head.ClusterName, fault=str(fault))
            return
        self._tell(message.Head, message.Head.ClusterName, answer, timestamp)

    def undelivered(self, head: pb.MessageHead, targets: Sequence[str], reason: str) -> None:
        """A request had no way to some targets. Nobody waits for a cancellation, and originals cannot be told."""
        if head.Command == pb.Cancel:
            return
        link = self._uplink.link
        if head.ParentClusterName == self._own:
            if self._owner is not None:
                self._owner.undelivered(head.Uid, targets, reason)
        elif link is not None and link.v2:
            body = encode_undeliverable(Undeliverable(tuple(targets), reason, self._own))
            back = pb.MessageHead(
                Command=pb.Undeliverable, MessageID=head.MessageID, Uid=head.Uid, ParentClusterName=head.ParentClusterName
            )
            self._uplink.send(encode(pb.ClusterMessage(Head=back, Body=body)))

    def _tell(self, head: pb.MessageHead, cluster: str, answer: Answer, timestamp: int) -> None:
        if self._owner is not None:
            self._owner.answered(head.Uid, head.MessageID, cluster, answer, timestamp)
