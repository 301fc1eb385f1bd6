"""Which cluster is reached through which child: claims of children, accepted routes, and what each change changes.

A child *claims* itself and its descendants; the connection's identity says whose claim it is (F15). The first child
that claims a name has the route; a later claim of another child is kept, refused, and gets the route by itself when
the first is withdrawn, so that nothing has to be repeated after a failover (F33). Every change answers with the
difference it made, and announcements, objects and selections are computed from that alone (F8, F10).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from attrs import evolve, frozen

from ote_twisted.wire.entry import ClusterEntry, combine, entry_digest


@frozen
class Refused:
    """A claim that is not followed, and why; an empty reason withdraws an earlier refusal."""

    child: str
    name: str
    reason: str


@dataclass(slots=True)
class Difference:
    """What one change did to the routes: at most one of ``present`` and ``gone`` per name, the last word counts.

    :ivar returned: those of ``present`` that were gone in between: what was under way to them or from them is lost.
    """

    present: dict[str, ClusterEntry] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)
    returned: dict[str, None] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def appears(self, entry: ClusterEntry) -> None:
        """Note a route that is new, or whose entry changed."""
        if entry.name in self.gone:
            del self.gone[entry.name]
            self.returned[entry.name] = None
        self.present[entry.name] = entry

    def disappears(self, name: str) -> None:
        """Note a route that is gone."""
        self.present.pop(name, None)
        self.returned.pop(name, None)
        self.gone[name] = None

    def follow(self, later: Difference) -> None:
        """Take in the routes that changed after this; refusals are not gathered."""
        for name in (*later.gone, *later.returned):
            self.disappears(name)
        for entry in later.present.values():
            self.appears(entry)

    def __bool__(self) -> bool:
        return bool(self.present or self.gone or self.refused)


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


class RoutingTable:
    """The routes of one controller.

    :ivar own: this controller's own entry.
    :ivar via: name of every reachable descendant -> child through which it is reached. Read-only for others.
    :ivar children: child name -> its subtree.
    :ivar digest: order-independent digest of ``own`` and every routed entry, as announced upwards.
    """

    def __init__(self, own: ClusterEntry) -> None:
        self.own = own
        self.via: dict[str, str] = {}
        self.children: dict[str, Subtree] = {}
        self.digest = entry_digest(own)
        self._ancestors: frozenset[str] = frozenset()
        self._contenders: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self.via) + 1

    def entry(self, name: str) -> ClusterEntry | None:
        """The routed entry of a name, our own included."""
        if name == self.own.name:
            return self.own
        child = self.via.get(name)
        return None if child is None else self.children[child].claims[name].entry

    def entries(self) -> Iterable[ClusterEntry]:
        """Our own entry, then every routed one."""
        yield self.own
        for name, child in self.via.items():
            yield self.children[child].claims[name].entry

    def claims(self, child: str, name: str) -> bool:
        """``child`` has the route to ``name``: it may speak for it."""
        return self.via.get(name) == child

    def replace_own(self, own: ClusterEntry) -> Difference:
        """Labels, tags or shim of this controller changed."""
        difference = Difference()
        if own != self.own:
            self.digest = combine(self.digest, entry_digest(own), entry_digest(self.own))
            self.own = own
            difference.appears(own)
        return difference

    def set_ancestors(self, path: Iterable[str]) -> Difference:
        """Names between here and the root; none of them can be below us (F44)."""
        before, self._ancestors = self._ancestors, frozenset(path)
        difference = Difference()
        for child, subtree in self.children.items():
            for name in (self._ancestors ^ before) & subtree.claims.keys():
                claim = subtree.claims[name]
                self._withdraw(child, subtree, name, difference)
                self._claim(child, subtree, claim.entry, difference)
                subtree.said = combine(subtree.said, claim.said, claim.digest)
                subtree.claims[name].said = claim.said
        return difference

    def open_child(self, entry: ClusterEntry, announces: bool = False) -> Difference:
        """A child's link was established; until it announces more it claims itself alone.

        :param announces: it announces itself first of all, so until then it claims nothing: what is known of it from
            before stands, and nobody is told of a cluster without its labels.
        """
        difference = self.close_child(entry.name)
        subtree = self.children[entry.name] = Subtree(entry.listen)
        if announces:
            return difference
        self._claim(entry.name, subtree, entry, difference)
        subtree.said = subtree.claims[entry.name].said = 0
        return difference

    def close_child(self, child: str) -> Difference:
        """The child's link is gone, and with it the whole subtree at once (F35)."""
        difference = Difference()
        subtree = self.children.get(child)
        if subtree is not None:
            for name in list(subtree.claims):
                self._withdraw(child, subtree, name, difference)
            del self.children[child]
        return difference

    def announce(
        self, child: str, present: Collection[ClusterEntry], absent: Collection[str], complete: bool = False
    ) -> Difference:
        """Take a child's announcement. A complete one forgets what it does not name."""
        difference = Difference()
        subtree = self.children[child]
        named = {entry.name for entry in present}
        gone = [name for name in subtree.claims if name not in named] if complete else absent
        for name in gone:
            self._withdraw(child, subtree, name, difference)
        for entry in present:
            self._claim(child, subtree, self._rooted(child, subtree, named, entry), difference, entry)
        return difference

    def whole_subtree(self, child: str, names: Collection[str]) -> bool:
        """``names`` are exactly everything below and including ``child`` that can perform, and nothing is in dispute."""
        subtree = self.children[child]
        return len(names) == subtree.performing == subtree.routed == len(subtree.claims)

    def _rooted(self, child: str, subtree: Subtree, named: Collection[str], entry: ClusterEntry) -> ClusterEntry:
        if entry.name == child:
            return evolve(entry, parent=self.own.name, listen=subtree.listen or entry.listen)
        if entry.parent in named or entry.parent in subtree.claims:
            parent = entry.parent
        else:
            parent = child
        return entry if parent == entry.parent else evolve(entry, parent=parent)

    def _refusal(self, name: str) -> str:
        if name == self.own.name:
            return f"{name} is the name of this controller"
        if name in self._ancestors:
            return f"{name} is above {self.own.name} on the way to the root"
        return ""

    def _claim(
        self, child: str, subtree: Subtree, entry: ClusterEntry, difference: Difference, said: ClusterEntry | None = None
    ) -> None:
        name = entry.name
        digest = entry_digest(entry)
        as_said = digest if said is None or said is entry else entry_digest(said)
        old = subtree.claims.get(name)
        if old is not None and old.entry == entry:
            subtree.said = combine(subtree.said, as_said, old.said)
            old.said = as_said
            return
        if old is not None and old.routed:
            self._unroute(subtree, name, old)
        claim = Claim(entry, as_said, digest, refusal=self._refusal(name))
        subtree.claims[name] = claim
        subtree.said = combine(subtree.said, as_said, old.said if old else 0)
        self._route(child, subtree, claim, difference)

    def _route(self, child: str, subtree: Subtree, claim: Claim, difference: Difference) -> None:
        name = claim.entry.name
        holder = self.via.get(name)
        if claim.refusal:
            difference.refused.append(Refused(child, name, claim.refusal))
        elif holder is not None:
            self._contend(child, name)
            difference.refused.append(Refused(child, name, f"{name} is already reached through {holder}"))
        else:
            self.via[name] = child
            claim.routed = True
            subtree.routed += 1
            subtree.performing += claim.entry.performs
            self.digest = combine(self.digest, claim.digest)
            difference.appears(claim.entry)

    def _contend(self, child: str, name: str) -> None:
        waiting = self._contenders.setdefault(name, [])
        if child not in waiting:
            waiting.append(child)

    def _unroute(self, subtree: Subtree, name: str, claim: Claim) -> None:
        del self.via[name]
        claim.routed = False
        subtree.routed -= 1
        subtree.performing -= claim.entry.performs
        self.digest = combine(self.digest, remove=claim.digest)

    def _withdraw(self, child: str, subtree: Subtree, name: str, difference: Difference) -> None:
        claim = subtree.claims.pop(name, None)
        if claim is None:
            return
        subtree.said = combine(subtree.said, remove=claim.said)
        if claim.routed:
            self._unroute(subtree, name, claim)
            difference.disappears(name)
            self._promote(name, difference)
        else:
            self._forget_contender(child, name)

    def _forget_contender(self, child: str, name: str) -> None:
        waiting = self._contenders.get(name, [])
        if child in waiting:
            waiting.remove(child)
            if not waiting:
                del self._contenders[name]

    def _promote(self, name: str, difference: Difference) -> None:
        for child in self._contenders.get(name, [])[:1]:
            self._forget_contender(child, name)
            subtree = self.children[child]
            self._route(child, subtree, subtree.claims[name], difference)
            difference.refused.append(Refused(child, name, ""))


def paths(table: RoutingTable, names: Iterable[str]) -> Mapping[str, list[str]]:
    """Group names by next hop; names without a route come under the empty string, our own under our own name."""
    groups: dict[str, list[str]] = {}
    own, via = table.own.name, table.via
    for name in names:
        hop = own if name == own else via.get(name, "")
        groups.setdefault(hop, []).append(name)
    return groups
