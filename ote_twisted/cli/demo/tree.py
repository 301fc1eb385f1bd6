"""Runs the controllers of a demo tree in one reactor, on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ote_twisted.cli.demo.places import ROOT, Place, subtree
from ote_twisted.cli.errors import CommandError
from ote_twisted.config.model import ControllerConfig
from ote_twisted.controller.objects import Known
from ote_twisted.errors import OTEError
from ote_twisted.tap.node import ControllerNode

HOST = "127.0.0.1"
STOP = 1.5
"""Seconds that each controller has to stop."""

LOOK = 0.02
"""Seconds between two looks whether the tree is complete."""


class DemoTree:
    """The controllers of a tree.

    :ivar nodes: those that run, by name.
    """

    def __init__(self, places: Sequence[Place], folder: Path, reactor: Any) -> None:
        """
        :param places: parents before their children.
        :param folder: each controller keeps its state in a folder of its own in it.
        """
        self.nodes: dict[str, ControllerNode] = {}
        self._places = places
        self._folder = folder
        self._reactor = reactor
        self._below = {place.name: _subtree(places, place.name) for place in places}

    @property
    def urls(self) -> dict[str, str]:
        """Address of each controller's API."""
        return {name: f"http://{HOST}:{node.api_port}" for name, node in self.nodes.items()}

    @property
    def details(self) -> dict[str, Any]:
        """What there is to say for programs beside the addresses."""
        return {}

    @property
    def hints(self) -> list[str]:
        """What there is to try beside what every demo can do."""
        return []

    async def start(self, port: int) -> None:
        """Start every controller, parents first.

        :param port: of the root's API; 0 is any free one.
        :raise CommandError: a port is taken or a state cannot be used.
        """
        for place in self._places:
            self._start(place, port if place.name == ROOT else 0)
            await _turn(self._reactor)

    def _start(self, place: Place, port: int) -> None:
        try:
            node = self.nodes[place.name] = ControllerNode(self._config(place, port), self._reactor)
            node.startService()
        except OTEError as fault:
            raise CommandError(str(fault)) from None
        except SystemExit as fault:
            taken = port and "in use" in str(fault)
            hint = f"port {port} is taken; choose another with --port, or --port 0 for any free one"
            raise CommandError(hint if taken else str(fault)) from None

    async def complete(self) -> None:
        """Wait until every controller is ready and knows everything below it."""
        await self.until(lambda: all(self._settled(name, node) for name, node in self.nodes.items()))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look now and then whether something is so."""
        while not condition():
            await deferLater(self._reactor, LOOK, lambda: None)

    async def stop(self) -> None:
        """Stop all of them at the same time."""
        await gatherResults([maybeDeferred(node.stopService) for node in self.nodes.values()])

    def _settled(self, name: str, node: ControllerNode) -> bool:
        """A cluster is known first by its link; what it says of itself comes a moment later."""
        controller = node.controller
        if controller.records.pending or node.ready.failing():
            return False
        return all(_told(controller.directory.known(place.name), place) for place in self._below[name])

    def _config(self, place: Place, port: int) -> ControllerConfig:
        parents = (f"ws://{HOST}:{self.nodes[place.parent].tunnel_port}",) if place.parent else ()
        return ControllerConfig(
            name=place.name,
            parents=parents,
            tunnels=(f"tcp:{_free_port()}:interface={HOST}",) if place.inner else (),
            api=f"tcp:{port}:interface={HOST}",
            state=self._folder / place.name,
            shim="embedded",
            labels=dict(place.labels),
            tags=place.tags,
            stop_timeout=STOP,
        )


def _subtree(places: Sequence[Place], top: str) -> list[Place]:
    names = subtree(places, top)
    return [place for place in places if place.name in names]


def _told(known: Known | None, place: Place) -> bool:
    if known is None or not known.online:
        return False
    return place.labels.items() <= known.labels.items() and known.entry.tags == place.tags


def _free_port() -> int:
    """A port that nobody listens on now: children are told it before it is listened on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _turn(clock: IReactorTime) -> Deferred[None]:
    """Let the reactor do what waits, a signal's work included."""
    return deferLater(clock, 0, lambda: None)
