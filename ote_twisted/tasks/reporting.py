"""When and what is written into the status of a task object."""

from __future__ import annotations

from collections.abc import Callable

from ote_twisted.interfaces import ITaskCarrier, ITaskLedger
from ote_twisted.storage.model import ResourceVersion
from ote_twisted.tasks.conditions import Progress
from ote_twisted.tasks.declared import DeclaredTask
from ote_twisted.tasks.settings import TaskSettings
from ote_twisted.tasks.status import build_status
from ote_twisted.tasks.writer import StatusWriter


class StatusReport:
    """The status of one task generation: written when it changed, at a pace; at once when the task completes.

    :ivar due: unix seconds before which only what is urgent is written.
    :ivar dirty: something changed since the last write.
    """

    def __init__(
        self,
        writer: StatusWriter,
        ledger: ITaskLedger,
        carrier: ITaskCarrier,
        now: Callable[[], float],
        settings: TaskSettings,
    ) -> None:
        self._writer = writer
        self._ledger = ledger
        self._carrier = carrier
        self._now = now
        self._settings = settings
        self._told_complete = False
        self.dirty = True
        self.due = now() + settings.pacing.interval

    async def write(self, task: DeclaredTask, progress: Callable[[], Progress]) -> ResourceVersion | None:
        """Write if it is time to.

        :param progress: asked again for each attempt, so that what is written is fresh.
        :return: version of the object after the write; ``None`` if nothing was written.
        :raise StoreError: it stays dirty.
        """
        if not self.dirty or (self._now() < self.due and not self._urgent(progress())):
            return None
        self.dirty = False
        try:
            entries = await self._ledger.page(task.uid, self._settings.bounds.entries)
            written = await self._writer.write(
                task,
                lambda previous: build_status(
                    progress(), entries, previous, self._now(), self._settings.bounds, self._carrier.online
                ),
            )
        except BaseException:
            self.dirty = True
            raise
        self._told_complete = progress().complete
        self.due = self._settings.pacing.after(self._now(), 0 if written is None else len(written.value))
        return None if written is None else written.version

    def _urgent(self, progress: Progress) -> bool:
        nobody = not progress.total or bool(progress.faults)
        return progress.over or nobody or (progress.complete and not self._told_complete)
