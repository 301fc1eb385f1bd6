"""Which cluster is reached through which child: claims of children, accepted routes, and what each change changes.

A child *claims* itself and its descendants; the connection's identity says whose claim it is (F15). The first child
that claims a name has the route; a later claim of another child is kept, refused, and gets the route by itself when
the first is withdrawn, so that nothing has to be repeated after a failover (F33). Of two claims of one cluster, told by
its instance, the one with the higher epoch has the route at once, and what is below the cluster follows it. Every change
answers with the difference it made, and announcements, objects and selections are computed from that alone (F8, F10).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from attrs import evolve

from ote_twisted.topology.causes import Cause, Told
from ote_twisted.topology.claims import Claim, Subtree
from ote_twisted.topology.difference import Difference, Refused
from ote_twisted.topology.routes import Routes
from ote_twisted.topology.tombstones import Tombstones
from ote_twisted.wire.entry import ClusterEntry, combine, entry_digest

_NO_CAUSES: Mapping[str, Cause] = {}
_NO_CLAIMS: Mapping[str, Claim] = {}


class RoutingTable(Routes):
    """The routes of one controller, changed by what children say."""

    def __init__(self, own: ClusterEntry, tombstones: Tombstones | None = None) -> None:
        """:param tombstones: what late news cannot revive."""
        super().__init__(own)
        self.tombstones = Tombstones() if tombstones is None else tombstones
        self._ancestors: frozenset[str] = frozenset()

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
                if claim.refusal:
                    difference.refused.append(Refused(child, name, ""))
                self._claim(child, subtree, claim.entry, claim.said, difference)
        return difference

    def open_child(self, entry: ClusterEntry, announces: bool = False, cause: Cause | None = None) -> Difference:
        """A child's link was established; until it announces more it claims itself alone.

        :param announces: it announces itself first of all, so until then it claims nothing: what is known of it from
            before stands, and nobody is told of a cluster without its labels.
        :param cause: why what its old link said, if there is one, is gone.
        """
        difference = self.close_child(entry.name, cause)
        subtree = self.children[entry.name] = Subtree(entry.listen)
        if announces:
            return difference
        self._claim(entry.name, subtree, entry, 0, difference)
        return difference

    def close_child(self, child: str, cause: Cause | None = None) -> Difference:
        """The child's link is gone, and with it the whole subtree at once (F35)."""
        difference = Difference()
        subtree = self.children.get(child)
        if subtree is not None:
            for name in list(subtree.claims):
                self._withdraw(child, subtree, name, difference, cause)
            del self.children[child]
        return difference

    def announce(
        self,
        child: str,
        present: Collection[ClusterEntry],
        absent: Collection[str],
        complete: bool = False,
        causes: Mapping[str, Cause] = _NO_CAUSES,
        kept: Mapping[str, Claim] = _NO_CLAIMS,
    ) -> Difference:
        """Take a child's announcement. A complete one forgets what it does not name.

        :param causes: why clusters are gone, as far as the child says; those not reached through it before included.
        :param kept: what it had claimed on an earlier link and claims still, as far as this announcement does not name it.
        """
        difference = Difference()
        subtree = self.children[child]
        named = {entry.name for entry in present}.union(kept)
        gone = [name for name in subtree.claims if name not in named] if complete else [*absent, *causes]
        for name in gone:
            self._withdraw(child, subtree, name, difference, causes.get(name))
        for sent in present:
            entry, said = self._rooted(child, subtree, named, sent), entry_digest(sent)
            self._claim(child, subtree, entry, said, difference, said if entry is sent else None)
        self._claim_again(child, subtree, kept, {*absent, *causes}, difference)
        for name, cause in causes.items():
            if name not in self.via and name != self.own.name:
                difference.explains(name, Told(child, cause))
        return difference

    def _claim_again(
        self, child: str, subtree: Subtree, kept: Mapping[str, Claim], gone: Collection[str], difference: Difference
    ) -> None:
        for name, claim in kept.items():
            if name == child and name not in subtree.claims:
                entry = evolve(claim.entry, listen=subtree.listen or claim.entry.listen)
                self._claim(child, subtree, entry, claim.said, difference)
            elif name not in subtree.claims and name not in gone:
                self._claim(child, subtree, claim.entry, claim.said, difference, claim.digest)

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

    def _refusal(self, entry: ClusterEntry) -> str:
        name = entry.name
        if name == self.own.name:
            return f"{name} is the name of this controller"
        if name in self._ancestors:
            return f"{name} is above {self.own.name} on the way to the root"
        return self.tombstones.refusal(entry)

    # ---- one claim

    def _claim(
        self, child: str, subtree: Subtree, entry: ClusterEntry, said: int, difference: Difference, digest: int | None = None
    ) -> None:
        name = entry.name
        old = subtree.claims.get(name)
        subtree.said = combine(subtree.said, said, old.said if old else 0)
        if old is not None and old.entry == entry:
            old.said = said
            return
        claim = Claim(entry, said, entry_digest(entry) if digest is None else digest, refusal=self._refusal(entry))
        current = len(subtree.claims) == subtree.routed
        subtree.claims[name] = claim
        if old is not None and old.routed:
            self._replace(subtree, old, claim)
            difference.appears(entry)
        elif claim.refusal:
            difference.refused.append(Refused(child, name, claim.refusal))
        elif name in self.via or not current:
            self._wait(child, claim)
        else:
            self._route(child, claim)
            difference.appears(entry)
        if self.disputes:
            self._settle(name, difference)

    def _replace(self, subtree: Subtree, old: Claim, claim: Claim) -> None:
        """The claim that has the route says something else."""
        claim.routed = True
        subtree.performing += claim.entry.performs - old.entry.performs
        self.digest = combine(self.digest, claim.digest, old.digest)
        if claim.entry.parent != old.entry.parent:
            self.disputes.note(claim.entry.name, (claim.entry.parent,))

    def _withdraw(self, child: str, subtree: Subtree, name: str, difference: Difference, cause: Cause | None = None) -> None:
        claim = subtree.claims.pop(name, None)
        if claim is None:
            return
        subtree.said = combine(subtree.said, remove=claim.said)
        if claim.routed:
            self._unroute(child, claim)
            difference.disappears(name, cause)
        else:
            self.disputes.remove(name, child)
        if self.disputes:
            self._settle(name, difference)


def paths(table: RoutingTable, names: Iterable[str]) -> Mapping[str, list[str]]:
    """Group names by next hop; names without a route come under the empty string, our own under our own name."""
    groups: dict[str, list[str]] = {}
    own, via = table.own.name, table.via
    for name in names:
        hop = own if name == own else via.get(name, "")
        groups.setdefault(hop, []).append(name)
    return groups
