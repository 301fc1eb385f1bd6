"""All results of a task in pages, straight from the books."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import orjson

from ote_twisted.errors import Expired, NotFound
from ote_twisted.interfaces import IObjectStore, ITaskLedger
from ote_twisted.storage.model import JSON, Key
from ote_twisted.tasks.bodies import show
from ote_twisted.tasks.declared import API_VERSION, RESOURCE, declared
from ote_twisted.tasks.model import LedgerEntry
from ote_twisted.tasks.status import entry_frame, with_body

LIMIT = 500
"""Results in a page that names no limit, and the most that any page has."""

PAGE_BYTES = 4 * 1024 * 1024
"""A page ends with the result that brings its bodies beyond this."""

STEP = 50
"""Entries read from the ledger at a time."""

KIND = "ClusterControllerResult"


class TaskResults:
    """The ``results`` subresource of task objects."""

    def __init__(self, store: IObjectStore, ledger: ITaskLedger, online: Callable[[str], bool]) -> None:
        """
        :param online: whether there is a way to a cluster now.
        """
        self._store = store
        self._ledger = ledger
        self._online = online

    async def page(self, namespace: str, name: str, limit: int | None = None, continue_: str | None = None) -> JSON:
        """A list of results of the present generation, in order of cluster names.

        :param limit: results at most; a page may be shorter where bodies are large.
        :param continue_: ``metadata.continue`` of the page before.
        :raise NotFound: no such task.
        :raise Expired: the page before was of another generation, or the token is none of ours.
        """
        stored = await self._store.get(Key(RESOURCE, namespace, name))
        task = declared(stored)
        if task is None:
            raise NotFound(f"task {namespace}/{name} is being deleted")
        after = None if continue_ is None else _read_token(continue_, task.uid)
        entries, more = await self._read(task.uid, min(limit or LIMIT, LIMIT), after)
        metadata: JSON = {"resourceVersion": str(stored.version)}
        if more:
            metadata["continue"] = _token(task.uid, entries[-1].cluster)
        return {
            "apiVersion": API_VERSION,
            "kind": f"{KIND}List",
            "metadata": metadata,
            "items": [self._item(namespace, entry) for entry in entries],
        }

    async def _read(self, uid: str, limit: int, after: str | None) -> tuple[list[LedgerEntry], bool]:
        entries: list[LedgerEntry] = []
        size = 0
        while True:
            step = min(STEP, limit + 1 - len(entries))
            for entry in (read := await self._ledger.page(uid, step, after)):
                if len(entries) == limit or size > PAGE_BYTES:
                    return entries, True
                entries.append(entry)
                size += len(entry.body)
            if len(read) < step:
                return entries, False
            after = entries[-1].cluster

    def _item(self, namespace: str, entry: LedgerEntry) -> JSON:
        frame = with_body(entry_frame(entry, self._online), entry, show(entry.body))
        metadata = {"name": entry.cluster, "namespace": namespace}
        return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, **frame}


def _token(uid: str, after: str) -> str:
    return urlsafe_b64encode(orjson.dumps([uid, after])).decode("ascii")


def _read_token(token: str, uid: str) -> str:
    try:
        of, after = orjson.loads(urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, TypeError):
        of, after = None, None
    if of != uid or not isinstance(after, str):
        raise Expired("the continue token is not of the present results of this task; list them again from the start")
    return after
