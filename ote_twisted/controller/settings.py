"""What a controller is told at its start."""

from __future__ import annotations

from attrs import field, frozen

from ote_twisted.controller.performing import PerformingLimits


@frozen
class ControllerSettings:
    """What a controller is told at its start.

    :ivar is_root: it has no parent.
    :ivar outbox: bytes of answers and reports kept while there is no parent.
    """

    is_root: bool
    outbox: int = 16 * 1024 * 1024
    performing: PerformingLimits = field(factory=PerformingLimits)
