"""An API listener as a process: ``python -m tests.functional.api_process FOLDER`` with SQLite in it, or ``memory``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import serverFromString
from zope.interface import implementer

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.listener import ApiListener, ApiSite
from ote_twisted.declarations.load import load_kinds
from ote_twisted.errors import NotFound
from ote_twisted.interfaces import IObjectStore, IVirtualResource
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON
from ote_twisted.storage.sqlite.opening import open_store


@implementer(IVirtualResource)
class Echo:
    """Reviews that find every selector valid."""

    def list_objects(self) -> Deferred[list[JSON]]:
        """There are none."""
        return fail(NotFound("not kept"))

    def get_object(self, name: str) -> Deferred[JSON]:
        """There is none."""
        return fail(NotFound("not kept"))

    def create_object(self, value: JSON) -> Deferred[JSON]:
        """It is valid."""
        return succeed({**value, "status": {"valid": True}})


def main(where: str) -> None:
    """Serve until stopped; the port is the first line of the output."""
    from twisted.internet import reactor

    virtual = {"selectionreviews.ote-twisted.dev": Echo()}
    engine = ApiEngine(_store(where, reactor), load_kinds(), time.time, "0.0.0", virtual=virtual)
    pages = {b"/livez": lambda query: (200, "text/plain", b"ok")}
    listener = ApiListener(serverFromString(reactor, "tcp:0:interface=127.0.0.1"), ApiSite(engine, reactor, pages))

    async def start() -> None:
        await engine.start()
        port: Any = await listener.listen()
        print(port.getHost().port, flush=True)

    starting = Deferred.fromCoroutine(start())
    starting.addErrback(lambda failure: failure.printTraceback())
    reactor.run()


def _store(where: str, reactor: Any) -> IObjectStore:
    if where == "memory":
        memory: IObjectStore = MemoryObjectStore(reactor)
        return memory
    storage = open_store(Path(where) / "store.sqlite", reactor, reactor)
    storage.startService()
    reactor.addSystemEventTrigger("before", "shutdown", storage.stopService)
    return storage.objects


if __name__ == "__main__":
    main(sys.argv[1])
