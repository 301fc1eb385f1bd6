"""Objects and answers that are computed instead of stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from twisted.internet.defer import Deferred

from ote_twisted.api.body import read_object
from ote_twisted.api.call import Call
from ote_twisted.api.fields import warnings_for
from ote_twisted.api.metadata import address
from ote_twisted.api.model import ApiResponse
from ote_twisted.api.render import document
from ote_twisted.api.selectors import read_selection
from ote_twisted.api.served import ServedKinds
from ote_twisted.api.status import invalid, unknown_path
from ote_twisted.interfaces import IVirtualResource
from ote_twisted.storage.model import JSON, Key, ResourceVersion, StoredObject
from ote_twisted.values import frozen

ListProvider = Callable[[str, str, int | None, str | None], Deferred[JSON]]
"""Answers a subresource: namespace, name, limit, continue token → a JSON list. Fails with a StoreError."""


@frozen(eq=False)
class Computed:
    """Virtual resources and subresources.

    :ivar resources: virtual resources by resource.
    :ivar subresources: providers by resource and subresource.
    """

    kinds: ServedKinds
    resources: Mapping[str, IVirtualResource]
    subresources: Mapping[tuple[str, str], ListProvider]
    now: Callable[[], float]

    async def answer(self, call: Call) -> ApiResponse:
        """Answer a call for a virtual resource."""
        resource = self.resources.get(call.kind.resource)
        if resource is None:
            raise unknown_path()
        if call.verb == "create":
            return await self._create(call, resource)
        if call.verb == "get":
            return self._one(call, await resource.get_object(call.name or ""))
        return self._list(call, await resource.list_objects())

    async def subresource(self, call: Call) -> ApiResponse:
        """Answer a call for a subresource other than ``status``."""
        provider = self.subresources.get((call.kind.resource, call.subresource))
        if provider is None:
            raise unknown_path()
        options = call.options
        limit, token = options.number("limit"), options.text("continue") or None
        found = await provider(call.namespace or "", call.name or "", limit, token)
        return document(found, call.form)

    async def _create(self, call: Call, resource: IVirtualResource) -> ApiResponse:
        served = self.kinds.of(call.kind)
        value = read_object(call.request.body, call.request.headers.get("content-type", ""))
        address(value, call.kind, call.namespace or "", None)
        value.pop("status", None)
        headers = warnings_for(served.settle(value), call.options.text("fieldValidation"))
        causes = served.schema.check(value)
        if causes:
            raise invalid(call.subject, causes)
        answer = self._one(call, await resource.create_object(value), 201)
        answer.headers.update(headers)
        return answer

    def _one(self, call: Call, value: JSON, code: int = 200) -> ApiResponse:
        body = orjson.dumps(self._complete(call, value))
        return self.kinds.of(call.kind).renderer.object(body, call.form, self.now(), call.include, code)

    def _list(self, call: Call, values: list[JSON]) -> ApiResponse:
        options = call.options
        selection = read_selection(call.kind, call.namespace, None, options.text("labelSelector"), options.text("fieldSelector"))
        stored = [_as_stored(call, self._complete(call, value)) for value in values]
        chosen = [item.value for item in stored if selection.chooses(item)]
        return self.kinds.of(call.kind).renderer.list(chosen, {}, call.form, self.now(), call.include)

    def _complete(self, call: Call, value: JSON) -> JSON:
        return {"apiVersion": call.kind.api_version, "kind": call.kind.kind, "metadata": {}, **value}


def _as_stored(call: Call, value: JSON) -> StoredObject:
    metadata: dict[str, Any] = value["metadata"]
    key = Key(call.kind.resource, metadata.get("namespace", ""), metadata.get("name", ""))
    return StoredObject(key, ResourceVersion(0), orjson.dumps(value), metadata.get("labels") or {})
