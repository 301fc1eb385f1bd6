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
from ote_twisted.wire.messages import answer_of
from ote_twisted.wire.notices import Undeliverable, encode_undeliverable

QUIET = frozenset({pb.Cancel, pb.Received})
"""Commands whose sender does not care who got them."""


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

    def timestamp(self) -> int:
        """What answers of the own cluster are stamped with, unix seconds."""
        return int(self._now())

    def answered_here(self, head: pb.MessageHead, answer: Answer) -> None:
        """The own cluster answered a task that is owned here."""
        self._tell(head, self._own, answer, self.timestamp())

    def answered(self, message: pb.ClusterMessage) -> None:
        """A descendant answered a task that is owned here."""
        try:
            answer, timestamp = answer_of(message)
        except MalformedMessage as fault:
            self.malformed += 1
            self._log.warn("answer of {cluster} refused: {fault}", cluster=message.Head.ClusterName, fault=str(fault))
            return
        self._tell(message.Head, message.Head.ClusterName, answer, timestamp)

    def undelivered(self, head: pb.MessageHead, targets: Sequence[str], reason: str) -> bool:
        """A request had no way to some targets; false if its owner, an original, cannot be told.

        Nobody waits for a cancellation or a confirmation. Without a parent it is not told: its owner asks again later.
        """
        link = self._uplink.link
        if head.Command in QUIET:
            return True
        if head.ParentClusterName == self._own:
            if self._owner is not None:
                self._owner.undelivered(head.Uid, targets, reason)
        elif link is not None and link.v2:
            body = encode_undeliverable(Undeliverable(tuple(targets), reason, self._own))
            back = pb.MessageHead(
                Command=pb.Undeliverable, MessageID=head.MessageID, Uid=head.Uid, ParentClusterName=head.ParentClusterName
            )
            self._uplink.send(encode(pb.ClusterMessage(Head=back, Body=body)))
        return link is None or link.v2 or head.ParentClusterName == self._own

    def _tell(self, head: pb.MessageHead, cluster: str, answer: Answer, timestamp: int) -> None:
        if self._owner is not None:
            self._owner.answered(head.Uid, head.MessageID, cluster, answer, timestamp)
