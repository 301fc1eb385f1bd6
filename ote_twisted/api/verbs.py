"""What the engine does with calls, put together with the first of them: a site at rest gets none and does without all this."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ote_twisted.api.birth import Birth
from ote_twisted.api.call import Call, Options, read_call, split_uri
from ote_twisted.api.catalogue import Catalogue
from ote_twisted.api.computed import Computed, ListProvider
from ote_twisted.api.deleting import Deleting
from ote_twisted.api.documents import Documents
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.api.namespaces import Namespaces
from ote_twisted.api.reading import Reading
from ote_twisted.api.served import AdmissionCheck, ServedKinds
from ote_twisted.api.status import ApiError
from ote_twisted.api.watching import Deliver, OpenWatch, Watching
from ote_twisted.api.writing import Writing
from ote_twisted.interfaces import IObjectStore, IVirtualResource


class Verbs:
    """The verbs of one engine.

    :ivar split: the segments of a URI's path, and its options.
    """

    split = staticmethod(split_uri)

    def __init__(
        self,
        store: IObjectStore,
        catalogue: Catalogue,
        namespaces: Namespaces,
        now: Callable[[], float],
        birth: Callable[[], Birth],
        version: str,
        admission: Mapping[str, AdmissionCheck],
        virtual: Mapping[str, IVirtualResource],
        subresources: Mapping[tuple[str, str], ListProvider],
    ) -> None:
        """Parameters are the engine's."""
        served = ServedKinds(catalogue, admission)
        reading, writing = Reading(store, served, now), Writing(store, served, namespaces, now, birth)
        self._catalogue = catalogue
        self._namespaces = namespaces
        self._documents = Documents(catalogue, version)
        self._computed = Computed(served, virtual, subresources, now)
        self._deleting = Deleting(store, served, namespaces, reading, now)
        self._watching = Watching(store, served, now)
        self._verbs: Mapping[str, Callable[[Call], Coroutine[Any, Any, ApiResponse]]] = {
            "get": reading.get,
            "list": reading.list_objects,
            "create": writing.create,
            "update": writing.update,
            "patch": writing.patch,
            "delete": self._deleting.delete,
            "deletecollection": self._deleting.delete_collection,
        }

    @property
    def encoded_events(self) -> int:
        """Events encoded for watchers, each once per kind and form."""
        return sum(lines.encoded for lines in self._watching.lines.values())

    def document(self, request: ApiRequest, segments: list[str]) -> ApiResponse | None:
        """The answer, if the request asks for a document about the API itself."""
        return self._documents.find(request, segments)

    def read(self, request: ApiRequest, segments: list[str], options: Options) -> Call:
        """What a request asks for.

        :raise ApiError: it cannot be understood, or there is no such thing.
        """
        return read_call(self._catalogue, request, segments, options)

    async def finish_namespace(self, name: str) -> None:
        """Go on with the deletion of a namespace."""
        await self._deleting.finish_namespace(name)

    async def watch(self, call: Call, deliver: Deliver) -> OpenWatch:
        """Begin a watch."""
        return await self._watching.open(call, deliver)

    async def perform(self, call: Call) -> ApiResponse:
        """Answer a call.

        :raise ApiError: why not.
        """
        if call.verb == "watch":
            raise ApiError(400, "a watch cannot be answered here: it needs a connection of its own")
        if call.subresource and call.subresource != "status":
            return await self._computed.subresource(call)
        if call.kind.virtual:
            return await self._computed.answer(call)
        answer = await self._verbs[call.verb](call)
        if call.namespace and call.namespace in self._namespaces.terminating and call.verb in ("update", "patch"):
            await self.finish_namespace(call.namespace)
        return answer
