"""A tree that stays on the terminal and follows every change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from twisted.internet.task import LoopingCall

from ote_twisted.cli.clusters import ClusterFollower
from ote_twisted.cli.screen import Screen, rich_table
from ote_twisted.cli.views import Branch, ClusterView, branches, change_line, tree_table, tree_value

REFRESH = 0.5
"""Seconds between two looks at what is to be shown; changes between them are shown together."""


class LiveTree:
    """Draws the clusters of a follower again and again.

    :param now: unix seconds.
    """

    def __init__(self, console: Console, clock: Any, now: Callable[[], float], wide: bool) -> None:
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._now = now
        self._wide = wide
        self._clock = clock
        self._latest = ""

    def changed(self, kind: str, view: ClusterView) -> None:
        """Remember a change for the line below the tree."""
        self._latest = change_line(kind, view)

    @contextmanager
    def shown(self, follower: ClusterFollower) -> Iterator[None]:
        """Show it while the context lasts."""
        drawing = LoopingCall(self._draw, follower)
        drawing.clock = self._clock
        with self._live:
            drawing.start(REFRESH, now=False)
            try:
                yield
            finally:
                drawing.stop()
                self._draw(follower)

    def _draw(self, follower: ClusterFollower) -> None:
        below = Text(follower.trouble, "red") if follower.trouble else Text(self._latest, "dim")
        trees = branches(follower.clusters.values())
        self._live.update(Group(rich_table(tree_table(trees, self._now(), self._wide)), below), refresh=True)


def print_change(screen: Screen, output: str | None, kind: str, view: ClusterView, now: float) -> None:
    """Write a change as a line: text, or JSON."""
    if output == "json":
        value: dict[str, Any] = {"type": kind, "cluster": tree_value(Branch(view), now)}
        del value["cluster"]["children"]
        screen.line(json.dumps(value, ensure_ascii=False))
    else:
        screen.line(change_line(kind, view))
