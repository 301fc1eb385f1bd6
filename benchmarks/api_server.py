"""The product of B6's API half: engine and listener on the SQLite store, as in a controller."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.listener import ApiListener, ApiSite
from ote_twisted.declarations.load import load_kinds
from ote_twisted.storage.sqlite.opening import open_store


def main() -> None:
    """Serve; says its port, and how many events it encoded and delivered at ``/counts``."""
    from twisted.internet import reactor as loop

    reactor: Any = loop
    with tempfile.TemporaryDirectory() as folder:
        storage = open_store(Path(folder) / "store.sqlite", reactor, reactor)
        storage.startService()
        engine = ApiEngine(storage.objects, load_kinds(), time.time)

        def counts(query: bytes) -> tuple[int, str, bytes]:
            return 200, "application/json", json.dumps({"encoded": engine.encoded_events}).encode()

        site = ApiSite(engine, reactor, {b"/counts": counts})
        listener = ApiListener(serverFromString(reactor, "tcp:0:interface=127.0.0.1:backlog=512"), site)

        async def start() -> None:
            await engine.start()
            port: Any = await listener.listen()
            print(json.dumps({"port": port.getHost().port}), flush=True)

        Deferred.fromCoroutine(start()).addErrback(lambda failure: failure.printTraceback())
        reactor.addSystemEventTrigger("before", "shutdown", storage.stopService)
        reactor.run()


if __name__ == "__main__":
    main()
