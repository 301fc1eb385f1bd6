"""What was performed here, in memory and in the journal: a task takes effect once, whatever crashes when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime

from ote_twisted.controller.keeping import Keeper
from ote_twisted.errors import StoreUnavailable
from ote_twisted.tasks.journal import OutboxEntry, Performed
from ote_twisted.tasks.model import Answer
from ote_twisted.tasks.performed import PerformedTasks, Verdict

GATHERED = 64
"""Tasks whose time is over that are removed from the journal together."""


class TaskMemory:
    """Remembers tasks by their uid; one without a uid is not remembered.

    :ivar table: what is known of them in memory.
    """

    def __init__(self, table: PerformedTasks, keeper: Keeper, now: Callable[[], float]) -> None:
        """:param now: unix seconds, by a clock that makes no steps while this controller runs."""
        self.table = table
        self._keeper = keeper
        self._now = now
        self._beginning = 0
        self._noted: set[str] = set()

    async def load(self) -> Sequence[OutboxEntry]:
        """Take over what an earlier life left; gives what it owed.

        :raise StoreError: it cannot be read.
        """
        journal = await self._keeper.load()
        self.table.journalled = self._keeper.durable
        self.table.load(journal.begun, journal.performed, self._now())
        self._noted.update(journal.begun)
        self._forget(1)
        return journal.outbox

    def verdict(self, uid: str) -> Verdict:
        """See :meth:`PerformedTasks.begin`."""
        return self.table.begin(uid, self._now())

    async def answer(self, uid: str) -> Answer | None:
        """The answer of a finished task that is not in memory; ``None`` if it is lost."""
        return await self._keeper.answer(uid)

    async def begin(self, uid: str, left: float, needed: bool) -> None:
        """Note durably that a task is begun.

        :param left: seconds until its deadline.
        :param needed: it must not be performed twice. Another is noted only while one before it is being noted, so that
            they are performed in the order in which they came.
        :raise StoreUnavailable: it is needed and cannot be written.
        """
        if not uid or not (needed or self._beginning):
            return
        self._beginning += 1
        self._noted.add(uid)
        try:
            await self._keeper.begin(uid, self.table.until(self._now(), left))
        except StoreUnavailable:
            self._noted.discard(uid)
            if needed:
                raise
        finally:
            self._beginning -= 1

    async def finish(self, uid: str, answer: Answer, left: float, entry: OutboxEntry | None) -> None:
        """Note durably that a task was performed, with its answer, and that this is owed."""
        if not uid:
            return
        now = self._now()
        self._noted.discard(uid)
        await self._keeper.finish(Performed(uid, answer, self.table.until(now, left)), entry)
        self.table.finish(uid, answer, now, left)
        self._forget(GATHERED)

    def abandon(self, uid: str) -> None:
        """A task was given up before it took effect: a repeat is performed."""
        self.table.abandon(uid)
        if uid in self._noted:
            self._noted.discard(uid)
            self._keeper.forget([uid])

    def _forget(self, at_least: int) -> None:
        self._keeper.forget(self.table.take_forgotten(at_least))


def steady_clock(clock: IReactorTime, now: Callable[[], float]) -> Callable[[], float]:
    """Unix seconds that make no step while this process runs, whatever is done to the wall clock."""
    start = now() - clock.seconds()
    return lambda: start + clock.seconds()
