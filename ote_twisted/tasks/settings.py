"""What can be set about tasks, and what is counted. Pure."""

from __future__ import annotations

from attrs import field

from ote_twisted.values import define, frozen


@frozen
class Bounds:
    """How much of the books a status shows.

    :ivar entries: clusters at most, the first in order of their names.
    :ivar size: bytes that ``status.clusters`` may take as JSON. With the largest spec and its copy in kubectl's
        annotation the object stays below 1 MB.
    """

    entries: int = 1000
    size: int = 448 * 1024


@frozen
class Pacing:
    """When the status of a task may be written again, so that a busy task costs its store little.

    :ivar interval: shortest time between two writes, seconds.
    :ivar bytes_per_second: a write of this many bytes adds a second.
    """

    interval: float = 0.1
    bytes_per_second: float = 1_000_000.0

    def after(self, now: float, size: int) -> float:
        """Earliest time of the next write after one of ``size`` bytes at ``now``."""
        return now + self.interval + size / self.bytes_per_second


@frozen
class TaskSettings:
    """Bounds and paces of the owner of tasks.

    :ivar default_deadline: lifetime of a task that does not say, seconds.
    :ivar bounds: how much a status shows.
    :ivar pacing: how often a status is written.
    :ivar retry_first: first delay before something that failed is tried again, seconds; it doubles.
    :ivar retry_limit: longest such delay, seconds.
    :ivar held_bytes: answer bodies held while the store cannot write; above it answers are shed and asked for again.
    :ivar early_answers: answers held, per task, while its books are read after a start.
    :ivar loading: tasks whose books are read at the same time after a start.
    """

    default_deadline: float = 3600.0
    bounds: Bounds = field(factory=Bounds)
    pacing: Pacing = field(factory=Pacing)
    retry_first: float = 1.0
    retry_limit: float = 60.0
    held_bytes: int = 64 * 1024 * 1024
    early_answers: int = 10_000
    loading: int = 16

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return float(min(self.retry_limit, self.retry_first * 2 ** min(max(0, failures - 1), 30)))


@define
class TaskCounters:
    """What the owner of tasks has counted since it was made.

    :ivar answers_received: answers that arrived.
    :ivar answers_duplicate: answers to targets that have one, or that are over.
    :ivar answers_unknown: answers to no task or no target of it.
    :ivar answers_shed: answers dropped because too much was held back.
    :ivar targets_sent: targets handed to the tree, repeats included.
    :ivar targets_bounced: targets that a hop could not reach.
    :ivar status_writes: status updates written.
    :ivar status_conflicts: status updates that met another writer and were done again.
    :ivar retries: operations to be repeated because the store or the tree failed.
    """

    answers_received: int = 0
    answers_duplicate: int = 0
    answers_unknown: int = 0
    answers_shed: int = 0
    targets_sent: int = 0
    targets_bounced: int = 0
    status_writes: int = 0
    status_conflicts: int = 0
    retries: int = 0
