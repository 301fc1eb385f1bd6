"""An API listener as a process: ``python -m tests.functional.api_process FOLDER`` with SQLite in it, or ``memory``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.listener import ApiListener, ApiSite
from ote_twisted.declarations.load import load_kinds
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.sqlite.opening import open_store


def main(where: str) -> None:
    """Serve until stopped; the port is the first line of the output."""
    from twisted.internet import reactor

    engine = ApiEngine(_store(where, reactor), load_kinds(), time.time, "0.0.0")
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
