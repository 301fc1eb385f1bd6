"""``otectl events``."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ote_twisted.cli.drive import drive
from ote_twisted.cli.happenings import about, event_line, event_view, events_table, in_order
from ote_twisted.cli.options import chosen_server, controller_options, output_option
from ote_twisted.cli.screen import Screen

if TYPE_CHECKING:
    from ote_twisted.cli.client import ApiClient
    from ote_twisted.cli.kubeconfig import Server
    from ote_twisted.storage.model import JSON

HELP = """Show what happened in a controller's part of the tree, oldest first: children and parents that came and went,
clusters that moved or cannot be reached, refused joins. Each controller tells what it has seen itself.

With --watch events follow as they happen, one a line, also while the controller is restarted.

\b
Examples:
  otectl events                             all that the controller of the current context tells
  otectl events north south                 about these clusters only
  otectl events --warnings --watch          what goes wrong, live, until Ctrl-C
  otectl events --context north-1 -o wide   how a site found its parents, with counts
  otectl events -o json | jq -r '.items[].message'
"""


@click.command("events", help=HELP)
@click.argument("clusters", metavar="[CLUSTER]...", nargs=-1)
@click.option("-w", "--watch", is_flag=True, help="Follow new events until Ctrl-C.")
@click.option("--warnings", is_flag=True, help="Leave out what is as it should be.")
@output_option("wide", "name")
@controller_options
@click.pass_context
def command(
    call: click.Context, /, clusters: Sequence[str], watch: bool, warnings: bool, output: str | None, **choice: Any
) -> None:
    """List events, or follow them."""
    if watch and output not in (None, "json"):
        raise click.UsageError(f"--watch shows lines or -o json, not -o {output}")
    events = _Events(chosen_server(call, choice), Screen(), output, clusters, warnings)
    call.exit(drive(events.follow, interrupted=0) if watch else drive(events.show))


class _Events:
    def __init__(self, server: Server, screen: Screen, output: str | None, clusters: Sequence[str], warnings: bool) -> None:
        self._server = server
        self._screen = screen
        self._output = output
        self._clusters = clusters
        self._warnings = warnings

    async def show(self, reactor: Any) -> int:
        """List them."""
        client, path = self._client(reactor)
        items, _ = await client.every(path)
        await client.close()
        found = in_order(item for item in items if self._wanted(item))
        if self._output == "name":
            self._screen.names("event", (item["metadata"]["name"] for item in found))
            return 0
        value = {"apiVersion": "v1", "kind": "List", "items": found}
        views = [event_view(item) for item in found]
        self._screen.show(self._output, lambda: value, lambda: events_table(views, time.time(), self._output == "wide"))
        if not found and self._output is None:
            self._screen.note("No events; each is kept for an hour after it happened last.")
        return 0

    async def follow(self, reactor: Any) -> int:
        """Tell those that are there, then each as it comes."""
        from ote_twisted.cli.following import follow_collection

        client, path = self._client(reactor)
        await follow_collection(client, path, reactor, lambda items: self._tell(in_order(items)), self._screen.note)
        return 0

    def _client(self, reactor: Any) -> tuple[ApiClient, str]:
        from ote_twisted.cli.client import ApiClient
        from ote_twisted.cli.kubeconfig import NAMESPACE

        return ApiClient(self._server, reactor), f"/api/v1/namespaces/{NAMESPACE}/events"

    def _wanted(self, value: JSON) -> bool:
        return about(value, self._clusters, self._warnings)

    def _tell(self, values: Sequence[JSON]) -> None:
        for value in filter(self._wanted, values):
            if self._output == "json":
                self._screen.line(json.dumps(value, ensure_ascii=False))
            else:
                self._screen.line(event_line(event_view(value), time.time()))
