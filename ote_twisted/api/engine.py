"""The API engine: one call in, one answer out, whatever the transport."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ote_twisted.api.accept import PLAIN
from ote_twisted.api.call import Call, read_call, split_uri
from ote_twisted.api.catalogue import Catalogue
from ote_twisted.api.computed import Computed, ListProvider
from ote_twisted.api.deleting import Deleting
from ote_twisted.api.documents import Documents
from ote_twisted.api.metadata import Birth
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.api.namespaces import RESOURCE, Namespaces
from ote_twisted.api.reading import Reading
from ote_twisted.api.render import document
from ote_twisted.api.served import AdmissionCheck, ServedKinds
from ote_twisted.api.status import ApiError, Named, from_store
from ote_twisted.api.times import rfc3339
from ote_twisted.api.uids import Uids
from ote_twisted.api.watching import Deliver, OpenWatch, Watching
from ote_twisted.api.writing import Writing
from ote_twisted.declarations.model import Kind
from ote_twisted.errors import AlreadyExists, StoreError
from ote_twisted.interfaces import IApiServer, IObjectStore, IVirtualResource
from ote_twisted.storage.model import Key

_STARTING = "the API is starting"
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


@implementer(IApiServer)
class ApiEngine:
    """Serves kinds from a store.

    :ivar catalogue: the kinds; others may be added while it serves.
    :ivar refused: answers with a code from 400 to 499.
    :ivar failed: answers with a code of 500 or more.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        kinds: Iterable[Kind],
        now: Callable[[], float],
        version: str = "0",
        admission: Mapping[str, AdmissionCheck] | None = None,
        virtual: Mapping[str, IVirtualResource] | None = None,
        subresources: Mapping[tuple[str, str], ListProvider] | None = None,
    ) -> None:
        """Put an engine together; calls are answered 503 until :meth:`start` has fired, and after :meth:`stop`.

        :param now: unix seconds.
        :param version: of this program, for ``/version``.
        :param admission: checks by resource.
        :param virtual: computed resources, by resource.
        :param subresources: providers by resource and subresource, such as ``("clustercontrollers.ote.baidu.com", "results")``.
        """
        self.catalogue = Catalogue(kinds)
        self.refused = 0
        self.failed = 0
        self._why_not = _STARTING
        self._store = store
        self._now = now
        self._uids = Uids()
        served = ServedKinds(self.catalogue, admission or {})
        self._namespaces = Namespaces(store)
        self._documents = Documents(self.catalogue, version)
        self._computed = Computed(served, {} if virtual is None else virtual, {} if subresources is None else subresources, now)
        self._reading = Reading(store, served, now)
        self._writing = Writing(store, served, self._namespaces, now, self._birth)
        self._deleting = Deleting(store, served, self._namespaces, self._reading, now)
        self._watching = Watching(store, served, now)
        self._verbs: Mapping[str, Callable[[Call], Coroutine[Any, Any, ApiResponse]]] = {
            "get": self._reading.get,
            "list": self._reading.list_objects,
            "create": self._writing.create,
            "update": self._writing.update,
            "patch": self._writing.patch,
            "delete": self._deleting.delete,
            "deletecollection": self._deleting.delete_collection,
        }

    def start(self) -> Deferred[None]:
        """Make sure of the namespaces that always exist, and finish deletions that a stop interrupted."""
        return Deferred.fromCoroutine(self._start())

    def stop(self) -> None:
        """Follow the store no more. Idempotent; watches that run are their openers' affair."""
        self._why_not = "the API is stopping"
        self._namespaces.stop()

    def handle(self, request: ApiRequest) -> Deferred[ApiResponse]:
        """See :class:`IApiServer`."""
        return Deferred.fromCoroutine(self._answer(request))

    def open_watch(self, request: ApiRequest, deliver: Deliver) -> Deferred[OpenWatch | ApiResponse]:
        """Begin a watch, or answer why not.

        :param deliver: gets lines from the next reactor turn on, after the watch's ``initial`` ones.
        """
        return Deferred.fromCoroutine(self._open_watch(request, deliver))

    @staticmethod
    def asks_watch(request: ApiRequest) -> bool:
        """The request may ask for a watch, so :meth:`open_watch` has to see it."""
        return "watch" in request.uri and request.method == "GET"

    @property
    def encoded_events(self) -> int:
        """Events encoded for watchers, each once per kind and form."""
        return sum(lines.encoded for lines in self._watching.lines.values())

    async def _start(self) -> None:
        await self._namespaces.start()
        for name in self._namespaces.missing():
            await self._make_namespace(name)
        for name in sorted(self._namespaces.terminating):
            await self._deleting.finish_namespace(name)
        if self._why_not is _STARTING:
            self._why_not = ""

    async def _make_namespace(self, name: str) -> None:
        birth = self._birth()
        metadata = {
            "name": name,
            "uid": birth.uid,
            "creationTimestamp": birth.created,
            "generation": 1,
            "labels": {"kubernetes.io/metadata.name": name},
        }
        value = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {}, "status": {"phase": "Active"}}
        try:
            self._namespaces.seen(await self._store.create(Key(RESOURCE, "", name), value))
        except AlreadyExists:
            pass

    def _birth(self) -> Birth:
        return Birth(self._uids.next(), rfc3339(self._now()), _suffix)

    async def _answer(self, request: ApiRequest) -> ApiResponse:
        call: Call | None = None
        try:
            segments, options = split_uri(request.uri)
            found = self._documents.find(request, segments)
            if found is not None:
                return found
            call = read_call(self.catalogue, request, segments, options)
            self._check()
            return await self._perform(call)
        except Exception as error:
            return self._refusal(error, call)

    async def _open_watch(self, request: ApiRequest, deliver: Deliver) -> OpenWatch | ApiResponse:
        call: Call | None = None
        try:
            call = read_call(self.catalogue, request, *split_uri(request.uri))
            self._check()
            if call.verb == "watch":
                return await self._watching.open(call, deliver)
        except Exception as error:
            return self._refusal(error, call)
        return await self._answer(request)

    def _check(self) -> None:
        if self._why_not:
            raise ApiError(503, self._why_not)

    def _refusal(self, error: Exception, call: Call | None) -> ApiResponse:
        if isinstance(error, StoreError):
            error = from_store(error, call.subject if call is not None else Named("objects"))
        if not isinstance(error, ApiError):
            self._log.failure("API call failed", verb=call.verb if call else "", resource=call.kind.resource if call else "")
            error = ApiError(500, "Internal error occurred: the server's log has the details")
        if error.code >= 500:
            self.failed += 1
        else:
            self.refused += 1
        answer = document(error.status(), PLAIN, error.code)
        return evolve(answer, headers={**answer.headers, "retry-after": "1"}) if error.code == 503 else answer

    async def _perform(self, call: Call) -> ApiResponse:
        if call.verb == "watch":
            raise ApiError(400, "a watch cannot be answered here: it needs a connection of its own")
        if call.subresource and call.subresource != "status":
            return await self._computed.subresource(call)
        if call.kind.virtual:
            return await self._computed.answer(call)
        answer = await self._verbs[call.verb](call)
        if call.namespace and call.namespace in self._namespaces.terminating and call.verb in ("update", "patch"):
            await self._deleting.finish_namespace(call.namespace)
        return answer


def _suffix() -> str:
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
