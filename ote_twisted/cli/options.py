"""Options that several commands have."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ote_twisted.cli.kubeconfig import Server

Function = TypeVar("Function", bound=Callable[..., Any])

CHOICE = ("kubeconfig", "context", "server")
"""Names of the options by which a controller is chosen."""


def _contexts(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from ote_twisted.cli.kubeconfig import context_names

    names = context_names(context.params.get("kubeconfig"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def controller_options(function: Function) -> Function:
    """Add ``--kubeconfig``, ``--context`` and ``--server``."""
    for decorate in (
        click.option("--server", metavar="URL", help="Address of the controller's API; no kubeconfig is read."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig to use.", shell_complete=_contexts),
        click.option("--kubeconfig", metavar="FILE", type=click.Path(dir_okay=False), help="Kubeconfig to read."),
    ):
        function = decorate(function)
    return function


def output_option(*forms: str) -> Callable[[Function], Function]:
    """Add ``-o``: a table on a terminal, JSON in a pipe, unless it or ``OTECTL_OUTPUT`` says otherwise.

    :param forms: further forms beside ``json``, ``yaml`` and ``table``. The command gets ``None`` for a table.
    """
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["json", "yaml", "table", *forms]),
        envvar="OTECTL_OUTPUT",
        callback=_form,
        help="Form of the output; without, and without $OTECTL_OUTPUT, a table on a terminal and JSON in a pipe.",
    )


def _form(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """What a command is told: ``None`` is a table, or, for one that follows changes, a line for each."""
    if value is not None:
        return None if value == "table" else value
    return None if sys.stdout.isatty() or context.params.get("watch") else "json"


def duration(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Callback of options such as ``--timeout``: seconds.

    :raise click.BadParameter: the text is no duration above zero.
    """
    from ote_twisted.config.kinds import read_duration

    if value is None:
        return None
    try:
        seconds = read_duration(value)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise click.BadParameter(f'expected a duration such as "30s", "5m" or "1h", got {value!r}')
    return seconds


def remember(call: click.Context, choice: Mapping[str, Any]) -> None:
    """Keep a group's choice of a controller for its command."""
    call.obj = dict(choice)


def chosen_server(call: click.Context, choice: Mapping[str, Any]) -> Server:
    """The controller to talk to; what is said after the command's name wins.

    :raise CommandError: none can be found; the text says what to do.
    """
    from ote_twisted.cli.kubeconfig import find_server

    said = {name: choice.get(name) or (call.obj or {}).get(name) for name in CHOICE}
    return find_server(said["kubeconfig"], said["context"], said["server"])
