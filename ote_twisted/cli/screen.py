"""Where a command writes: tables, with colour on a terminal; JSON, YAML and names for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

from ote_twisted.cli.tables import Cell, Table, plain

if TYPE_CHECKING:
    from rich.console import Console


class Screen:
    """Standard output and standard error of a command.

    :ivar terminal: a person reads standard output.
    """

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self.terminal = self._out.isatty()

    def table(self, table: Table) -> None:
        """Write a table."""
        if self.terminal:
            self.console().print(rich_table(table))
        else:
            self.line(plain(table))

    def line(self, text: str = "") -> None:
        """Write a line to standard output, at once."""
        self._out.write(text + "\n")
        self._out.flush()

    def note(self, text: str) -> None:
        """Write a line to standard error: what is not the answer itself."""
        self._err.write(text + "\n")
        self._err.flush()

    def data(self, form: str, value: object) -> None:
        """Write a value as ``json`` or ``yaml``."""
        self.line(as_text(form, value))

    def names(self, kind: str, names: Iterable[str]) -> None:
        """Write names as kubectl's ``-o name`` does."""
        for name in names:
            self.line(f"{kind}/{name}")

    def show(self, form: str | None, value: Callable[[], object], table: Callable[[], Table]) -> None:
        """Write a value or its table, whichever was asked for."""
        if form in ("json", "yaml"):
            self.data(form, value())
        else:
            self.table(table())

    def console(self, err: bool = False) -> Console:
        """Rich's idea of the terminal."""
        from rich.console import Console

        return Console(file=self._err if err else self._out, highlight=False)

    @property
    def progress_visible(self) -> bool:
        """A person watches standard error."""
        return self._err.isatty()


def as_text(form: str, value: object) -> str:
    """A value as ``json`` or ``yaml``."""
    if form == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return text.rstrip("\n")


def rich_table(table: Table) -> Any:
    """The table for a terminal: no frames, headings in bold, cells in their style, long cells folded."""
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=any(table.columns))
    for name in table.columns:
        drawn.add_column(name, justify="right" if name in table.right else "left", header_style="bold", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(cell.text, cell.style) if isinstance(cell, Cell) else Text(cell) for cell in row))
    return drawn
