"""A process that writes to a store and says what was acknowledged; run by the store's functional tests.

``python -m tests.functional.store_process PATH MODE``: with ``for-ever`` it writes until it is killed and prints the name of
each acknowledged object; with ``full-disk`` it bounds the size of its files, writes until that is refused, reads, lifts the
bound, writes.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from ote_twisted.errors import StoreUnavailable
from ote_twisted.storage.model import Key
from ote_twisted.storage.sqlite.opening import SQLiteStorage, open_store

MAPS = "configmaps"
WRITERS = 16


def say(text: str) -> None:
    """Tell the test, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def create(storage: SQLiteStorage, name: str) -> Deferred[Any]:
    """Write one object of about 1 kB."""
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": "x" * 900}}
    return storage.objects.create(Key(MAPS, "default", name), value)


async def write_for_ever(storage: SQLiteStorage, writer: int) -> None:
    """One of several writers."""
    number = 0
    while True:
        name = f"w{writer}-{number}"
        await create(storage, name)
        say(name)
        number += 1


async def fill_the_disk(storage: SQLiteStorage) -> None:
    """Write until refused, then look whether reads and later writes work."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 << 10, resource.RLIM_INFINITY))
    written = 0
    try:
        while True:
            await create(storage, f"m{written}")
            written += 1
    except StoreUnavailable as refusal:
        say(f"refused: {refusal}")
    found = await storage.objects.list(MAPS)
    say(f"read: {len(found.items) == written > 0}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await create(storage, "after")
    say(f"written: {written + 1}")


async def run(reactor: Any) -> None:
    """Open the store and do what was asked."""
    storage = open_store(sys.argv[1], reactor, reactor)
    if sys.argv[2] == "full-disk":
        await fill_the_disk(storage)
        await storage.stopService()
    else:
        for writer in range(WRITERS):
            ensureDeferred(write_for_ever(storage, writer))
        await Deferred()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))
