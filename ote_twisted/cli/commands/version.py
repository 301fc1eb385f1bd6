"""``otectl version``."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import click

from ote_twisted import __version__
from ote_twisted.cli.drive import drive
from ote_twisted.cli.errors import CommandError
from ote_twisted.cli.options import chosen_server, controller_options, output_option
from ote_twisted.cli.screen import Screen
from ote_twisted.cli.tables import pairs

if TYPE_CHECKING:
    from ote_twisted.cli.kubeconfig import Server

HELP = """Show the version of otectl, and of the controller if one is chosen and answers.

\b
Examples:
  otectl version
  otectl version --client
  otectl version -o json | jq -r .serverVersion.gitVersion
"""


@click.command("version", help=HELP)
@click.option("--client", "client_only", is_flag=True, help="Ask no controller.")
@output_option()
@controller_options
@click.pass_context
def command(call: click.Context, /, client_only: bool, output: str | None, **choice: Any) -> None:
    """Show both versions."""
    screen, value = Screen(), {"clientVersion": client_version()}
    try:
        if not client_only:
            server = chosen_server(call, choice)
            drive(lambda reactor: _ask(server, value, reactor))
    except CommandError as fault:
        screen.note(f"no version of a controller: {fault.message}")
    rows = (("Client", _told(value["clientVersion"])), ("Server", _told(value.get("serverVersion", {}))))
    screen.show(output, lambda: value, lambda: pairs(rows))


def client_version() -> dict[str, str]:
    """What this program is, with the field names that a server's version has."""
    return {"gitVersion": f"v{__version__}", "platform": f"{platform.system().lower()}/{platform.machine()}"} | {
        "pythonVersion": platform.python_version()
    }


async def _ask(server: Server, value: dict[str, dict[str, str]], reactor: Any) -> int:
    from ote_twisted.cli.client import ApiClient

    client = ApiClient(server, reactor)
    value["serverVersion"] = await client.get("/version")
    await client.close()
    return 0


def _told(version: dict[str, str]) -> str:
    return version.get("gitVersion", "")
