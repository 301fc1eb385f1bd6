"""A cluster controller that speaks ``ote.v1`` alone: ``python -m tests.functional.v1.peer NAME PORT FILE [PARENT]``.

It behaves as the original does: registers and relays, tells its children their neighbours, reports its subtree every second,
chooses by expressions that match anywhere, and looks for another parent among those that its own parent told it of. What it
performs it writes as a line with the task's name to FILE, whom else it could join as lines to FILE.known. It keeps nothing.
PARENT is ``host:port``.
"""

from __future__ import annotations

import asyncio
import http
import random
import re
import sys
import time
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.functional.v1.messages import (
    CLUSTER,
    COMMAND,
    CONTROL_REQ,
    CONTROL_RESP,
    NEIGHBOR_ROUTE,
    PARENT,
    REGIST,
    SELECTOR,
    SUBTREE_ROUTE,
    UNREGIST,
    Malformed,
    Message,
    answer_body,
    fragments,
    go_json,
    message,
)

PAUSE = 1.0
"""Seconds between two reports, and between two attempts where there is no candidate."""

FORGIVEN = 10.0
"""Seconds after which an address that failed may be tried again."""


class Peer:
    """One cluster controller."""

    def __init__(self, name: str, listen: str, performed: Path) -> None:
        self.name = name
        self.listen = listen
        self._performed = performed
        self._children: dict[str, tuple[ServerConnection, str]] = {}
        self._routes: dict[str, str] = {}
        self._neighbor: dict[str, str] | None = None
        self._parent_neighbor: dict[str, str] | None = None
        self._up: Any = None

    # ---- below

    def check(self, connection: ServerConnection, request: Any) -> Any:
        """The original's checks of a handshake."""
        name = request.path.removeprefix("/access/")
        if not request.headers.get("listen-addr") or not request.headers.get("name"):
            return connection.respond(http.HTTPStatus.BAD_REQUEST, "listen-addr and name are needed\n")
        if name in self._children or name in (self._parent_neighbor or {}):
            return connection.respond(http.HTTPStatus.FORBIDDEN, f"{name} may not join\n")
        return None

    async def serve_child(self, connection: ServerConnection) -> None:
        """One child, from its registration to its end."""
        assert connection.request is not None
        name = connection.request.path.removeprefix("/access/")
        listen = connection.request.headers["listen-addr"]
        registry = {"Name": name, "UserDefineName": name, "Listen": listen, "Time": int(time.time()), "ParentName": self.name}
        self._children[name] = connection, listen
        await self._from_child(name, message(REGIST, go_json(registry)))
        await self._tell_neighbours()
        try:
            async for payload in connection:
                await self._from_child(name, payload if isinstance(payload, bytes) else payload.encode())
        except ConnectionClosed:
            pass
        del self._children[name]
        await self._tell_neighbours()
        await self._from_child(name, message(UNREGIST, go_json({**registry, "Time": int(time.time())})))

    async def _from_child(self, port: str, raw: bytes) -> None:
        try:
            found = Message(raw)
        except Malformed:
            return
        if not found.text(PARENT):
            found.set(PARENT, self.name)
        if found.command == SUBTREE_ROUTE:
            self._take_subtree(port, orjson.loads(found.body))
            return
        if found.command == REGIST and self._routes.setdefault(orjson.loads(found.body)["Name"], port) != port:
            return
        if found.command == UNREGIST:
            self._unregister(orjson.loads(found.body)["Name"], port)
        await self._send(self._up, found.encode())

    def _take_subtree(self, port: str, hops: dict[str, str]) -> None:
        for name in hops:
            self._routes.setdefault(name, port)
        for name in [name for name, by in self._routes.items() if by == port and name != port and name not in hops]:
            del self._routes[name]

    def _unregister(self, name: str, port: str) -> None:
        """The end of a child takes every way through it along."""
        if name == port:
            self._routes = {name: by for name, by in self._routes.items() if by != port}
        elif self._routes.get(name) == port:
            del self._routes[name]

    async def _tell_neighbours(self) -> None:
        children = {name: listen for name, (_, listen) in sorted(self._children.items())}
        routes = {"Childs": children, "Neighbor": self._neighbor, "ParentNeighbor": self._parent_neighbor}
        for connection, _ in list(self._children.values()):
            await self._send(connection, message(NEIGHBOR_ROUTE, go_json(routes)))

    # ---- above

    async def live_below(self, address: str) -> None:
        """Join, and whenever the link is lost find another parent as the original does: never the way back."""
        failed: dict[str, float] = {}
        while True:
            try:
                headers = {"listen-addr": self.listen, "name": self.name}
                way = f"ws://{address}/access/{self.name}"
                async with connect(way, additional_headers=headers, compression=None, ping_interval=None) as link:
                    failed.clear()
                    await self._stay(link)
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                failed.setdefault(address, time.monotonic())
                address = await self._other(address, failed)

    async def _stay(self, link: Any) -> None:
        self._up = link
        reporting = asyncio.ensure_future(self._report(link))
        try:
            async for payload in link:
                await self._from_parent(payload if isinstance(payload, bytes) else payload.encode())
        finally:
            self._up = None
            reporting.cancel()

    async def _other(self, address: str, failed: dict[str, float]) -> str:
        candidates = [each for each in (self._parent_neighbor or {}).values() if each and each not in failed]
        if candidates:
            return random.choice(candidates)
        first = next(iter(failed))
        if time.monotonic() - failed[first] > FORGIVEN:
            del failed[first]
            return first
        await asyncio.sleep(PAUSE)
        return address

    async def _report(self, link: Any) -> None:
        while True:
            await self._send(link, message(SUBTREE_ROUTE, go_json(dict(sorted(self._routes.items()))), cluster=self.name))
            await asyncio.sleep(PAUSE)

    async def _from_parent(self, raw: bytes) -> None:
        try:
            found = Message(raw)
        except Malformed:
            return
        if found.command == NEIGHBOR_ROUTE:
            await self._take_neighbours(orjson.loads(found.body))
            return
        parts = [part.strip() for part in found.text(SELECTOR).split(",")]
        ports: dict[str, list[str]] = {}
        for name, port in self._routes.items():
            if _matches(parts, name):
                ports.setdefault(port, []).append(name)
        if _matches(parts, self.name) and found.command == CONTROL_REQ:
            await self._perform(Message(raw))
        for port, names in ports.items():
            found.set(SELECTOR, ",".join(names))
            await self._send(self._children[port][0] if port in self._children else None, found.encode())

    async def _take_neighbours(self, routes: dict[str, Any]) -> None:
        if routes["Childs"] != self._neighbor:
            self._neighbor = routes["Childs"]
            await self._tell_neighbours()
        self._parent_neighbor = routes["Neighbor"]
        self._performed.with_suffix(".known").write_text("\n".join(self._parent_neighbor or {}), encoding="utf-8")

    async def _perform(self, request: Message) -> None:
        with self._performed.open("a", encoding="utf-8") as file:
            file.write(request.text(1) + "\n")
        request.set(COMMAND, CONTROL_RESP)
        request.set(CLUSTER, self.name)
        request.body = answer_body(int(time.time()), 200, b"{}")
        await self._send(self._up, request.encode())

    async def _send(self, link: Any, payload: bytes) -> None:
        """What cannot be sent is lost, as it is there."""
        if link is None:
            return
        try:
            await link.send(fragments(payload) if len(payload) > 4096 else payload)
        except ConnectionClosed:
            pass


def _matches(parts: list[str], name: str) -> bool:
    return any(re.search(part, name) for part in parts)


async def main(name: str, port: int, performed: Path, parent: str) -> None:
    """Be a cluster controller until killed."""
    peer = Peer(name, f"127.0.0.1:{port}", performed)
    async with serve(
        peer.serve_child, "127.0.0.1", port, process_request=peer.check, compression=None, ping_interval=None, max_size=None
    ):
        if parent:
            await peer.live_below(parent)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), "".join(sys.argv[4:5])))
