"""The process that B6 measures: concurrent writers on the embedded store under the reactor, in turn with the floor.

Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from benchmarks.floor_store import config_map, writes_per_second
from ote_twisted.storage.model import Key
from ote_twisted.storage.sqlite.opening import SQLiteStorage, open_store
from ote_twisted.tasks.model import LedgerEntry, TargetState

UID = "5f0d7b1e-3a53-4a0b-9c35-8f2d1f0f4f11.1"


class Writers:
    """So many writers, each with one create under way, for so long."""

    def __init__(self, storage: SQLiteStorage, writers: int, seconds: float) -> None:
        self._storage = storage
        self._left = writers
        self._start = perf_counter()
        self._end = self._start + seconds
        self._made = 0
        self.done: Deferred[tuple[float, float]] = Deferred()
        for _ in range(writers):
            self._next(None)

    def _next(self, _: object) -> None:
        if perf_counter() < self._end:
            self._made += 1
            name = f"m{self._made}"
            self._storage.objects.create(Key("configmaps", "default", name), config_map(name)).addCallback(self._next)
            return
        self._left -= 1
        if not self._left:
            backlog = self._storage.writer.backlog
            self.done.callback((self._made / (perf_counter() - self._start), backlog.writes / backlog.groups))


async def measure(reactor: Any, seconds: float, rounds: int) -> dict[str, list[float]]:
    """Rates of the product, its mean group, and the floor's rate at that group, of the round with the median ratio.

    A disk's speed changes from second to second: product and floor are compared within a round only.
    """
    samples = [[await _round(reactor, writers, seconds) for writers in (1, 64)] for _ in range(rounds)]
    found: dict[str, list[float]] = {"times": [median([many[0] / one[0] for one, many in samples])]}
    for column, writers in enumerate(("1", "64")):
        by_ratio = sorted((sample[column] for sample in samples), key=lambda sample: sample[0] / sample[2])
        found[writers] = list(by_ratio[rounds // 2])
    for group in (64, 1_000):
        found[f"{group} in a call"] = [median([await _answers(reactor, group) for _ in range(rounds)])]
    return found


async def _round(reactor: Any, writers: int, seconds: float) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        storage = open_store(Path(folder, "store.sqlite"), reactor, reactor)
        rate, group = await Writers(storage, writers, seconds).done
        await storage.stopService()
        return rate, group, writes_per_second(Path(folder, "floor.sqlite"), round(group), seconds)


async def _answers(reactor: Any, group: int) -> float:
    """CPU microseconds per answer recorded, so many in a call."""
    names = [f"cluster-{number:05}" for number in range(10_000)]
    entries = [LedgerEntry(UID, name, TargetState.DONE, 200, b"{}" * 64, received=1.7e9) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        storage = open_store(Path(folder, "store.sqlite"), reactor, reactor)
        await storage.ledger.add(UID, names, TargetState.SENT)
        start = process_time()
        for first in range(0, len(entries), group):
            await storage.ledger.record(entries[first : first + group])
        spent = process_time() - start
        await storage.stopService()
    return spent * 1e6 / len(entries)


def main(reactor: Any) -> Deferred[None]:
    """Measure with the seconds and rounds of the command line."""

    async def measured() -> None:
        print(json.dumps(await measure(reactor, float(sys.argv[1]), int(sys.argv[2]))))

    return Deferred.fromCoroutine(measured())


if __name__ == "__main__":
    run: Callable[..., None] = react
    run(main)
