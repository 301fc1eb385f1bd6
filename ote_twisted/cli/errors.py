"""Errors that end a command: one sentence that says what to do, and an exit code."""

from __future__ import annotations

from typing import IO, Any

import click

FAILED = 1
"""Exit code: a task failed, a check failed, the controller refused or was not there."""

USAGE = 2
"""Exit code: the command was called wrongly."""

INTERRUPTED = 130
"""Exit code: ended by Ctrl-C, as shells have it."""


class CommandError(click.ClickException):
    """A command cannot do what it was asked to; the process exits with 1."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it to standard error."""
        click.echo(f"otectl: {self.format_message()}", file=file, err=file is None)


class WrongUsage(CommandError):
    """A command was called wrongly; the process exits with 2."""

    exit_code = USAGE


class Refused(CommandError):
    """The controller answered, with an error.

    :ivar code: HTTP status code.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
