"""One run: a tree of processes, a load of tasks, and kills, in one reactor."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from ote_twisted.cli.client import GROUP, ApiClient
from ote_twisted.cli.clusters import CLUSTERS
from ote_twisted.cli.errors import CommandError, Refused
from ote_twisted.cli.kubeconfig import NAMESPACE, Server
from tests.functional.chaos.census import Answers, Findings, findings, unfinished
from tests.functional.chaos.plan import LABEL, MAPS, Job, Place, jobs, rounds, sites, tree
from tests.functional.controller_processes import Controller

TASKS = f"{GROUP}/namespaces/{NAMESPACE}/clustercontrollers"
WRITERS = 8
AGAIN = 0.2
"""Seconds before a controller that does not answer is asked again."""

LOOK = 3.0
"""Seconds between two looks at what is unfinished."""

Say = Callable[[str], None]


@frozen
class Weather:
    """How rough it gets.

    :ivar targets: of all tasks together, at least.
    :ivar rate: targets written per second, at most.
    :ivar calm: targets written between two kills, on average.
    :ivar down: seconds that a killed one stays away, at most.
    :ivar most: that may be away at the same time.
    :ivar patience: seconds for everything to be complete, once nobody is killed any more.
    """

    seed: int
    targets: int
    rate: float = 250.0
    calm: float = 400.0
    down: float = 3.0
    most: int = 4
    patience: float = 300.0


class Storm:
    """A run.

    :ivar kills: how often each controller was killed.
    """

    def __init__(self, weather: Weather, folder: Path, reactor: Any, say: Say) -> None:
        self.kills: Counter[str] = Counter()
        self._weather = weather
        self._reactor = reactor
        self._tell = say
        self._jobs = list(jobs(weather.seed, weather.targets))
        self._written = 0
        self._over = False
        self._began = reactor.seconds()
        self._chance = Random(weather.seed + 1)
        self._controllers: dict[str, Controller] = {}
        for place in tree():
            self._controllers[place.name] = self._controller(folder, place)
        self._clients = {name: ApiClient(Server(url(made), name), reactor) for name, made in self._controllers.items()}

    async def run(self) -> Findings:
        """Do it all, and leave no process."""
        weather = self._weather
        self._say(
            f"seed {weather.seed}: {len(self._jobs)} tasks for {weather.targets} targets, {len(self._controllers)} processes"
        )
        try:
            await self._start()
            await self._rage()
            await self._settle()
            return await self._judge()
        finally:
            for controller in self._controllers.values():
                controller.end()
            await gatherResults([Deferred.fromCoroutine(client.close()) for client in self._clients.values()])

    # ---- the tree

    def _controller(self, folder: Path, place: Place) -> Controller:
        parent = [f"--parent={self._controllers[place.parent].address}"] if place.parent else []
        shim = [] if place.tier == "site" else ["--shim=none"]
        return Controller(folder, place.name, *parent, *shim, f"--label=tier={place.tier}", ping="2s")

    async def _start(self) -> None:
        for controller in self._controllers.values():
            controller.start()
        await self._until(self._whole)
        self._say("the tree is complete")

    async def _whole(self) -> bool:
        """Whether everybody is online, for the root and for each region."""
        for name, client in self._clients.items():
            if name in sites():
                continue
            items, _ = await client.every(CLUSTERS)
            online = {item["metadata"]["name"] for item in items if (item.get("status") or {}).get("status") == "online"}
            wanted = self._controllers.keys() if name == "root" else {name, *sites(name)}
            if not wanted <= online:
                return False
        return True

    # ---- load and kills

    async def _rage(self) -> None:
        """Write all tasks, and kill meanwhile, everybody at least once."""
        waiting = iter(self._jobs)
        writing = gatherResults([Deferred.fromCoroutine(self._write(waiting)) for _ in range(WRITERS)], consumeErrors=True)
        writing.addErrback(self._give_up)
        await Deferred.fromCoroutine(self._kill())
        await writing

    def _give_up(self, failure: Failure) -> Failure:
        """A write was refused for good."""
        self._over = True
        return failure

    async def _write(self, waiting: Iterator[Job]) -> None:
        """One of several writers. A write that was not answered is repeated; that the task is there then says that it counted."""
        for job in waiting:
            await self._insist(job)
            self._written += len(job.targets)
            early = self._written / self._weather.rate - (self._reactor.seconds() - self._began)
            if early > 0:
                await self._pause(early)

    async def _insist(self, job: Job) -> None:
        while True:
            try:
                await self._clients[job.owner].create(TASKS, job.value())
                return
            except Refused as refused:
                if refused.code == 409:
                    return
                if refused.code not in (429, 500, 503):
                    raise
            except CommandError:
                pass
            await self._pause(AGAIN)

    async def _kill(self) -> None:
        """Kill one after every so many targets, whoever's turn it is, as soon as it is up."""
        self._began = told = self._reactor.seconds()
        returns = []
        due = 0.0
        for name in rounds(self._weather.seed):
            due += self._chance.uniform(0, 2 * self._weather.calm)
            await self._until(partial(self._may_kill, due))
            if self._over or (self._written >= self._weather.targets and len(self.kills) == len(self._controllers)):
                break
            await self._until(partial(self._up, name))
            returns.append(Deferred.fromCoroutine(self._strike(name)))
            if self._reactor.seconds() > told + 5:
                told = self._reactor.seconds()
                self._say(f"{self._written} of {self._weather.targets} targets written, {self.kills.total()} kills")
        await gatherResults(returns)

    async def _may_kill(self, due: float) -> bool:
        away = [controller for controller in self._controllers.values() if controller.process is None]
        return self._over or (len(away) < self._weather.most and self._written >= min(due, self._weather.targets))

    async def _up(self, name: str) -> bool:
        """Whether one runs and has answered since it was started."""
        if self._controllers[name].process is None:
            return False
        await self._clients[name].get("/version")
        return True

    async def _strike(self, name: str) -> None:
        """Kill -9 one, and start it again a while later."""
        controller = self._controllers[name]
        controller.end(signal.SIGKILL)
        controller.process = None
        self.kills[name] += 1
        await self._pause(self._chance.uniform(0.0, self._weather.down))
        controller.start()

    # ---- afterwards

    async def _settle(self) -> None:
        """Wait until everything is answered, or for as long as there is patience."""
        self._say(f"{self.kills.total()} kills; from here on nobody is killed")
        await self._until(self._whole)
        deadline = self._reactor.seconds() + self._weather.patience
        while (left := unfinished(self._jobs, await self._answers())) and self._reactor.seconds() < deadline:
            self._say(f"{left} targets are not finished")
            await self._pause(LOOK)

    async def _judge(self) -> Findings:
        answers = await self._answers()
        effects = {site: await self._effects(site) for site in sorted(sites())}
        found = findings(self._jobs, answers, effects)
        seconds = self._reactor.seconds() - self._began
        self._say(f"{found.told()}; {self.kills.total()} kills in {seconds:.0f} s; seed {self._weather.seed}")
        return found

    async def _answers(self) -> dict[str, Answers]:
        """What every owner knows of its tasks."""
        found: dict[str, Answers] = {}
        for owner in {job.owner for job in self._jobs}:
            items = await self._items(owner, TASKS)
            found.update({item["metadata"]["name"]: (item.get("status") or {}).get("clusters") or {} for item in items})
        return found

    async def _effects(self, site: str) -> Counter[str]:
        labels = [item["metadata"].get("labels") or {} for item in await self._items(site, MAPS)]
        return Counter(each[LABEL] for each in labels if LABEL in each)

    async def _items(self, name: str, path: str) -> list[Any]:
        while True:
            try:
                items, _ = await self._clients[name].every(path)
            except CommandError:
                await self._pause(AGAIN)
            else:
                return items

    # ---- waiting

    async def _until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = self._reactor.seconds() + self._weather.patience
        while True:
            try:
                if await condition():
                    return
            except CommandError:
                pass
            if self._reactor.seconds() > deadline:
                what = " ".join((getattr(condition, "__doc__", "") or "one more kill").split())
                raise AssertionError(f"not within {self._weather.patience:g} s: {what} Seed {self._weather.seed}.")
            await self._pause(AGAIN)

    def _pause(self, seconds: float) -> Deferred[None]:
        return deferLater(self._reactor, seconds, lambda: None)

    def _say(self, text: str) -> None:
        self._tell(f"chaos {self._reactor.seconds() - self._began:6.1f} s: {text}")


def url(controller: Controller) -> str:
    """Address of a controller's API."""
    return f"http://127.0.0.1:{controller.api}"
