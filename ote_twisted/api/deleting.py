"""Deletion of stored objects: preconditions, finalizers, collections, and what lives in a namespace.

An object with finalizers is only marked; it goes when the last one is taken off. Owner references are not followed yet:
that is the garbage collector's place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from attrs import evolve

from ote_twisted.api.body import read_object
from ote_twisted.api.call import Call
from ote_twisted.api.model import ApiResponse
from ote_twisted.api.namespaces import RESOURCE, Namespaces
from ote_twisted.api.reading import Reading
from ote_twisted.api.render import document
from ote_twisted.api.served import ServedKinds
from ote_twisted.api.status import ApiError, conflict
from ote_twisted.api.times import rfc3339
from ote_twisted.api.writing import dry_run
from ote_twisted.errors import Conflict, NotFound
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.model import JSON, Key, StoredObject
from ote_twisted.values import frozen

_ATTEMPTS = 5
_PAGE = 500


@frozen(eq=False)
class Deleting:
    """Deletions from one store.

    :ivar now: unix seconds.
    """

    store: IObjectStore
    kinds: ServedKinds
    namespaces: Namespaces
    reading: Reading
    now: Callable[[], float]

    async def delete(self, call: Call) -> ApiResponse:
        """Delete one object; answers with a Status, or with the object if it has to wait for finalizers."""
        options = _delete_options(call)
        dry = dry_run(call) or "All" in (options.get("dryRun") or ())
        before = await self.store.get(call.key)
        _check_preconditions(options, before, call)
        waiting = None if dry else await self.remove(call.key)
        if waiting is not None:
            return self.kinds.of(call.kind).renderer.object(waiting.value, call.form, self.now(), "")
        metadata = orjson.loads(before.value)["metadata"]
        details = {**call.subject.details, "uid": metadata.get("uid", "")}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return document(status, evolve(call.form, transform=""))

    async def delete_collection(self, call: Call) -> ApiResponse:
        """Delete every selected object; answers with a list of them."""
        dry = dry_run(call) or "All" in (_delete_options(call).get("dryRun") or ())
        found, page = await self.reading.page(call)
        for stored in [] if dry else found:
            await self._remove_if_there(stored.key)
        metadata = {"resourceVersion": str(page.version)}
        return self.kinds.of(call.kind).renderer.list([stored.value for stored in found], metadata, call.form, self.now(), "")

    async def remove(self, key: Key) -> StoredObject | None:
        """Remove an object, or mark it and give it back if something must happen first."""
        if key.resource == RESOURCE:
            return await self._remove_namespace(key)
        for _ in range(_ATTEMPTS):
            before = await self.store.get(key)
            try:
                if orjson.loads(before.value)["metadata"].get("finalizers"):
                    return await self._mark(before)
                await self.store.delete(key, before.version)
                return None
            except Conflict:
                continue
        raise Conflict("the object is being changed by others all the time")

    async def empty_namespace(self, name: str) -> bool:
        """Remove what lives in a namespace; true when nothing is left that waits for finalizers."""
        empty = True
        for kind in self.kinds.catalogue.namespaced():
            token: str | None = None
            while True:
                page = await self.store.list(kind.resource, name, _PAGE, token)
                for stored in page.items:
                    empty = await self._remove_if_there(stored.key) and empty
                token = page.continue_key
                if token is None:
                    break
        return empty

    async def finish_namespace(self, name: str) -> None:
        """Remove a namespace that is being emptied, if nothing is left in it."""
        key = Key(RESOURCE, "", name)
        try:
            if not await self.empty_namespace(name):
                return
            stored = await self.store.get(key)
            if not orjson.loads(stored.value)["metadata"].get("finalizers"):
                await self.store.delete(key, None)
        except NotFound:
            pass
        self.namespaces.gone(name)

    async def _remove_namespace(self, key: Key) -> StoredObject | None:
        if key.name in ("default", "kube-system"):
            raise ApiError(403, f'namespaces "{key.name}" is forbidden: this namespace may not be deleted')
        marked = await self._mark(await self.store.get(key))
        self.namespaces.seen(marked)
        await self.finish_namespace(key.name)
        return marked

    async def _remove_if_there(self, key: Key) -> bool:
        try:
            return await self.remove(key) is None
        except NotFound:
            return True

    async def _mark(self, before: StoredObject) -> StoredObject:
        value = orjson.loads(before.value)
        metadata = value["metadata"]
        if metadata.get("deletionTimestamp"):
            return before
        metadata["deletionTimestamp"] = rfc3339(self.now())
        metadata["deletionGracePeriodSeconds"] = 0
        if before.key.resource == RESOURCE:
            value["status"] = {**value.get("status", {}), "phase": "Terminating"}
        return await self.store.update(before.key, value, before.version)


def _delete_options(call: Call) -> dict[str, Any]:
    """Options in the body, if there is one."""
    body = call.request.body
    return read_object(body, call.request.headers.get("content-type", "")) if body.strip() else {}


def _check_preconditions(options: JSON, before: StoredObject, call: Call) -> None:
    wanted = options.get("preconditions")
    if not isinstance(wanted, dict):
        return
    uid = orjson.loads(before.value)["metadata"].get("uid")
    if wanted.get("uid") not in (None, uid):
        raise conflict(call.subject, f"Precondition failed: UID in precondition: {wanted['uid']}, UID in object meta: {uid}")
    if wanted.get("resourceVersion") not in (None, str(before.version)):
        raise conflict(call.subject, "Precondition failed: the resource version is another one")
