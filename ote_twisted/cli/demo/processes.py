"""Runs the controllers of a demo tree as processes of their own, on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import TimeoutError, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import deferLater

from ote_twisted.cli.client import VIRTUAL, ApiClient
from ote_twisted.cli.clusters import read_clusters
from ote_twisted.cli.demo.files import HOST, Home
from ote_twisted.cli.demo.hints import command_line, killing
from ote_twisted.cli.demo.places import Place, subtree
from ote_twisted.cli.demo.ports import free_ports
from ote_twisted.cli.demo.process import ControllerProcess
from ote_twisted.cli.errors import CommandError
from ote_twisted.cli.kubeconfig import Server
from ote_twisted.cli.views import ClusterView

STOP = 1.5
"""Seconds after which what has not stopped is ended."""

LOOK = 0.1
"""Seconds between two looks whether the tree is complete."""

Say = Callable[[str], None]


class ProcessTree:
    """The controllers of a tree, each a process.

    :ivar processes: by name.
    """

    def __init__(self, places: Sequence[Place], folder: Path, reactor: Any, restart: float | None, say: Say) -> None:
        """
        :param places: parents before their children.
        :param folder: for state, options and log of each.
        :param restart: seconds after which one that died is started again; ``None`` leaves that to whoever reads.
        :param say: takes a sentence for people.
        """
        self.processes: dict[str, ControllerProcess] = {}
        self._places = places
        self._folder = folder
        self._reactor = reactor
        self._restart = restart
        self._say = say
        self._again: dict[str, IDelayedCall] = {}
        self._complete = False
        self._stopping = False

    @property
    def urls(self) -> dict[str, str]:
        """Address of each controller's API."""
        return {name: process.home.url for name, process in self.processes.items()}

    @property
    def details(self) -> dict[str, Any]:
        """Each controller's process, log, and the command that starts it again."""
        found = {
            name: {"pid": process.pid, "command": command_line(process.home.arguments()), "log": str(process.home.log)}
            for name, process in self.processes.items()
        }
        return {"processes": found}

    @property
    def hints(self) -> list[str]:
        """How to kill one that has clusters below it, and start it again."""
        inner = [place for place in self._places if place.parent and place.inner]
        if not inner:
            return []
        process = self.processes[inner[0].name]
        return killing(process.name, process.pid, command_line(process.home.arguments()), self._restart)

    async def start(self, port: int) -> None:
        """Start every controller, parents first.

        :param port: of the root's API; 0 is any free one.
        :raise CommandError: the port is taken.
        """
        for home in self._homes(port):
            process = self.processes[home.place.name] = ControllerProcess(home, self._reactor, self._died)
            process.start()
            await deferLater(self._reactor, 0, lambda: None)

    async def complete(self) -> None:
        """Wait until every controller is ready and knows everything below it.

        :raise CommandError: one of them ended instead.
        """
        for place in self._places:
            client = ApiClient(Server(self.urls[place.name], place.name), self._reactor)
            try:
                while not await self._settled(place, client):
                    self._require_alive()
                    await deferLater(self._reactor, LOOK, lambda: None)
            finally:
                await client.close()
        self._complete = True

    async def stop(self) -> None:
        """Stop all of them at the same time; what takes too long is ended."""
        self._stopping = True
        for again in self._again.values():
            again.cancel()
        waiting = gatherResults([process.stop() for process in self.processes.values()])
        try:
            await waiting.addTimeout(STOP, self._reactor)
        except TimeoutError:
            for process in self.processes.values():
                process.kill()

    def _homes(self, port: int) -> Iterator[Home]:
        """Where each lives; the ports of all are found at once, so that none is given twice."""
        ports = free_ports(2 * len(self._places), port)
        api, tunnels = ports[: len(self._places)], ports[len(self._places) :]
        ways = {place.name: f"ws://{HOST}:{tunnel}" for place, tunnel in zip(self._places, tunnels, strict=True)}
        for place, own_api, tunnel in zip(self._places, api, tunnels, strict=True):
            yield Home(self._folder, place, ways.get(place.parent, ""), tunnel if place.inner else 0, own_api)

    async def _settled(self, place: Place, client: ApiClient) -> bool:
        try:
            statuses, _ = await client.every(f"{VIRTUAL}/controllerstatuses")
            clusters, _ = await read_clusters(client)
        except CommandError:
            return False
        below = subtree(self._places, place.name)
        ready = bool(statuses) and statuses[0]["status"].get("ready") is True
        return ready and all(_told(clusters.get(each.name), each) for each in self._places if each.name in below)

    def _require_alive(self) -> None:
        for process in self.processes.values():
            if process.pid is None:
                raise CommandError(f"{process.name} {process.how}: {process.last_words()}")

    def _died(self, process: ControllerProcess, pid: int) -> None:
        """Say it, and start it again if that is wanted."""
        if not self._complete or self._stopping:
            return
        if self._restart is None:
            again = command_line(process.home.arguments())
            self._say(f"{process.name} (process {pid}) {process.how}; start it again with: {again}")
            return
        self._say(f"{process.name} (process {pid}) {process.how}; it is started again in {self._restart:g} s.")
        self._again[process.name] = self._reactor.callLater(self._restart, self._start_again, process)

    def _start_again(self, process: ControllerProcess) -> None:
        del self._again[process.name]
        process.start()
        self._say(f"{process.name} runs again as process {process.pid}.")


def _told(view: ClusterView | None, place: Place) -> bool:
    if view is None or not view.online:
        return False
    return place.labels.items() <= view.labels.items() and view.tags == place.tags
