"""The API engine: one call in, one answer out, whatever the transport."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import orjson
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ote_twisted.api.birth import Birth
from ote_twisted.api.catalogue import Catalogue
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.api.namespaces import RESOURCE, Namespaces
from ote_twisted.api.status import ApiError, Named, from_store
from ote_twisted.api.times import rfc3339
from ote_twisted.api.uids import Uids
from ote_twisted.declarations.model import Kind
from ote_twisted.errors import AlreadyExists, StoreError
from ote_twisted.interfaces import IApiServer, IObjectStore, IVirtualResource
from ote_twisted.storage.model import JSON, Key

if TYPE_CHECKING:
    from ote_twisted.api.call import Call
    from ote_twisted.api.computed import ListProvider
    from ote_twisted.api.served import AdmissionCheck
    from ote_twisted.api.verbs import Verbs
    from ote_twisted.api.watching import Deliver, OpenWatch

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
        self._namespaces = Namespaces(store)
        self._made: Verbs | None = None
        self._version = version
        self._admission = admission or {}
        self._virtual = {} if virtual is None else virtual
        self._subresources = {} if subresources is None else subresources

    @property
    def _verbs(self) -> Verbs:
        if self._made is None:
            from ote_twisted.api.verbs import Verbs  # see there

            extras = (self._version, self._admission, self._virtual, self._subresources)
            self._made = Verbs(self._store, self.catalogue, self._namespaces, self._now, self._birth, *extras)
        return self._made

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

    def stored(self, resource: str) -> Deferred[list[JSON] | None]:
        """See :class:`IApiServer`."""
        return Deferred.fromCoroutine(self._stored(resource))

    async def _stored(self, resource: str) -> list[JSON] | None:
        if self.catalogue.stored(resource) is None:
            return None
        try:
            return [orjson.loads(each.value) for each in (await self._store.list(resource)).items]
        except StoreError:
            return None

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
        return 0 if self._made is None else self._made.encoded_events

    async def _start(self) -> None:
        await self._namespaces.start()
        for name in self._namespaces.missing():
            await self._make_namespace(name)
        for name in sorted(self._namespaces.terminating):
            await self._verbs.finish_namespace(name)
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
            verbs = self._verbs
            segments, options = verbs.split(request.uri)
            found = verbs.document(request, segments)
            if found is not None:
                return found
            call = verbs.read(request, segments, options)
            self._check()
            return await verbs.perform(call)
        except Exception as error:
            return self._refusal(error, call)

    async def _open_watch(self, request: ApiRequest, deliver: Deliver) -> OpenWatch | ApiResponse:
        call: Call | None = None
        try:
            verbs = self._verbs
            call = verbs.read(request, *verbs.split(request.uri))
            self._check()
            if call.verb == "watch":
                return await verbs.watch(call, deliver)
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
        return ApiResponse(error.code, orjson.dumps(error.status()), headers={"retry-after": "1"} if error.code == 503 else {})


def _suffix() -> str:
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
