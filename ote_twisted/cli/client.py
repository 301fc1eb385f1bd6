"""Speaks to a controller's API over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

import treq
from twisted.internet.defer import CancelledError, TimeoutError
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import Agent, HTTPConnectionPool, ResponseNeverReceived
from twisted.web.iweb import IResponse

from ote_twisted import __version__
from ote_twisted.cli.errors import CommandError, Refused
from ote_twisted.cli.kubeconfig import Server
from ote_twisted.cli.security import policy
from ote_twisted.cli.watching import WatchLines
from ote_twisted.storage.model import JSON

GROUP = "/apis/ote.baidu.com/v1"
VIRTUAL = "/apis/ote-twisted.dev/v1alpha1"
SECONDS = 10.0
"""For one answer to begin, and for it to be complete."""

PAGE = 500


class Unreachable(CommandError):
    """Nobody answers at the controller's address."""


class ApiClient:
    """One controller's API.

    :param reactor: the running reactor.
    """

    def __init__(self, server: Server, reactor: Any) -> None:
        self.server = server
        self._clock: IReactorTime = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._agent = Agent(reactor, policy(server), connectTimeout=SECONDS, pool=self._pool)
        self._http = treq.client.HTTPClient(self._agent)

    async def close(self) -> None:
        """Close idle connections."""
        await self._pool.closeCachedConnections()

    async def get(self, path: str, **query: str | int) -> JSON:
        """Read one object or one page.

        :raise CommandError: there is no answer, or a refusal (:class:`Refused`).
        """
        return await self._ask("GET", path, query)

    async def create(self, path: str, value: JSON) -> JSON:
        """Create in a collection; gives the object as stored."""
        return await self._ask("POST", path, {}, json.dumps(value).encode())

    async def merge(self, path: str, value: JSON) -> JSON:
        """Merge-patch an object; gives the object as stored."""
        return await self._ask("PATCH", path, {}, json.dumps(value).encode(), "application/merge-patch+json")

    async def delete(self, path: str) -> JSON:
        """Delete an object."""
        return await self._ask("DELETE", path, {})

    async def review(self, selector: str) -> JSON:
        """Which clusters a selector chooses: a ``SelectionReview`` with its status."""
        kind = {"apiVersion": "ote-twisted.dev/v1alpha1", "kind": "SelectionReview"}
        return await self.create(f"{VIRTUAL}/selectionreviews", {**kind, "spec": {"selector": selector}})

    async def every(self, path: str, **query: str | int) -> tuple[list[JSON], str]:
        """Everything in a collection, page by page, and the version that it is of."""
        items: list[JSON] = []
        more: dict[str, str | int] = {}
        while True:
            page = await self.get(path, limit=PAGE, **query, **more)
            items += page.get("items") or []
            if not page["metadata"].get("continue"):
                return items, str(page["metadata"].get("resourceVersion", ""))
            more = {"continue": page["metadata"]["continue"]}

    async def watch(self, path: str, version: str, **query: str) -> AsyncGenerator[JSON, None]:
        """Events from a version on, until the controller ends the watch.

        :raise CommandError: the watch was refused; code 410 asks for a new list.
        """
        response = await self._send("GET", path, {"watch": "1", "resourceVersion": version, **query}, b"", "")
        if response.code >= 400:
            raise await self._refusal(response)
        lines = WatchLines()
        response.deliverBody(lines)
        try:
            async for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise Refused(int(event["object"].get("code", 500)), str(event["object"].get("message")))
                if event["type"] != "BOOKMARK":
                    yield event
        finally:
            lines.stop()

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str | int], body: bytes = b"", media: str = "application/json"
    ) -> JSON:
        response = await self._send(method, path, query, body, media)
        if response.code >= 400:
            raise await self._refusal(response)
        return self._json(await self._content(response))

    async def _send(self, method: str, path: str, query: Mapping[str, str | int], body: bytes, media: str) -> IResponse:
        url = self.server.url + quote(path, safe="/") + ("?" + urlencode(query) if query else "")
        headers: dict[bytes | str, bytes | str] = {"Accept": "application/json", "User-Agent": f"otectl/{__version__}"}
        if self.server.token:
            headers["Authorization"] = f"Bearer {self.server.token}"
        if body:
            headers["Content-Type"] = media
        try:
            asking = self._http.request(method, url, headers=headers, data=body or None, unbuffered=True)
            response: IResponse = await asking.addTimeout(SECONDS, self._clock, _timed_out)
        except CancelledError:
            raise
        except Exception as fault:
            raise self._unreachable(fault) from None
        return response

    async def _content(self, response: IResponse) -> bytes:
        try:
            content: bytes = await treq.content(response).addTimeout(SECONDS, self._clock, _timed_out)
        except CancelledError:
            raise
        except Exception as fault:
            raise self._unreachable(fault) from None
        return content

    def _json(self, content: bytes) -> JSON:
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise CommandError(f"{self._place()} does not answer like a controller; is it the address of a controller's API?")
        return value

    async def _refusal(self, response: IResponse) -> CommandError:
        content = await self._content(response)
        try:
            message = json.loads(content)["message"]
        except (ValueError, KeyError, TypeError):
            return CommandError(f"{self._place()} answered {response.code} and is no controller's API, or an older one")
        return Refused(response.code, f"{self._place()} refused: {message}")

    def _unreachable(self, fault: Exception) -> Unreachable:
        hint = "is it running? --context or --server choose another"
        return Unreachable(f"cannot reach {self._place()}: {_sentence(fault)}; {hint}")

    def _place(self) -> str:
        server = self.server
        return f"{server.name} at {server.url}" if server.name else server.url


def _timed_out(result: object, seconds: float) -> NoReturn:
    """Whatever a cancelled request fails with, the cause was our limit."""
    raise TimeoutError(f"no answer within {seconds:g} s")


def _sentence(fault: Exception) -> str:
    if isinstance(fault, ResponseNeverReceived):
        fault = fault.reasons[0].value
    if isinstance(fault, ConnectionRefusedError):
        return "the connection was refused"
    text = " ".join(str(fault).split()).rstrip(".")
    return text or type(fault).__name__
