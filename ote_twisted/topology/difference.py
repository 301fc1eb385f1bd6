"""What a change of claims did to the routes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ote_twisted.topology.causes import Cause, Told
from ote_twisted.values import frozen
from ote_twisted.wire.entry import ClusterEntry


@frozen
class Refused:
    """A claim that is not followed, and why; an empty reason withdraws an earlier refusal."""

    child: str
    name: str
    reason: str


@dataclass(slots=True)
class Difference:
    """What one change did to the routes: at most one of ``present`` and ``gone`` per name, the last word counts.

    :ivar gone: name to why, ``None`` when nobody says.
    :ivar returned: those of ``present`` that were gone in between: what was under way to them or from them is lost.
    :ivar moved: reached through another child from one moment to the next; what was under way to them may be lost. Only
        those whose entry changed by it are in ``present``.
    :ivar told: why others, that had no route before either, cannot be reached; for people.
    """

    present: dict[str, ClusterEntry] = field(default_factory=dict)
    gone: dict[str, Cause | None] = field(default_factory=dict)
    returned: dict[str, None] = field(default_factory=dict)
    moved: dict[str, None] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    told: dict[str, Told] = field(default_factory=dict)

    def appears(self, entry: ClusterEntry) -> None:
        """Note a route that is new, or whose entry changed."""
        if entry.name in self.gone:
            del self.gone[entry.name]
            self.returned[entry.name] = None
        self.told.pop(entry.name, None)
        self.present[entry.name] = entry

    def disappears(self, name: str, cause: Cause | None = None) -> None:
        """Note a route that is gone."""
        self.present.pop(name, None)
        self.returned.pop(name, None)
        self.moved.pop(name, None)
        self.told.pop(name, None)
        self.gone[name] = cause

    def explains(self, name: str, told: Told) -> None:
        """Note why a name has no route that had none before."""
        if name in self.gone:
            self.gone[name] = told.cause
        elif name not in self.present:
            self.told[name] = told

    def moves(self, before: ClusterEntry, entry: ClusterEntry) -> None:
        """Note a route that went to another child without a gap."""
        self.moved[entry.name] = None
        if entry != before:
            self.appears(entry)

    def follow(self, later: Difference) -> None:
        """Take in the entries that changed after this; refusals and moves are not gathered."""
        for name in (*later.gone, *later.returned):
            self.disappears(name, later.gone.get(name))
        for entry in later.present.values():
            self.appears(entry)
        for name, told in later.told.items():
            self.explains(name, told)

    def __bool__(self) -> bool:
        return bool(self.present or self.gone or self.refused or self.moved or self.told)
