"""Answers of the own cluster on their way to whoever owns the task, and reports of its shim to the root."""

from __future__ import annotations

from collections.abc import Callable

from ote_twisted.controller.outbox import Outbox
from ote_twisted.controller.owned import OwnedTasks
from ote_twisted.controller.pressure import BackPressure
from ote_twisted.controller.uplink import Uplink
from ote_twisted.tasks.journal import REPORT, OutboxEntry
from ote_twisted.tasks.model import Answer
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import control_response, edge_report
from ote_twisted.wire.reports import report_key

GRACE = 600.0
"""How long after its deadline an answer is still sent, seconds: it may have been on its way."""

UNDATED = 7200.0
"""The same for an answer to a task without a deadline."""

REPORTED = 7 * 86_400.0
"""How long a report is sent, seconds."""


class OwnAnswers:
    """Hands over what the own cluster answers: to the owner here, or through the outbox upwards.

    A task of an original owner has no uid; its answer is sent once.
    """

    def __init__(
        self,
        own: str,
        owned: OwnedTasks,
        uplink: Uplink,
        outbox: Outbox,
        pressure: BackPressure,
        now: Callable[[], float],
        new_uid: Callable[[], str],
    ) -> None:
        """:param now: unix seconds, by a clock that makes no steps."""
        self._own = own
        self._owned = owned
        self._uplink = uplink
        self._outbox = outbox
        self._pressure = pressure
        self._now = now
        self._new_uid = new_uid

    def owed(self, head: pb.MessageHead, answer: Answer, left: float) -> OutboxEntry | None:
        """See :class:`Answering`. To an owner here nothing is owed: its ledger is on the same disk."""
        if not head.Uid or head.ParentClusterName == self._own:
            return None
        until = self._now() + (left + GRACE if head.DeadlineMilliseconds else UNDATED)
        return OutboxEntry(head.Uid, self._message(head, answer), until=until)

    def performed(self, head: pb.MessageHead, answer: Answer, entry: OutboxEntry | None) -> None:
        """See :class:`Answering`."""
        if entry is not None:
            self._outbox.owe(entry)
        elif head.ParentClusterName == self._own:
            self._owned.answered_here(head, answer)
        else:
            self._uplink.send(self._message(head, answer))

    def repeated(self, head: pb.MessageHead, answer: Answer) -> None:
        """See :class:`Answering`. What is owed anyway is sent as that, in its order."""
        if not self._outbox.again(head.Uid):
            self.performed(head, answer, None)

    def returned(self, head: pb.MessageHead, reason: str) -> bool:
        """See :class:`Answering`."""
        return self._owned.undelivered(head, [self._own], reason)

    def holds(self, head: pb.MessageHead) -> bool:
        """See :class:`Answering`."""
        return self._pressure.holds(head)

    def report(self, body: bytes) -> None:
        """Owe a report of the shim; one that tells a whole state replaces the one before."""
        entry = OutboxEntry(REPORT + self._new_uid(), edge_report(self._own, body), report_key(body), self._now() + REPORTED)
        self._outbox.put(entry)

    def _message(self, head: pb.MessageHead, answer: Answer) -> bytes:
        return control_response(head, self._own, answer, self._owned.timestamp())
