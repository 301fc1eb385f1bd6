"""The floor of B6's API half: twisted.web's request parser, orjson and bare SQLite; no rules of an API, no product code.

A POST is decoded, stamped, inserted with the others of its reactor turn in one transaction, and answered when that is durable.
A GET stays open and gets every object from then on as one chunk.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import orjson
from twisted.internet.protocol import Factory
from twisted.web.http import HTTPChannel, Request

from benchmarks.floor_store import LOG, OBJECT, SCHEMA


class Store:
    """Objects of one turn are written together, then answered and told to watchers."""

    def __init__(self, path: Path, reactor: Any) -> None:
        self.watchers: list[Any] = []
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(SCHEMA)
        self._reactor = reactor
        self._version = 0
        self._waiting: list[tuple[FloorRequest, dict[str, Any]]] = []

    def create(self, request: FloorRequest, value: dict[str, Any]) -> None:
        """Write with the others of this turn."""
        if not self._waiting:
            self._reactor.callLater(0, self._commit)
        self._waiting.append((request, value))

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        done = []
        self._db.execute("BEGIN")
        for request, value in waiting:
            self._version += 1
            value["metadata"]["resourceVersion"] = str(self._version)
            body = orjson.dumps(value)
            row = ("configmaps", "default", value["metadata"]["name"], self._version, self._version, b"{}", body)
            self._db.execute(LOG, (self._version, self._db.execute(OBJECT, row).lastrowid))
            done.append((request, body))
        self._db.execute("COMMIT")
        lines = b"".join(b'{"type":"ADDED","object":%b}\n' % body for _, body in done)
        for watcher in self.watchers:
            watcher.channel.write(b"%x\r\n%b\r\n" % (len(lines), lines))
        for request, body in done:
            request.answer(body)


class FloorRequest(Request):
    """One request."""

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Create, or watch."""
        self.method, self.uri, self.clientproto = command, path, version
        store = self.channel.factory.store
        if command == b"POST":
            store.create(self, orjson.loads(self.content.getvalue()))
        else:
            self.write(b"")
            store.watchers.append(self)

    def answer(self, body: bytes) -> None:
        """The object is durable."""
        self.setResponseCode(201)
        self.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
        self.write(body)
        self.finish()


class FloorFactory(Factory):
    """Channels without an access log."""

    def __init__(self, store: Store, reactor: Any) -> None:
        self.store = store
        self._reactor = reactor

    def buildProtocol(self, addr: Any) -> Any:
        """One connection."""
        channel: Any = HTTPChannel()
        channel.factory, channel.requestFactory, channel.callLater = self, FloorRequest, self._reactor.callLater
        channel.timeOut = None
        return channel

    def log(self, request: Any) -> None:
        """Nothing."""


def main() -> None:
    """Serve; says its port."""
    from twisted.internet import reactor

    loop: Any = reactor
    with tempfile.TemporaryDirectory() as folder:
        factory = FloorFactory(Store(Path(folder) / "floor.sqlite", loop), loop)
        port = loop.listenTCP(0, factory, backlog=512, interface="127.0.0.1")
        print(json.dumps({"port": port.getHost().port}), flush=True)
        loop.run()


if __name__ == "__main__":
    main()
