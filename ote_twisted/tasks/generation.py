"""One generation of a task object: performs what the plan says on ledger and tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from attrs import evolve

from ote_twisted.errors import InvalidSelector
from ote_twisted.storage.model import ResourceVersion
from ote_twisted.tasks.books import UNFINISHED, Books
from ote_twisted.tasks.conditions import Progress
from ote_twisted.tasks.declared import DeclaredTask
from ote_twisted.tasks.model import LedgerEntry, TargetState
from ote_twisted.tasks.plan import Action, Expire, Open, Park, Send, WaitUntil, plan, select_again
from ote_twisted.tasks.reporting import StatusReport
from ote_twisted.tasks.tools import Tools
from ote_twisted.values import frozen

PAGE = 1000
"""Ledger entries read at a time."""

EXPIRED = "the deadline passed before an answer came"
NO_WAY = "there is no way to it now"
SHED = "its answer could not be kept for want of room; it is asked for again"


@frozen
class _Mark:
    clusters: Sequence[str]
    state: TargetState
    why: str = ""


class Generation:
    """The live books of one task generation.

    :ivar task: as declared.
    :ivar books: states of its targets.
    :ivar retired: the object is gone or has a newer generation: nothing is sent or written any more.
    """

    def __init__(self, tools: Tools, task: DeclaredTask) -> None:
        self.task = task
        self.books = Books(task.uid)
        self.retired = False
        self._tools = tools
        self._deadline = task.deadline(tools.now(), tools.settings.default_deadline)
        self._wake_at = self._deadline
        self._over = False
        self._reselect = True
        self._select_at = 0.0
        self._marks: deque[_Mark] = deque()
        self._report = StatusReport(tools.writer, tools.ledger, tools.carrier, tools.now, tools.settings)

    @property
    def settled(self) -> bool:
        """Nothing can change any more, and its status says so."""
        return (self._over or bool(self.task.faults)) and not self._report.dirty

    def next_time(self) -> float:
        """When :meth:`advance` has something to do by itself, unix seconds."""
        times = [self._wake_at]
        if self._report.dirty:
            times.append(self._report.due)
        if self._reselect:
            times.append(self._select_at)
        return min(times)

    # ---- what happens to it

    def clusters_changed(self, appeared: Sequence[str]) -> bool:
        """Clusters are online, or have other labels than before; true if there is something to do now."""
        woken = self.books.wake(appeared)
        if any(cluster not in self.books for cluster in appeared):
            self._reselect = True
        return woken or self._reselect

    def undelivered(self, clusters: Sequence[str], reason: str) -> None:
        """Targets could not be reached."""
        settings = self._tools.settings
        back = self.books.bounced(clusters, self._tools.now(), settings.retry_first, settings.retry_limit)
        self._tools.counters.targets_bounced += len(back)
        if back:
            self._mark(back, TargetState.PENDING, reason)

    def answered(self, entry: LedgerEntry) -> bool:
        """An answer arrived; true if it is on its way into the ledger, see :meth:`recorded`."""
        counters, answers = self._tools.counters, self._tools.answers
        state = self.books.state(entry.cluster)
        if state is None:
            counters.answers_unknown += 1
            self._tools.carrier.received(entry.uid, [entry.cluster])
        elif state not in UNFINISHED:
            counters.answers_duplicate += 1
            self._tools.carrier.received(entry.uid, [entry.cluster])
        elif answers.full:
            counters.answers_shed += 1
            self.undelivered([entry.cluster], SHED)
        elif answers.add(entry):
            return True
        else:
            counters.answers_duplicate += 1
        return False

    def recorded(self, entries: Iterable[LedgerEntry]) -> None:
        """The ledger took these answers."""
        self.books.settle(entries)
        self._report.dirty = True

    def abort(self) -> None:
        """Withdraw it: targets that are unfinished are told."""
        self.retired = True
        self._tools.answers.drop(self.task.uid)
        if not self._over and not self.books.finished:
            self._tools.carrier.cancel(self.task.uid, self.books.unfinished())

    # ---- the steps

    async def load(self) -> None:
        """Take over the books that an earlier process kept; of a task that is over only what is unfinished."""
        ledger, states, after = self._tools.ledger, None, None
        if self._tools.now() >= self._deadline:
            states = UNFINISHED
            self.books.assume(await ledger.counts(self.task.uid))
        while True:
            page = await ledger.page(self.task.uid, PAGE, after, states)
            self.books.load(page)
            if len(page) < PAGE:
                return
            after = page[-1].cluster

    async def advance(self) -> ResourceVersion | None:
        """Do everything that can be done now; gives the object's version if its status was written."""
        if not self._over and not self.task.faults:
            now = self._tools.now()
            self.books.release(now)
            for action in plan(self.books, self._selection(now), self._tools.carrier.online, now, self._deadline):
                if not self.retired:
                    await self._perform(action)
        await self._write_marks()
        return None if self.retired else await self._report.write(self.task, self._progress)

    def _selection(self, now: float) -> Sequence[str] | None:
        if not self._reselect or now < self._select_at:
            return None
        try:
            chosen = self._tools.carrier.select(self.task.selector)
        except InvalidSelector as error:
            self.task = evolve(self.task, faults=(("spec.clusterSelector", str(error)),))
            return None
        self._reselect = False
        self._select_at = select_again(now, len(chosen))
        return chosen

    async def _perform(self, action: Action) -> None:
        match action:
            case Open(clusters, state):
                await self._open(clusters, state)
            case Send(clusters):
                self._send(clusters)
            case Park(clusters):
                online = self._tools.carrier.online
                self.books.park([cluster for cluster in clusters if not online(cluster)])
            case Expire():
                self._expire()
            case WaitUntil(when):
                self._wake_at = when

    async def _open(self, clusters: Sequence[str], state: TargetState) -> None:
        try:
            await self._tools.ledger.add(self.task.uid, clusters, state)
        except BaseException:
            self._reselect = True
            raise
        self.books.open(clusters, state)
        self._report.dirty = True

    def _send(self, clusters: Sequence[str]) -> None:
        left = self._deadline - self._tools.now()
        missed = frozenset(self._tools.carrier.dispatch(self.task.task, self.task.key.name, clusters, left))
        sent = [cluster for cluster in clusters if cluster not in missed] if missed else clusters
        self._tools.counters.targets_sent += len(sent)
        changed = self.books.sent(sent)
        if changed:
            self._mark(changed, TargetState.SENT)
        if missed:
            self.undelivered(sorted(missed), NO_WAY)

    def _expire(self) -> None:
        self._over = True
        self._report.dirty = True
        expired = self.books.expire()
        if expired:
            self._mark(expired, TargetState.EXPIRED, EXPIRED)
            self._tools.carrier.cancel(self.task.uid, expired)

    def _mark(self, clusters: Sequence[str], state: TargetState, why: str = "") -> None:
        self._marks.append(_Mark(clusters, state, why))
        self._report.dirty = True

    async def _write_marks(self) -> None:
        while self._marks and not self.retired:
            mark = self._marks[0]
            await self._tools.ledger.mark(self.task.uid, mark.clusters, mark.state, mark.why)
            self._marks.popleft()

    def _progress(self) -> Progress:
        books = self.books
        return Progress(self.task.generation, books.counts, self._deadline, self._over, self.task.faults, books.unknown)
