"""The page about selectors tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import InvalidSelector
from ote_twisted.topology.selection.index import ClusterIndex
from ote_twisted.topology.selection.parser import MAX_REGEXES, MAX_TERMS, MAX_TEXT, parse
from ote_twisted.topology.selection.patterns import MAX_PATTERN
from ote_twisted.topology.selection.regexes import MAX_REGEX

PAGE = Path(__file__).parents[3] / "docs" / "selectors.md"


def demo() -> ClusterIndex:
    """The demo's tree."""
    index = ClusterIndex()
    index.add("root", {})
    for region in ("north", "south"):
        index.add(region, {"region": region, "tier": "region"}, (), "root")
        for number in (1, 2, 3):
            labels = {"region": region, "tier": "site"} | ({"gpu": "true"} if number == 1 else {})
            index.add(f"{region}-{number}", labels, ("camera",) if number > 1 else (), region)
    return index


def rows(heading: str) -> list[tuple[str, str]]:
    """First and second column of the first table below a heading."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(.+?)` \| (.+) \|$", section, re.MULTILINE)


class SelectorPageTests(SynchronousTestCase):
    """Each example of ``docs/selectors.md`` does what stands beside it."""

    def test_examples(self) -> None:
        """Every example chooses the clusters that the page says."""
        index = demo()
        examples = rows("Examples")
        self.assertGreater(len(examples), 25)
        for text, said in examples:
            names = index.sorted_names(index.resolve(parse(text)))
            self.assertEqual(" ".join(names) or "nobody", said, text)

    def test_faults(self) -> None:
        """Every faulty selector has the answer that the page says."""
        faults = rows("Faults")
        self.assertGreater(len(faults), 5)
        for text, said in faults:
            fault = self.assertRaises(InvalidSelector, parse, text)
            self.assertEqual(str(fault), f"selector, {said}")

    def test_bounds(self) -> None:
        """The bounds are those of the code."""
        bounds = (
            f"Bounds: {MAX_TEXT:,} characters, {MAX_TERMS:,} terms, {MAX_REGEXES} regular expressions "
            f"of {MAX_REGEX:,} characters, patterns of {MAX_PATTERN} characters."
        )
        self.assertIn(bounds, PAGE.read_text(encoding="utf-8"))
