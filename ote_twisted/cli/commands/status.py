"""``otectl status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ote_twisted.cli.drive import drive
from ote_twisted.cli.errors import CommandError
from ote_twisted.cli.options import chosen_server, controller_options, output_option
from ote_twisted.cli.screen import Screen
from ote_twisted.cli.standing import links_table, queues_table, summary_table

if TYPE_CHECKING:
    from ote_twisted.cli.kubeconfig import Server
    from ote_twisted.storage.model import JSON

HELP = """Show how the chosen controller stands: its parent and path to the root, links, queues, shim, and whether it is ready.

\b
Examples:
  otectl status
  otectl status --context north-1
  otectl status -o json | jq .status.queues
"""


@click.command("status", help=HELP)
@output_option()
@controller_options
@click.pass_context
def command(call: click.Context, /, output: str | None, **choice: Any) -> None:
    """Read the controller's one status object."""
    server, screen = chosen_server(call, choice), Screen()

    async def ask(reactor: Any) -> int:
        value = await _read(server, reactor)
        if output:
            screen.data(output, value)
        else:
            _write(screen, value["status"])
        return 0

    call.exit(drive(ask))


async def _read(server: Server, reactor: Any) -> JSON:
    from ote_twisted.cli.client import VIRTUAL, ApiClient

    client = ApiClient(server, reactor)
    items, _ = await client.every(f"{VIRTUAL}/controllerstatuses")
    await client.close()
    if not items:
        raise CommandError(f"{server.url} has no status of a controller; is it the address of a controller's API?")
    return items[0]


def _write(screen: Screen, status: JSON) -> None:
    screen.table(summary_table(status))
    screen.line()
    if status["links"]:
        screen.table(links_table(status))
    else:
        screen.line("No links.")
    screen.line()
    screen.table(queues_table(status))
