"""Writes what is made from declarations: docs/configuration.md and the examples in etc/. Run by ``make generated``."""

from __future__ import annotations

from pathlib import Path

from ote_twisted.config.examples import EXAMPLES, render_example
from ote_twisted.config.manual import render_manual

TOP = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write every generated file."""
    (TOP / "docs" / "configuration.md").write_text(render_manual(), encoding="utf-8")
    for example in EXAMPLES:
        (TOP / "etc" / example.file).write_text(render_example(example), encoding="utf-8")


if __name__ == "__main__":
    main()
