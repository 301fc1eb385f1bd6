"""What every running task works with."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import DeferredSemaphore

from ote_twisted.interfaces import ITaskCarrier, ITaskLedger
from ote_twisted.tasks.alarms import Alarms
from ote_twisted.tasks.answers import AnswerBuffer
from ote_twisted.tasks.settings import TaskCounters, TaskSettings
from ote_twisted.tasks.writer import StatusWriter
from ote_twisted.values import frozen


@frozen(eq=False)
class Tools:
    """What every running task works with."""

    ledger: ITaskLedger
    carrier: ITaskCarrier
    answers: AnswerBuffer
    writer: StatusWriter
    alarms: Alarms
    now: Callable[[], float]
    settings: TaskSettings
    counters: TaskCounters
    loading: DeferredSemaphore
