"""What children claim, and what two claims of one name have to do with each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ote_twisted.wire.entry import ClusterEntry


@dataclass(slots=True)
class Claim:
    """What one child says of one name.

    :ivar entry: the claim, with the parent corrected.
    :ivar said: digest of the entry as it was sent.
    :ivar digest: digest of ``entry``.
    :ivar routed: the claim has the route.
    :ivar refusal: why it can never have it; empty when it may.
    """

    entry: ClusterEntry
    said: int
    digest: int
    routed: bool = False
    refusal: str = ""


@dataclass(slots=True)
class Subtree:
    """All that one child claims. ``said`` is the digest that the child's announcements have to match.

    ``listen`` is the child's tunnel address as its link knows it.
    """

    listen: str = ""
    claims: dict[str, Claim] = field(default_factory=dict)
    said: int = 0
    routed: int = 0
    performing: int = 0


def related(one: ClusterEntry, other: ClusterEntry) -> bool:
    """Two claims of a name speak of the same cluster, seen on two ways: it has one identity, or no identity and one parent."""
    if one.instance or other.instance:
        return one.instance == other.instance
    return one.parent == other.parent


class Disputes:
    """Names that more than one child claims, or whose only claims are out of date.

    :ivar below: parent -> disputed names with a claim that names this parent: what may follow when the parent moves.
    """

    def __init__(self) -> None:
        self.below: dict[str, set[str]] = {}
        self._waiting: dict[str, dict[str, str]] = {}
        self._parents: dict[str, set[str]] = {}

    def __len__(self) -> int:
        """How many claims wait."""
        return sum(map(len, self._waiting.values()))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __contains__(self, name: str) -> bool:
        return name in self._waiting

    def __iter__(self) -> Iterator[str]:
        return iter(self._waiting)

    def waiting(self, name: str) -> dict[str, str]:
        """Children whose claims wait, the longest first, and what each was told why; empty when it was told nothing."""
        return self._waiting.get(name, {})

    def add(self, name: str, child: str, parents: Iterable[str]) -> None:
        """A claim waits. It keeps its place if it waited already.

        :param parents: whom the claims of that name say it is below.
        """
        self._waiting.setdefault(name, {}).setdefault(child, "")
        self.note(name, parents)

    def note(self, name: str, parents: Iterable[str]) -> None:
        """Claims of that name say it is below these; of interest while it is disputed."""
        if name in self._waiting:
            known = self._parents.setdefault(name, set())
            for parent in parents:
                known.add(parent)
                self.below.setdefault(parent, set()).add(name)

    def remove(self, name: str, child: str) -> str:
        """A claim does not wait any more; gives what its child was told."""
        waiting = self._waiting.get(name, {})
        told = waiting.pop(child, "")
        if not waiting and name in self._waiting:
            del self._waiting[name]
            for parent in self._parents.pop(name):
                self._leave(parent, name)
        return told

    def _leave(self, parent: str, name: str) -> None:
        below = self.below[parent]
        below.discard(name)
        if not below:
            del self.below[parent]
