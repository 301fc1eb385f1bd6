"""What a controller keeps of tasks that it performs and of messages that it owes: values. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field

from ote_twisted.tasks.model import Answer
from ote_twisted.values import frozen


@frozen
class Performed:
    """A task that took effect, or was answered for good.

    :ivar uid: task generation.
    :ivar until: unix seconds on our clock until which a repeat may come.
    """

    uid: str
    answer: Answer
    until: float


@frozen
class Known:
    """A finished task without its answer.

    :ivar until: see :class:`Performed`.
    :ivar size: bytes of the answer's body.
    """

    until: float
    size: int


REPORT = "report:"
"""What the uid of a report begins with; that of no task generation does."""


@frozen
class OutboxEntry:
    """A message upwards that is owed until its receiver has confirmed it.

    :ivar uid: what ``Received`` names: the task generation of an answer, a name of its own for a report.
    :ivar message: the encoded ClusterMessage.
    :ivar key: entries with the same key replace each other, newest wins; empty for answers.
    :ivar until: unix seconds on our clock after which nobody waits for it; 0 is never.
    """

    uid: str
    message: bytes = field(repr=False)
    key: str = ""
    until: float = 0.0

    @property
    def is_report(self) -> bool:
        """It is no answer."""
        return self.uid.startswith(REPORT)


@frozen
class Journal:
    """All that was kept.

    :ivar begun: tasks that were begun and not finished -> until when a repeat may come, unix seconds.
    :ivar performed: finished tasks, in the order in which they were finished.
    :ivar outbox: messages that are owed, in order.
    """

    begun: dict[str, float]
    performed: dict[str, Known]
    outbox: Sequence[OutboxEntry]
