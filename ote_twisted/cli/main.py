"""Entry point of ``otectl``."""

from __future__ import annotations

from typing import Any

import click

from ote_twisted import __version__
from ote_twisted.cli.lazy import LazyGroup
from ote_twisted.cli.options import controller_options, remember

COMMANDS = {
    "demo": ("ote_twisted.cli.commands.demo", "Run a whole tree on loopback, in one process or in many."),
    "tree": ("ote_twisted.cli.commands.tree", "Show the tree at and below a controller."),
    "select": ("ote_twisted.cli.commands.select", "Tell which clusters a selector chooses, and why."),
    "run": ("ote_twisted.cli.commands.run", "Have the selected clusters perform one request."),
    "status": ("ote_twisted.cli.commands.status", "Show how one controller stands."),
    "events": ("ote_twisted.cli.commands.events", "Show what happened in a controller's part of the tree."),
    "simulate": ("ote_twisted.cli.commands.simulate", "Run a tree in virtual time, with faults from a seed."),
    "version": ("ote_twisted.cli.commands.version", "Show the versions of otectl and of the controller."),
    "completion": ("ote_twisted.cli.commands.completion", "Print a completion script for a shell."),
}
"""Every command: its module and its line of help."""

HELP = """Command line of ote-twisted: one control plane for a tree of edge clusters.

The controller that answers is chosen as with kubectl: --server, or a context of the kubeconfig
(--kubeconfig, $KUBECONFIG, ~/.kube/config). These options may stand before or after the command.

\b
Examples:
  otectl demo                                      start a tree to try things on
  otectl tree --context north                      what north is connected to
  otectl select '[gpu=true],!south-*'              who would perform a task
  otectl run 'under(north)' -- GET /api/v1/nodes   ask every cluster below north
"""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="otectl")
@controller_options
@click.pass_context
def main(call: click.Context, /, **choice: Any) -> None:
    """Remember which controller was chosen before the command's name."""
    remember(call, choice)
