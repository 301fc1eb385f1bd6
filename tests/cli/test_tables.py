"""Tables, ages, and where they are written."""

from __future__ import annotations

import json
from io import StringIO

import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.ages import age, unix_seconds
from ote_twisted.cli.screen import Screen, as_text, rich_table
from ote_twisted.cli.tables import Cell, Table, cell_text, pairs, plain, shortened

TABLE = Table(("NAME", "NUMBER", "STATE"), (("a", "7", Cell("up", "green")), ("longer", "1234", "down")), frozenset({"NUMBER"}))


class PlainTests(SynchronousTestCase):
    """Plain text."""

    def test_columns_are_aligned(self) -> None:
        """Columns are padded, numbers stand right, and no line ends in blanks."""
        self.assertEqual(plain(TABLE), "NAME     NUMBER   STATE\na             7   up\nlonger     1234   down")

    def test_wide_characters(self) -> None:
        """A character that takes two columns is counted as two."""
        self.assertEqual(plain(Table(("A", "B"), (("北", "x"), ("ab", "y")))), "A    B\n北   x\nab   y")

    def test_pairs_have_no_heading(self) -> None:
        """Names and values are written without headings, empty values left out."""
        self.assertEqual(plain(pairs((("One", "1"), ("None", ""), ("Third", Cell("3", "red"))))), "One     1\nThird   3")

    def test_empty_table(self) -> None:
        """A table without rows is its heading."""
        self.assertEqual(plain(Table(("A", "B"), ())), "A   B")

    @given(st.lists(st.tuples(st.text("ab ", max_size=5), st.text("cd", max_size=5)), max_size=5))
    def test_a_line_for_each_row(self, rows: list[tuple[str, str]]) -> None:
        """Whatever is in the cells, each row is a line."""
        self.assertEqual(len(plain(Table(("A", "B"), tuple(rows))).split("\n")), len(rows) + 1)

    def test_shortened(self) -> None:
        """A long text becomes one line with an ellipsis."""
        self.assertEqual(shortened("a\n b  c", 5), "a b c")
        self.assertEqual(shortened("abcdef", 5), "abcd…")

    def test_cells(self) -> None:
        """A cell's text is what is in it, styled or not."""
        self.assertEqual([cell_text("a"), cell_text(Cell("b", "red"))], ["a", "b"])


class AgeTests(SynchronousTestCase):
    """Times for people."""

    def test_ages(self) -> None:
        """Ages are written as kubectl writes them."""
        ages = {0: "0s", 119: "119s", 120: "2m", 312: "5m12s", 3600: "60m", 3 * 3600: "3h", 11040: "3h4m", 86400: "1d"}
        ages |= {2 * 86400 + 3 * 3600: "2d3h", 9 * 86400: "9d", -5: "0s"}
        self.assertEqual({seconds: age(seconds) for seconds in ages}, ages)

    def test_unix_seconds(self) -> None:
        """Times of objects are read; anything else is no time."""
        self.assertEqual(unix_seconds("1970-01-01T00:01:00Z"), 60)
        self.assertEqual([unix_seconds(value) for value in (None, 7, "", "soon", "1970-01-01T00:01:00")], [None] * 5)


class Terminal(StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class ScreenTests(SynchronousTestCase):
    """Where it goes."""

    def test_pipe(self) -> None:
        """In a pipe a table is plain text without any escape sequence, and notes go to standard error."""
        out, err = StringIO(), StringIO()
        screen = Screen(out, err)
        screen.table(TABLE)
        screen.note("by the way")
        self.assertEqual(out.getvalue(), plain(TABLE) + "\n")
        self.assertEqual(err.getvalue(), "by the way\n")
        self.assertFalse(screen.terminal)

    def test_terminal(self) -> None:
        """On a terminal the same table has colours."""
        out = Terminal()
        console = Console(file=out, force_terminal=True, color_system="standard", width=80)
        console.print(rich_table(TABLE))
        self.assertIn("\x1b[32mup", out.getvalue())
        self.assertIn("longer", out.getvalue())
        self.assertTrue(Screen(out, out).terminal)

    def test_markup_is_text(self) -> None:
        """What a cluster says is never taken for markup."""
        out = StringIO()
        Console(file=out, width=80).print(rich_table(Table(("A",), (("[red]x[/red] [gpu=true]",),))))
        self.assertIn("[red]x[/red] [gpu=true]", out.getvalue())

    def test_data(self) -> None:
        """JSON and YAML say the same."""
        value = {"name": "北", "children": [1, None]}
        self.assertEqual(json.loads(as_text("json", value)), value)
        self.assertEqual(yaml.safe_load(as_text("yaml", value)), value)

    def test_show(self) -> None:
        """A form that was asked for wins over the table."""
        out = StringIO()
        Screen(out, out).show("json", lambda: {"a": 1}, lambda: TABLE)
        Screen(out, out).show(None, lambda: {"a": 1}, lambda: TABLE)
        self.assertEqual(out.getvalue(), '{\n  "a": 1\n}\n' + plain(TABLE) + "\n")

    def test_names(self) -> None:
        """Names are written with their kind before them, as kubectl does."""
        out = StringIO()
        Screen(out, out).names("cluster.ote.baidu.com", ["a", "b"])
        self.assertEqual(out.getvalue(), "cluster.ote.baidu.com/a\ncluster.ote.baidu.com/b\n")
