"""``otectl tree``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ote_twisted.cli.drive import drive
from ote_twisted.cli.options import chosen_server, controller_options, output_option
from ote_twisted.cli.screen import Screen
from ote_twisted.cli.views import ClusterView, branches, flat, tree_table, tree_value

if TYPE_CHECKING:
    from ote_twisted.cli.kubeconfig import Server

HELP = """Show the tree at and below a controller: state, depth, labels, tags and age of the link of each cluster.

Depth is counted from the controller that is asked; a link's age is the time since the cluster came online. A cluster that
cannot be reached is shown with the hop that is broken and for how long: "unreachable via north, 12s".
With --watch the picture stays and follows every change; in a pipe each change is a line instead.

\b
Examples:
  otectl tree                      the whole tree, asked at the current context
  otectl tree --context north      what is below north
  otectl tree --watch              live, until Ctrl-C
  otectl tree -o wide              with kinds, nodes, addresses, versions, ages and reasons
  otectl tree -o json | jq '.children[].name'
"""


@click.command("tree", help=HELP)
@click.option("-w", "--watch", is_flag=True, help="Follow changes until Ctrl-C.")
@output_option("wide", "name")
@controller_options
@click.pass_context
def command(call: click.Context, /, watch: bool, output: str | None, **choice: Any) -> None:
    """Draw the tree."""
    if watch and output not in (None, "wide", "json"):
        raise click.UsageError(f"--watch shows a table or -o json, not -o {output}")
    server, screen = chosen_server(call, choice), Screen()

    async def show(reactor: Any) -> int:
        return await _show(server, screen, output, reactor)

    async def follow(reactor: Any) -> int:
        return await _follow(server, screen, output, reactor)

    call.exit(drive(follow, interrupted=0) if watch else drive(show))


async def _show(server: Server, screen: Screen, output: str | None, reactor: Any) -> int:
    from ote_twisted.cli.client import ApiClient
    from ote_twisted.cli.clusters import read_clusters

    client = ApiClient(server, reactor)
    clusters, _ = await read_clusters(client)
    await client.close()
    draw(screen, output, clusters, time.time())
    return 0


async def _follow(server: Server, screen: Screen, output: str | None, reactor: Any) -> int:
    from ote_twisted.cli.client import ApiClient
    from ote_twisted.cli.clusters import ClusterFollower
    from ote_twisted.cli.live import LiveTree, print_change

    client = ApiClient(server, reactor)
    if screen.terminal and output != "json":
        picture = LiveTree(screen.console(), reactor, time.time, output == "wide")
        follower = ClusterFollower(client, reactor, picture.changed)
        with picture.shown(follower):
            await follower.follow()
    await ClusterFollower(client, reactor, lambda kind, view: print_change(screen, output, kind, view, time.time())).follow()
    return 0


def draw(screen: Screen, output: str | None, clusters: Mapping[str, ClusterView], now: float) -> None:
    """Write the tree in the form that was asked for."""
    trees = branches(clusters.values())
    if output == "name":
        screen.names("cluster.ote.baidu.com", (view.name for view in flat(trees)))
        return
    values = [tree_value(branch, now) for branch in trees]
    screen.show(output, lambda: values[0] if len(values) == 1 else values, lambda: tree_table(trees, now, output == "wide"))
