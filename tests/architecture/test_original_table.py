"""docs/original.md is complete, and what it names exists."""

from __future__ import annotations

import re

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from tests.architecture.source import TOP

NUMBERS = [*(f"F{number}" for number in range(1, 65)), "F119", "F153", *(f"T{number}" for number in range(1, 38))]
"""The flaws and tests that concern what this page is about."""

ROW = re.compile(r"^\| ([FT]\d+) \| (.*) \| (.*) \| ?(.*) ?\|$", re.MULTILINE)


class OriginalTableTests(SynchronousTestCase):
    """The table of the original's flaws and tests."""

    def setUp(self) -> None:
        """Read it."""
        self.rows = ROW.findall((TOP / "docs" / "original.md").read_text(encoding="utf-8"))

    def test_every_number_has_one_row(self) -> None:
        """Each flaw and each test of the original has exactly one row."""
        self.assertEqual(sorted(row[0] for row in self.rows), sorted(NUMBERS))

    def test_every_row_is_shown_or_argued(self) -> None:
        """A row without a test argues why, and a row with one says what is done."""
        silent = [number for number, _, here, tests in self.rows if not here.strip() or not (tests.strip() or "Argued" in here)]
        self.assertEqual(silent, [])

    def test_every_test_exists(self) -> None:
        """Every test that a row names exists: a class of tests or a test of one."""
        for number, _, _, tests in self.rows:
            names = re.findall(r"`([\w.]+)`", tests)
            self.assertEqual(re.sub(r"`[\w.]+`|,|\s", "", tests), "", number)
            for name in names:
                found = namedAny(f"tests.{name}")
                is_case = isinstance(found, type) and issubclass(found, SynchronousTestCase)
                self.assertTrue(is_case or name.rpartition(".")[2].startswith("test_"), f"{number}: {name}")
