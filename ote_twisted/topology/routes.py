"""Which claim has the route to a name, and who has it next. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ote_twisted.topology.claims import Claim, Disputes, Subtree, related
from ote_twisted.topology.difference import Difference, Refused
from ote_twisted.wire.entry import ClusterEntry, combine, entry_digest
from ote_twisted.wire.limits import TREE_DEPTH_LIMIT


class Routes:
    """The claims of all children, and the routes that follow from them.

    A claim is *related* to another one of its name when both speak of one cluster, and *stale* when it says that the
    cluster is below one that has moved to another child. Of related claims one that is not stale goes before one that
    is, then the higher epoch; everything else is first come, first served, and a stale claim never gets a route anew.

    :ivar own: this controller's own entry.
    :ivar via: name of every reachable descendant -> child through which it is reached. Read-only for others.
    :ivar children: child name -> its subtree.
    :ivar digest: order-independent digest of ``own`` and every routed entry, as announced upwards.
    :ivar disputes: claims that wait, see :class:`ote_twisted.topology.claims.Disputes`. Read-only for others.
    :ivar moves: routes that went from one child to another without a gap.
    """

    def __init__(self, own: ClusterEntry) -> None:
        self.own = own
        self.via: dict[str, str] = {}
        self.children: dict[str, Subtree] = {}
        self.digest = entry_digest(own)
        self.disputes = Disputes()
        self.moves = 0

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

    def speaks(self, child: str, name: str) -> bool:
        """``child`` may speak for ``name``: it has the route, or had it, and what comes from there was under way already."""
        claim = self.children[child].claims.get(name)
        if claim is None or claim.refusal:
            return False
        held = self.entry(name)
        return claim.routed or held is None or self._same(child, claim, held)

    def _route(self, child: str, claim: Claim) -> None:
        subtree = self.children[child]
        self.via[claim.entry.name] = child
        claim.routed = True
        subtree.routed += 1
        subtree.performing += claim.entry.performs
        self.digest = combine(self.digest, claim.digest)

    def _unroute(self, child: str, claim: Claim) -> None:
        subtree = self.children[child]
        del self.via[claim.entry.name]
        claim.routed = False
        subtree.routed -= 1
        subtree.performing -= claim.entry.performs
        self.digest = combine(self.digest, remove=claim.digest)

    # ---- several claims

    def _wait(self, child: str, claim: Claim) -> None:
        name = claim.entry.name
        held = self.entry(name)
        self.disputes.add(name, child, (claim.entry.parent, *(() if held is None else (held.parent,))))

    def _settle(self, name: str, difference: Difference) -> None:
        """The claims of this name have changed: its route, and those of what is below it, go to whom they belong now."""
        below, moved, passed = self.disputes.below, set[str](), set[str]()
        waiting = [*below.get(name, ()), name]
        while waiting:
            name = waiting.pop()
            if name not in moved and self._decide(name, difference):
                moved.add(name)
                waiting += below.get(name, ())
            elif name not in passed and (held := self.entry(name)) is not None and not held.instance:
                passed.add(name)
                waiting += below.get(name, ())

    def _decide(self, name: str, difference: Difference) -> bool:
        """True if the route went to another claim."""
        if name not in self.disputes:
            return False
        holder = self.via.get(name)
        best = self._best(name, holder)
        moves = best is not None and best != holder
        if best is not None and moves:
            self._hand_over(name, holder, best, difference)
        self._tell(name, difference)
        return moves

    def _best(self, name: str, best: str | None) -> str | None:
        """Who should have the route that ``best`` has."""
        for child in self.disputes.waiting(name):
            claim = self.children[child].claims[name]
            if not self.stale(child, claim) and (best is None or self._beats(child, claim, best)):
                best = child
        return best

    def _beats(self, child: str, claim: Claim, holder: str) -> bool:
        held = self.children[holder].claims[claim.entry.name]
        newer = claim.entry.instance != "" and claim.entry.epoch > held.entry.epoch
        return (newer or self.stale(holder, held)) and self._same(child, claim, held.entry)

    def _same(self, child: str, claim: Claim, held: ClusterEntry) -> bool:
        """Both are the same cluster; of one without an identity the next above that has one says so, seen on the same ways."""
        for _ in range(TREE_DEPTH_LIMIT):
            above, beside = self.children[child].claims.get(held.parent), self.entry(held.parent)
            if not related(claim.entry, held) or held.instance:
                return related(claim.entry, held)
            if above is None or beside is None:
                return False
            claim, held = above, beside
        return False

    def stale(self, child: str, claim: Claim) -> bool:
        """What a child says is out of date: it says that the cluster is below one that has moved to another child."""
        parent = claim.entry.parent
        if claim.entry.name == child:
            return False
        above = self.children[child].claims.get(parent)
        if above is None:
            return parent != child
        if above.routed or above.refusal:
            return False
        held = self.entry(parent)
        return held is None or related(above.entry, held)

    def _hand_over(self, name: str, holder: str | None, best: str, difference: Difference) -> None:
        claim = self.children[best].claims[name]
        if holder is None:
            difference.appears(claim.entry)
        else:
            held = self.children[holder].claims[name]
            self._unroute(holder, held)
            self.disputes.add(name, holder, (held.entry.parent, claim.entry.parent))
            self._note_move(held.entry, claim.entry, difference)
        if self.disputes.remove(name, best):
            difference.refused.append(Refused(best, name, ""))
        self._route(best, claim)

    def _note_move(self, before: ClusterEntry, entry: ClusterEntry, difference: Difference) -> None:
        """Whoever sees the epoch rise knows of the move, and of that of everything below; else it is told as a gap."""
        if entry.epoch > before.epoch or entry.parent in difference.moved:
            self.moves += 1
            difference.moves(before, entry)
        else:
            difference.disappears(entry.name)
            difference.appears(entry)

    def _tell(self, name: str, difference: Difference) -> None:
        """Tell whoever claims the name for another cluster; one that only has not heard of a move is left in peace."""
        holder, held, waiting = self.via.get(name), self.entry(name), self.disputes.waiting(name)
        for child, told in waiting.items():
            late = held is None or self._late(child, self.children[child].claims[name], held)
            reason = "" if late else f"{name} is already reached through {holder}"
            if reason != told:
                waiting[child] = reason
                difference.refused.append(Refused(child, name, reason))

    def _late(self, child: str, claim: Claim, held: ClusterEntry) -> bool:
        entry = claim.entry
        if not related(entry, held):
            return False
        return entry.epoch != held.epoch or entry.parent == held.parent or self.stale(child, claim)
