"""Who could be the parent, and where that is known from. Pure."""

from __future__ import annotations

from enum import IntEnum

from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.values import define


class Kind(IntEnum):
    """Where a candidate is known from, the most preferred first."""

    CONFIGURED = 0
    PARENT_SIBLING = 1
    ANCESTOR = 2
    SIBLING = 3
    FORMER = 4
    """Told by an earlier parent, or not told any more."""


@define(eq=False)
class Candidate:
    """One address that may be dialled.

    :ivar rank: orders candidates: by kind, within the configured by their order, within ancestors the nearest first, else by
        chance, so that a thousand who lost one parent do not all knock at one door.
    :ivar name: the controller there, as far as known.
    :ivar left: it was the parent, and another one became it since.
    :ivar lost_at: clock reading when it was the parent last.
    :ivar returned_at: clock reading when it became the parent again after it had been left; ``None`` if it did not.
    :ivar settle: how long it must be good before it is gone back to, seconds.
    :ivar mute: it was linked without telling anything of the tree, as originals do.
    """

    address: ParentAddress
    kind: Kind
    order: float
    settle: float
    name: str = ""
    left: bool = False
    lost_at: float = 0.0
    returned_at: float | None = None
    mute: bool = False

    @property
    def rank(self) -> tuple[int, float]:
        """See above."""
        return (self.kind, self.order)

    @property
    def configured(self) -> bool:
        """We are configured to be below it."""
        return self.kind is Kind.CONFIGURED

    @property
    def best(self) -> bool:
        """There is none that is more preferred."""
        return self.configured and self.order == 0

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.name else str(self.address)
