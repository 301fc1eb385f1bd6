"""``otectl select``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from ote_twisted.cli.drive import drive
from ote_twisted.cli.options import chosen_server, controller_options, output_option
from ote_twisted.cli.review import require_valid, review_table, summary
from ote_twisted.cli.screen import Screen

if TYPE_CHECKING:
    from ote_twisted.cli.kubeconfig import Server
    from ote_twisted.storage.model import JSON

HELP = """Tell which clusters a selector chooses now at a controller: by which next hop, and why. Nothing is sent.

\b
A selector is a comma-separated union of terms; *, or nothing, is every cluster:
  north-1               exactly that cluster
  north-*  cam*         a pattern over names and tags; only a pattern finds a tag
  [tier=site,!gpu]      a Kubernetes label selector
  under(north)  at(2)   a subtree, north left out; a depth
  /^north-[12]$/        a regular expression over names
  !south-2              takes away what the term chooses

\b
Examples:
  otectl select '*'
  otectl select '[region=north],!north-2'
  otectl select 'cam*' --context south
  otectl select 'under(north)' -o json | jq .status.nextHops
"""


@click.command("select", help=HELP)
@click.argument("selector")
@output_option("name")
@controller_options
@click.pass_context
def command(call: click.Context, /, selector: str, output: str | None, **choice: Any) -> None:
    """Ask for a review of the selector."""
    server, screen = chosen_server(call, choice), Screen()

    async def ask(reactor: Any) -> int:
        review = await _review(server, selector, reactor)
        if output in ("json", "yaml"):
            screen.data(output, review)
        require_valid(selector, review)
        _write(screen, output, review)
        return 0

    call.exit(drive(ask))


async def _review(server: Server, selector: str, reactor: Any) -> JSON:
    from ote_twisted.cli.client import ApiClient

    client = ApiClient(server, reactor)
    review = await client.review(selector)
    await client.close()
    return review


def _write(screen: Screen, output: str | None, review: JSON) -> None:
    if output == "name":
        screen.names("cluster.ote.baidu.com", (row["name"] for row in review["status"]["clusters"] if row["performs"]))
    elif output is None:
        if review["status"]["clusters"]:
            screen.table(review_table(review, time.time()))
        screen.note(summary(review))
