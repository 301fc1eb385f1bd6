"""Attempts and links as the policy sees them, and what it wants done with them. Pure."""

from __future__ import annotations

from enum import Enum

from attrs import field

from ote_twisted.failover.candidates import Candidate
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.values import define, frozen
from ote_twisted.wire.limits import TREE_DEPTH_LIMIT


class Role(Enum):
    """What a way is for."""

    DIALLED = "dialled"
    STANDBY = "standby"
    CARRYING = "carrying"
    ENDING = "ending"
    """It was given up, or lingers until what was sent on it is acknowledged."""


@define(eq=False)
class Way:
    """One attempt at a parent, and the link it becomes.

    :ivar address: what is dialled; another one than the candidate's after a redirect.
    :ivar standby: it was dialled to stand by.
    :ivar since: clock reading when it got its role.
    :ivar seconds: how long the attempt may take; ``None`` is as long as its phases may.
    :ivar hops: redirects followed.
    :ivar path: the way to the root that the parent told, from itself on; ``None`` before it told any.
    :ivar rooted: it has a way to the root; so has one that tells nothing, like originals.
    :ivar turned: clock reading when ``rooted`` became what it is.
    :ivar spoilt: why the link has to be left; empty while it has not.
    """

    candidate: Candidate
    address: ParentAddress
    standby: bool
    since: float
    seconds: float | None = None
    role: Role = Role.DIALLED
    hops: int = 0
    path: tuple[str, ...] | None = None
    rooted: bool = True
    turned: float = 0.0
    opened_at: float = 0.0
    spoilt: str = field(default="")

    @property
    def told_a_way(self) -> bool:
        """The parent said that it has a way to the root."""
        return self.path is not None and self.rooted

    def become(self, role: Role, now: float) -> None:
        """It is for something else from now on."""
        self.role, self.since = role, now

    def told(self, path: tuple[str, ...], rooted: bool, now: float) -> None:
        """The parent told its way to the root."""
        if rooted != self.rooted or self.path is None:
            self.turned = now
        self.path, self.rooted = path, rooted


@frozen
class Dial:
    """Dial ``way.address``."""

    way: Way


@frozen
class Carry:
    """``way`` carries from now on.

    :ivar former: what carried before and is still there; it lingers.
    :ivar after: the candidate that was the parent before, if it was another one.
    """

    way: Way
    former: Way | None
    after: Candidate | None


@frozen
class Leave:
    """Close the link, or give the attempt up."""

    way: Way
    reason: str


@frozen
class Wait:
    """Nothing to do before ``until`` (clock reading; infinite: before the next event)."""

    until: float


Action = Dial | Carry | Leave | Wait


def objection(own: str, path: tuple[str, ...]) -> str:
    """Why a parent with that way to the root must be left; empty if it need not (R2)."""
    if own in path:
        return f"{own} is above its own parent"
    deep = len(path) >= TREE_DEPTH_LIMIT
    return f"{own} would be more than {TREE_DEPTH_LIMIT - 1} hops from the root" if deep else ""
