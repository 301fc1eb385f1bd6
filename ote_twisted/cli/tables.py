"""Tables as values, and as plain text. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from attrs import frozen

GAP = "   "
"""Between two columns of plain text."""


@frozen
class Cell:
    """Text with a style for terminals, such as ``green``."""

    text: str
    style: str = ""


Row = Sequence[str | Cell]


@frozen
class Table:
    """Columns, and rows with as many cells.

    :ivar right: columns of numbers.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    right: frozenset[str] = frozenset()


def plain(table: Table) -> str:
    """The table as kubectl would write it: columns padded, nothing at the end of a line."""
    rows = [table.columns, *([cell_text(cell) for cell in row] for row in table.rows)]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    right = [name in table.right for name in table.columns]
    shown = rows if any(table.columns) else rows[1:]
    return "\n".join(_line(row, widths, right) for row in shown)


def cell_text(cell: str | Cell) -> str:
    """The text of a cell, without its style."""
    return cell if isinstance(cell, str) else cell.text


def pairs(rows: Iterable[tuple[str, str | Cell]]) -> Table:
    """A table of names and values, without headings; empty values are left out."""
    return Table(("", ""), tuple((name, value) for name, value in rows if cell_text(value)))


def counted(number: int, noun: str) -> str:
    """``1 cluster``, ``2 clusters``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shortened(text: str, limit: int) -> str:
    """One line of at most ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = (
        " " * (width - _width(text)) + text if aligned else text + " " * (width - _width(text))
        for text, width, aligned in zip(row, widths, right, strict=True)
    )
    return GAP.join(cells).rstrip()


def _width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else 0 if unicodedata.combining(character) else 1
        for character in text
    )
