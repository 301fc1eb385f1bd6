"""What a controller is told at its start."""

from __future__ import annotations

from attrs import field

from ote_twisted.controller.downward import FULL
from ote_twisted.controller.pace import PaceLimits
from ote_twisted.controller.performing import PerformingLimits
from ote_twisted.values import frozen


@frozen
class ControllerSettings:
    """What a controller is told at its start.

    :ivar is_root: it has no parent.
    :ivar leaf: nobody can join it, so it knows hardly more clusters than itself.
    :ivar outbox: bytes of own answers and reports that are kept until their receiver has them; as many of the children's while
        there is no parent, and as many while the disk refuses writes.
    :ivar remembered: performed tasks whose answers are kept for repeats, at most.
    :ivar remembered_bytes: bytes of these answers, at most.
    :ivar full_link: bytes queued for a child from which on tasks for it go back to their owner; below the bound at which
        the link is closed as a slow reader.
    :ivar status_interval: how often the shim is asked what its cluster is, seconds; 0 asks when it becomes ready only.
    :ivar admission: how fast children are taken.
    :ivar forget_after: how long a cluster that cannot be reached stays known, seconds; 0 is for ever.
    """

    is_root: bool
    outbox: int = 16 * 1024 * 1024
    performing: PerformingLimits = field(factory=PerformingLimits)
    full_link: int = FULL
    leaf: bool = False
    status_interval: float = 30.0
    admission: PaceLimits = field(factory=PaceLimits)
    remembered: int = 10_000
    remembered_bytes: int = 64 * 1024 * 1024
    forget_after: float = 0.0
