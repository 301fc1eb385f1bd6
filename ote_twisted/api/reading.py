"""Get and list of stored objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ote_twisted.api.call import Call
from ote_twisted.api.model import ApiResponse
from ote_twisted.api.selectors import Selection, read_selection
from ote_twisted.api.served import ServedKinds
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.model import Page, StoredObject
from ote_twisted.values import frozen

_MAX_EMPTY_PAGES = 20


@frozen(eq=False)
class Reading:
    """Reads of one store.

    :ivar now: unix seconds.
    """

    store: IObjectStore
    kinds: ServedKinds
    now: Callable[[], float]

    async def get(self, call: Call) -> ApiResponse:
        """One object."""
        stored = await self.store.get(call.key)
        return self.kinds.of(call.kind).renderer.object(stored.value, call.form, self.now(), call.include)

    async def list_objects(self, call: Call) -> ApiResponse:
        """The objects that a call selects, or a page of them."""
        found, page = await self.page(call)
        metadata: dict[str, Any] = {"resourceVersion": str(page.version)}
        if page.continue_key is not None:
            metadata["continue"] = page.continue_key
            if page.remaining is not None and not selection_of(call).tests[bool(call.namespace) :]:
                metadata["remainingItemCount"] = page.remaining
        values = [stored.value for stored in found]
        return self.kinds.of(call.kind).renderer.list(values, metadata, call.form, self.now(), call.include)

    async def page(self, call: Call) -> tuple[list[StoredObject], Page]:
        """Selected objects of one page, and the page. A page in which nothing is selected is skipped, within bounds."""
        selection, limit = selection_of(call), call.options.number("limit") or None
        token: str | None = call.options.text("continue") or None
        for _ in range(_MAX_EMPTY_PAGES):
            page = await self.store.list(call.kind.resource, call.namespace or None, limit, token, selection.label_equals)
            found = [stored for stored in page.items if selection.chooses(stored)] if selection.tests else page.items
            token = page.continue_key
            if found or token is None:
                break
        return found, page


def selection_of(call: Call) -> Selection:
    """What a list, watch or deletion of a collection is about."""
    options = call.options
    return read_selection(call.kind, call.namespace, call.name, options.text("labelSelector"), options.text("fieldSelector"))
