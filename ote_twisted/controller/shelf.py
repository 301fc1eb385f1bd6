"""What lost children had announced, kept for a while, so that they need not say it again. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ote_twisted.topology.claims import Claim
from ote_twisted.values import frozen
from ote_twisted.wire.join import Resume

KEEP = 600.0
"""How long it is kept, seconds."""

MOST = 100_000
"""Claims that are kept of all lost children together; those of the child that was lost first go first."""


@frozen
class Version:
    """Up to where a child's announcements are known for certain.

    :ivar instance: identity of the child's state folder.
    """

    instance: str
    resume: Resume


@frozen
class Kept:
    """What one lost child had announced.

    :ivar until: clock reading at which it goes.
    """

    version: Version
    claims: Mapping[str, Claim]
    until: float


class Shelf:
    """Claims of children that are away.

    :ivar claims: how many are kept.
    """

    def __init__(self) -> None:
        self.claims = 0
        self._kept: dict[str, Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, child: str, version: Version, claims: Mapping[str, Claim], now: float) -> None:
        """A child was lost. What is too old or too much goes."""
        self.drop(child)
        if len(claims) <= MOST:
            self._kept[child] = Kept(version, claims, now + KEEP)
            self.claims += len(claims)
        for name, kept in list(self._kept.items()):
            if kept.until > now and self.claims <= MOST:
                break
            self.drop(name)

    def offer(self, child: str, instance: str, now: float) -> Resume | None:
        """What is still held of a child with that identity."""
        kept = self._kept.get(child)
        if kept is None or kept.until <= now or not instance or kept.version.instance != instance:
            return None
        return kept.version.resume

    def take(self, child: str, instance: str, stream: str, now: float) -> Mapping[str, Claim] | None:
        """The child goes on from there; nothing when it is another one, or goes on from something else."""
        offered = self.offer(child, instance, now)
        claims = self._kept[child].claims if offered is not None and offered.stream == stream else None
        self.drop(child)
        return claims

    def drop(self, child: str) -> None:
        """It is not needed any more."""
        kept = self._kept.pop(child, None)
        if kept is not None:
            self.claims -= len(kept.claims)
