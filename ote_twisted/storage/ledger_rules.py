"""What both ledgers agree on. Pure."""

from __future__ import annotations

from ote_twisted.tasks.model import TargetState

STATES = (TargetState.PENDING, TargetState.SENT, TargetState.DONE, TargetState.FAILED, TargetState.EXPIRED)
"""States by their number in the ledger."""

NUMBERS = {state: number for number, state in enumerate(STATES)}
"""Number of each state."""

FIRST_FINAL = NUMBERS[TargetState.DONE]
"""States from this number on are final."""


def is_final(state: TargetState) -> bool:
    """The books of the target are closed."""
    return NUMBERS[state] >= FIRST_FINAL


def whole(number: int | None) -> int | None:
    """A peer's number if it fits 64 bits; nothing otherwise."""
    return number if number is not None and -(1 << 63) <= number < 1 << 63 else None
