"""Pages of the API reference that autodoc cannot make: the contracts are zope interfaces, which are no classes to it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from zope.interface import Attribute
from zope.interface.interface import InterfaceClass, Method

from ote_twisted import interfaces

HERE = Path(__file__).resolve().parent / "reference"

MODULES = {
    "Values": ["ote_twisted.tasks.model", "ote_twisted.storage.model", "ote_twisted.api.model", "ote_twisted.wire.join"],
    "Errors": ["ote_twisted.errors"],
    "Configuration": ["ote_twisted.config.model", "ote_twisted.config.flags", "ote_twisted.config.reload"],
    "Observability": [
        "ote_twisted.observability.metrics",
        "ote_twisted.observability.exposition",
        "ote_twisted.observability.health",
        "ote_twisted.observability.logging",
        "ote_twisted.observability.notify",
        "ote_twisted.observability.lifecycle",
    ],
}


def write_reference() -> None:
    """Write every page into docs/reference/."""
    HERE.mkdir(exist_ok=True)
    pages = {"contracts": _contracts(), **{_slug(title): _page(title, names) for title, names in MODULES.items()}}
    for name, text in pages.items():
        _write(HERE / f"{name}.md", text)
    listed = "\n".join(pages)
    _write(HERE / "index.md", f"# API reference\n\nWhat third parties may build on.\n\n```{{toctree}}\n{listed}\n```\n")


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")


def _page(title: str, names: list[str]) -> str:
    blocks = (f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n" for name in names)
    return f"# {title}\n\n" + "\n".join(blocks)


def _contracts() -> str:
    found = [value for value in vars(interfaces).values() if isinstance(value, InterfaceClass)]
    ours = [value for value in found if value.__module__ == interfaces.__name__]
    lines = [f".. module:: {interfaces.__name__}", "", inspect.cleandoc(interfaces.__doc__ or ""), ""]
    for interface in ours:
        lines.extend(_interface_lines(interface))
    return "# Contracts\n\n```{eval-rst}\n" + "\n".join(lines) + "\n```\n"


def _interface_lines(interface: InterfaceClass) -> Iterator[str]:
    yield f".. class:: {interface.__name__}"
    yield ""
    yield from _indented(interface.__doc__, 3)
    for name, element in interface.namesAndDescriptions():
        if isinstance(element, Method):
            yield f"   .. method:: {name}{element.getSignatureString()}"
        elif isinstance(element, Attribute):
            yield f"   .. attribute:: {name}"
        yield ""
        yield from _indented(element.__doc__, 6)


def _indented(text: str | None, width: int) -> Iterator[str]:
    for line in inspect.cleandoc(text or "").splitlines():
        yield " " * width + line if line else ""
    yield ""
