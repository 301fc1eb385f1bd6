"""``otectl completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

HELP = """Print a script that completes otectl's commands, options and contexts in a shell.

\b
Examples:
  source <(otectl completion bash)                       now, in bash
  otectl completion bash >> ~/.bashrc                    always, in bash
  otectl completion zsh > "${fpath[1]}/_otectl"          always, in zsh
  otectl completion fish > ~/.config/fish/completions/otectl.fish
"""


@click.command("completion", help=HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(call: click.Context, /, shell: str) -> None:
    """Print the script."""
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(call.find_root().command, {}, "otectl", "_OTECTL_COMPLETE").source())
