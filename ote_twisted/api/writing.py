"""Create, update and patch of stored objects."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from attrs import evolve

from ote_twisted.api.birth import Birth
from ote_twisted.api.body import read_object
from ote_twisted.api.call import Call, named
from ote_twisted.api.fields import warnings_for
from ote_twisted.api.metadata import address, prepare_create, prepare_update
from ote_twisted.api.model import ApiResponse
from ote_twisted.api.namespaces import Namespaces
from ote_twisted.api.patching import Patch, read_patch
from ote_twisted.api.served import ServedKind, ServedKinds
from ote_twisted.api.status import ApiError, Cause, conflict, from_store, invalid
from ote_twisted.errors import AlreadyExists, Conflict, NotFound
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.model import JSON, Key, StoredObject
from ote_twisted.values import frozen

_ATTEMPTS = 5

NAME_TRIES = 8
"""Names that are made up for one object before its creation is refused."""


@frozen(eq=False)
class Writing:
    """Writes to one store.

    :ivar now: unix seconds.
    :ivar birth: what the next new object gets.
    """

    store: IObjectStore
    kinds: ServedKinds
    namespaces: Namespaces
    now: Callable[[], float]
    birth: Callable[[], Birth]

    async def create(self, call: Call) -> ApiResponse:
        """A new object. While a name that the server completes is taken, it is completed anew, as in Kubernetes."""
        tries, answer = NAME_TRIES, None
        while answer is None:
            tries -= 1
            answer = await self._create(call, may_try_again=tries > 0)
        return answer

    async def _create(self, call: Call, may_try_again: bool) -> ApiResponse | None:
        """``None``: the name that we made up is taken."""
        if call.kind.namespaced and call.namespace is None:
            raise ApiError(400, "an empty namespace may not be set during creation")
        request, served = call.request, self.kinds.of(call.kind)
        value = read_object(request.body, request.headers.get("content-type", ""))
        address(value, call.kind, call.namespace or "", None)
        if call.kind.namespaced:
            self.namespaces.check(call.namespace or "")
        if call.kind.has_status:
            value.pop("status", None)
        made_up = not value["metadata"].get("name")
        prepare_create(value, call.kind, self.birth())
        headers = self._settle(served, call, value, None)
        key = _key(call, value)
        try:
            stored = await self._would_create(key, value) if dry_run(call) else await self.store.create(key, value)
        except AlreadyExists as error:
            if made_up and may_try_again:
                return None
            raise from_store(error, named(call.kind, key.name)) from error
        if call.kind.resource == "namespaces" and not dry_run(call):
            self.namespaces.seen(stored)
        return self._answer(served, call, stored.value, headers, 201)

    async def update(self, call: Call) -> ApiResponse:
        """Replace an object or its status."""
        request = call.request
        value = read_object(request.body, request.headers.get("content-type", ""))
        address(value, call.kind, call.namespace or "", call.name)
        text = orjson.dumps(value)
        return await self._write(call, lambda old: orjson.loads(text))

    async def patch(self, call: Call) -> ApiResponse:
        """Change an object or its status."""
        patch: Patch = read_patch(call.request, call.kind)
        return await self._write(call, patch)

    async def _would_create(self, key: Key, value: JSON) -> StoredObject:
        try:
            await self.store.get(key)
        except NotFound:
            return StoredObject(key, self.store.version(), orjson.dumps(value))
        raise AlreadyExists("an object of that name exists")

    async def _write(self, call: Call, change: Callable[[JSON], JSON]) -> ApiResponse:
        for _ in range(_ATTEMPTS):
            before = await self.store.get(call.key)
            try:
                return await self._attempt(call, before, change)
            except Conflict:
                continue
        raise Conflict("the object is being changed by others all the time")

    async def _attempt(self, call: Call, before: StoredObject, change: Callable[[JSON], JSON]) -> ApiResponse:
        served, old = self.kinds.of(call.kind), orjson.loads(before.value)
        value = change(orjson.loads(before.value))
        address(value, call.kind, call.namespace or "", call.name)
        _check_version(value, before, call)
        value = _with_status(value, old, call)
        prepare_update(value, old, call.kind, call.subject)
        headers = self._settle(served, call, value, old)
        old["metadata"].pop("resourceVersion", None)
        if dry_run(call) or value == old:
            shown = {**value, "metadata": {**value["metadata"], "resourceVersion": str(before.version)}}
            return self._answer(served, call, orjson.dumps(shown), headers)
        stored = await self.store.update(call.key, value, before.version)
        if _released(value):
            stored = await self.store.delete(call.key, stored.version)
        return self._answer(served, call, stored.value, headers)

    def _settle(self, served: ServedKind, call: Call, value: JSON, old: JSON | None) -> dict[str, str]:
        """Prune, default and check; gives the headers of the answer."""
        headers = warnings_for(served.settle(value), call.options.text("fieldValidation"))
        causes = served.faults(value, old)
        if old is not None and not causes:
            causes = _check_finalizers(value, old)
        if causes:
            name = value["metadata"].get("name")
            raise invalid(named(call.kind, name if isinstance(name, str) else ""), causes)
        return headers

    def _answer(self, served: ServedKind, call: Call, value: bytes, headers: dict[str, str], code: int = 200) -> ApiResponse:
        answer = served.renderer.object(value, call.form, self.now(), call.include, code)
        return evolve(answer, headers=headers) if headers else answer


def dry_run(call: Call) -> bool:
    """The caller wants to know what would happen.

    :raise ApiError: 400 for a mode that is not known.
    """
    mode = call.options.text("dryRun")
    if mode not in ("", "All"):
        raise ApiError(400, f'dryRun: Unsupported value: "{mode[:32]}": supported values: "All"')
    return mode == "All"


def _key(call: Call, value: JSON) -> Key:
    return Key(call.kind.resource, call.namespace or "", value["metadata"]["name"])


def _check_version(value: JSON, before: StoredObject, call: Call) -> None:
    """The caller may say which version it has seen."""
    seen = value["metadata"].get("resourceVersion")
    if seen in (None, "", "0"):
        return
    if not (isinstance(seen, str) and seen.isascii() and seen.isdigit()):
        text = f'Invalid value: "{str(seen)[:64]}": must be a resource version'
        raise invalid(call.subject, [Cause("metadata.resourceVersion", "FieldValueInvalid", text)])
    if int(seen) != before.version:
        text = "the object has been modified; please apply your changes to the latest version and try again"
        raise conflict(call.subject, text)


def _with_status(value: JSON, old: JSON, call: Call) -> JSON:
    """A write to ``status`` changes nothing else; another write does not change it."""
    if not call.kind.has_status:
        return value
    base, source = (orjson.loads(orjson.dumps(old)), value) if call.subresource == "status" else (value, old)
    merged = {key: part for key, part in base.items() if key != "status"}
    if "status" in source:
        merged["status"] = source["status"]
    return merged


def _check_finalizers(value: JSON, old: JSON) -> list[Cause]:
    if not old["metadata"].get("deletionTimestamp"):
        return []
    added = set(value["metadata"].get("finalizers") or ()) - set(old["metadata"].get("finalizers") or ())
    if not added:
        return []
    text = f"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {sorted(added)}"
    return [Cause("metadata.finalizers", "FieldValueForbidden", text)]


def _released(value: JSON) -> bool:
    metadata = value["metadata"]
    return bool(metadata.get("deletionTimestamp")) and not metadata.get("finalizers")
