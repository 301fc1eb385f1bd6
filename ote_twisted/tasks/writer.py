"""Writes the status of task objects beside other writers: only the status, into the freshest object."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from ote_twisted.errors import Conflict, NotFound
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.model import JSON, StoredObject
from ote_twisted.tasks.declared import DeclaredTask, generation_of
from ote_twisted.tasks.settings import TaskCounters

ATTEMPTS = 8
"""Conflicts in a row before the writer gives up for now."""


class StatusWriter:
    """Replaces ``status`` of an object, and nothing else of it."""

    def __init__(self, store: IObjectStore, counters: TaskCounters) -> None:
        self._store = store
        self._counters = counters

    async def write(self, task: DeclaredTask, build: Callable[[JSON], JSON]) -> StoredObject | None:
        """Write.

        :param task: the generation that the status is about; another one, or another object, is left alone.
        :param build: from the stored status to the new one; called again after each conflict.
        :return: the object as written; ``None`` if there was nothing to write.
        :raise StoreError: nothing was written; worth trying again later.
        """
        for _ in range(ATTEMPTS):
            try:
                return await self._attempt(task, build)
            except Conflict:
                self._counters.status_conflicts += 1
            except NotFound:
                return None
        raise Conflict(f"the status of {task.key.namespace}/{task.key.name} met another writer {ATTEMPTS} times in a row")

    async def _attempt(self, task: DeclaredTask, build: Callable[[JSON], JSON]) -> StoredObject | None:
        stored = await self._store.get(task.key)
        value = orjson.loads(stored.value)
        if value["metadata"].get("uid") != task.object_uid or generation_of(value) != task.generation:
            return None
        before = value.get("status")
        status = build(before if isinstance(before, dict) else {})
        if status == before:
            return None
        value["status"] = status
        written = await self._store.update(task.key, value, stored.version)
        self._counters.status_writes += 1
        return written
