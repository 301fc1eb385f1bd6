"""The books of one task generation in memory: which target is in which state, and which may be sent now. Pure.

Every operation costs the targets it names, never all targets, except where it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

from ote_twisted.tasks.model import UNKNOWN, LedgerEntry, TargetState

UNFINISHED = frozenset((TargetState.PENDING, TargetState.SENT))
"""States that are not final."""


def uid_of(object_uid: str, generation: int) -> str:
    """Identity of one generation of one task object."""
    return f"{object_uid}.{generation}"


def object_uid_of(uid: str) -> str:
    """The object that a task generation belongs to."""
    return uid.rpartition(".")[0]


class Books:
    """States of the targets of one task generation.

    :ivar uid: the generation.
    :ivar counts: how many targets are in each state.
    :ivar unknown: how many of the failed may have taken effect, nobody knows.
    :ivar ready: unfinished targets that may be sent as soon as they are online.
    """

    __slots__ = ("_attempts", "_held", "_holds", "_states", "counts", "ready", "uid", "unknown")

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.counts: dict[TargetState, int] = dict.fromkeys(TargetState, 0)
        self.unknown = 0
        self.ready: set[str] = set()
        self._states: dict[str, TargetState] = {}
        self._attempts: dict[str, int] = {}
        self._held: dict[str, float] = {}
        self._holds: list[tuple[float, str]] = []

    def __contains__(self, cluster: str) -> bool:
        return cluster in self._states

    def __len__(self) -> int:
        return len(self._states)

    def state(self, cluster: str) -> TargetState | None:
        """State of one target, ``None`` for a cluster that is none."""
        return self._states.get(cluster)

    def open(self, clusters: Iterable[str], state: TargetState) -> None:
        """Take in new targets as pending or sent, ready to be sent; known ones stay as they are."""
        for cluster in clusters:
            if cluster not in self._states:
                self._move(cluster, state)
                self.ready.add(cluster)

    def load(self, entries: Iterable[LedgerEntry]) -> None:
        """Take over what a ledger kept. Unfinished targets become ready: nobody knows what became of what was sent."""
        for entry in entries:
            self._move(entry.cluster, entry.state)
            self.unknown += entry.why == UNKNOWN
            if entry.state in UNFINISHED:
                self.ready.add(entry.cluster)

    def assume(self, counts: Mapping[TargetState, int]) -> None:
        """Take over only the numbers of final targets: enough for books to which nothing is added any more."""
        self.counts.update({state: count for state, count in counts.items() if state not in UNFINISHED})

    def wake(self, clusters: Iterable[str]) -> bool:
        """Clusters are online (again): those that are unfinished may be sent. True if there is one."""
        woken = [cluster for cluster in clusters if self._states.get(cluster) in UNFINISHED]
        for cluster in woken:
            self._held.pop(cluster, None)
        self.ready.update(woken)
        return bool(woken)

    def park(self, clusters: Iterable[str]) -> None:
        """Targets are not ready until :meth:`wake` says so."""
        self.ready.difference_update(clusters)

    def sent(self, clusters: Sequence[str]) -> list[str]:
        """Targets were sent; gives those whose state changed by it."""
        self.ready.difference_update(clusters)
        pending, held = TargetState.PENDING, self._held
        changed = [cluster for cluster in clusters if self._states.get(cluster) is pending and cluster not in held]
        for cluster in changed:
            self._move(cluster, TargetState.SENT)
        return changed

    def bounced(self, clusters: Iterable[str], now: float, first: float, limit: float) -> list[str]:
        """Targets could not be reached: pending again, each held back for a delay that doubles; gives them.

        One that is held back already was told twice, or while it was being sent: it stays as it is.

        :param first: first delay, seconds.
        :param limit: longest delay, seconds.
        """
        back = [name for name in clusters if self._states.get(name) in UNFINISHED and name not in self._held]
        for cluster in back:
            attempts = self._attempts.get(cluster, 0)
            self._attempts[cluster] = attempts + 1
            self._move(cluster, TargetState.PENDING)
            self._hold(cluster, now + min(limit, first * 2 ** min(attempts, 30)))
        return back

    def release(self, now: float) -> None:
        """Targets whose delay is over become ready."""
        while self._holds and self._holds[0][0] <= now:
            when, cluster = heappop(self._holds)
            if self._held.get(cluster) == when:
                del self._held[cluster]
                if self._states.get(cluster) in UNFINISHED:
                    self.ready.add(cluster)

    def next_release(self) -> float | None:
        """When :meth:`release` has something to do."""
        while self._holds and self._held.get(self._holds[0][1]) != self._holds[0][0]:
            heappop(self._holds)
        return self._holds[0][0] if self._holds else None

    def settle(self, entries: Iterable[LedgerEntry]) -> None:
        """The ledger wrote these final states; they stand whatever was thought before."""
        for entry in entries:
            if entry.cluster in self._states:
                self._move(entry.cluster, entry.state)
                self.unknown += entry.why == UNKNOWN
                self.ready.discard(entry.cluster)

    def expire(self) -> list[str]:
        """Every unfinished target is expired; gives them. Costs all targets."""
        over = self.unfinished()
        for cluster in over:
            self._move(cluster, TargetState.EXPIRED)
        self.ready.clear()
        return over

    def unfinished(self) -> list[str]:
        """Targets without a final state, sorted. Costs all targets."""
        return sorted(cluster for cluster, state in self._states.items() if state in UNFINISHED)

    @property
    def finished(self) -> bool:
        """No target is unfinished (also true without any target)."""
        return not (self.counts[TargetState.PENDING] or self.counts[TargetState.SENT])

    def _hold(self, cluster: str, until: float) -> None:
        self.ready.discard(cluster)
        self._held[cluster] = until
        heappush(self._holds, (until, cluster))

    def _move(self, cluster: str, state: TargetState) -> None:
        before = self._states.get(cluster)
        if before is not None:
            self.counts[before] -= 1
        self._states[cluster] = state
        self.counts[state] += 1
