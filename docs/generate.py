"""Writes what is made from declarations: manual of the configuration, examples, a picture, manifests (``make generated``)."""

from __future__ import annotations

from pathlib import Path

from ote_twisted.config.examples import EXAMPLES, render_example
from ote_twisted.config.manual import render_manual
from ote_twisted.declarations.load import COMPILED, compile_manifests
from ote_twisted.failover.picture import svg

TOP = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write every generated file."""
    (TOP / "docs" / "configuration.md").write_text(render_manual(), encoding="utf-8")
    for example in EXAMPLES:
        (TOP / "etc" / example.file).write_text(render_example(example), encoding="utf-8")
    (TOP / "docs" / "images" / "parent-phases.svg").write_text(svg(), encoding="utf-8")
    (TOP / "ote_twisted" / "declarations" / COMPILED).write_bytes(compile_manifests())


if __name__ == "__main__":
    main()
