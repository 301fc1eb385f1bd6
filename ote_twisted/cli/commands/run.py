"""``otectl run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ote_twisted.cli.drive import drive
from ote_twisted.cli.errors import FAILED, WrongUsage
from ote_twisted.cli.options import chosen_server, controller_options, duration, output_option
from ote_twisted.cli.request import Outcome, Request, body_text, outcome_summary, outcome_table, outcome_value
from ote_twisted.cli.review import require_chosen
from ote_twisted.cli.screen import Screen

if TYPE_CHECKING:
    from ote_twisted.cli.kubeconfig import Server

GRACE = 5.0
"""Seconds after the deadline in which the last word of the controller is waited for."""

HELP = """Have every cluster that SELECTOR chooses perform one request, and show the answers as they arrive.

The request is a ClusterController object, which is deleted when it is over unless --keep is given; deleting it
cancels what has not been performed. The exit code is 1 if any cluster failed or did not answer in time, or if
nobody was selected. The selector language: otectl select --help.

\b
Examples:
  otectl run '*' -- GET /api/v1/namespaces
  otectl run '[gpu=true]' -f deployment.yaml -- POST /apis/apps/v1/namespaces/default/deployments
  otectl run north-1 -d '{"metadata":{"labels":{"audited":"yes"}}}' -- PATCH /api/v1/namespaces/default
  otectl run 'under(south)' --deadline 10m --keep -- DELETE /api/v1/namespaces/default/configmaps/old
  otectl run 'cam*' -o json -- GET /api/v1/nodes | jq '.clusters[].code'
"""


@click.command("run", help=HELP)
@click.argument("selector")
@click.argument("method")
@click.argument("path")
@click.option(
    "-f", "--file", type=click.File("r", encoding="utf-8"), help="Body of the request, JSON or YAML; - reads standard input."
)
@click.option("-d", "--data", metavar="TEXT", help="Body of the request.")
@click.option("--destination", default="api", show_default=True, help="Which part of the clusters performs it.")
@click.option(
    "--deadline",
    default="60s",
    show_default=True,
    callback=duration,
    help="Clusters that have not answered by then are given up.",
)
@click.option("--timeout", callback=duration, help="Wait no longer than this; the deadline without.")
@click.option("--keep", is_flag=True, help="Leave the object with its results when it is over.")
@click.option("-n", "--namespace", help="Namespace of the object; the context's without.")
@output_option("wide")
@controller_options
@click.pass_context
def command(
    call: click.Context,
    /,
    selector: str,
    method: str,
    path: str,
    file: Any,
    data: str | None,
    destination: str,
    deadline: float,
    timeout: float | None,
    keep: bool,
    namespace: str | None,
    output: str | None,
    **choice: Any,
) -> None:
    """Create the task, wait, show."""
    request = Request(selector, method, path, _body(file, data), destination, deadline)
    server, screen = chosen_server(call, choice), Screen()
    run = _Run(server, screen, request, namespace or server.namespace, timeout or deadline + GRACE, keep)
    call.exit(drive(lambda reactor: run.perform(output, reactor)))


class _Run:
    """One call of the command."""

    def __init__(self, server: Server, screen: Screen, request: Request, namespace: str, timeout: float, keep: bool) -> None:
        self._server = server
        self._screen = screen
        self._request = request
        self._namespace = namespace
        self._timeout = timeout
        self._keep = keep

    async def perform(self, output: str | None, reactor: Any) -> int:
        """Give the exit code."""
        outcome = await self._outcome(reactor)
        self._screen.show(output, lambda: outcome_value(outcome), lambda: outcome_table(outcome, output == "wide"))
        if output in (None, "wide"):
            self._screen.note(outcome_summary(outcome))
            if self._keep:
                self._screen.note(f"kept: clustercontroller.ote.baidu.com/{outcome.name} in namespace {outcome.namespace}")
        return 0 if outcome.success else FAILED

    async def _outcome(self, reactor: Any) -> Outcome:
        from ote_twisted.cli.client import ApiClient
        from ote_twisted.cli.progress import progress
        from ote_twisted.cli.running import perform

        client = ApiClient(self._server, reactor)
        require_chosen(self._request.selector, await client.review(self._request.selector))
        with progress(self._screen) as changed:
            outcome = await perform(client, reactor, self._request, self._namespace, self._timeout, self._keep, changed)
        await client.close()
        return outcome


def _body(file: Any, data: str | None) -> str:
    if file is None:
        return data or ""
    if data is not None:
        raise click.UsageError("-f and -d exclude each other")
    try:
        return body_text(file.read())
    except ValueError as fault:
        name = "standard input" if file is sys.stdin else str(Path(file.name))
        raise WrongUsage(f"{name} is no body for a request: {fault}") from None
