"""The commented examples in etc/, one for each role, made from the models. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from ote_twisted.config.declare import all_options
from ote_twisted.config.manual import PROGRAMS, Program, default_text
from ote_twisted.values import frozen


@frozen
class Example:
    """One commented file of ``etc/``.

    :ivar sets: key path to TOML value, for the options that the role needs; all others are shown commented out.
    """

    file: str
    program: Program
    intro: str
    sets: Mapping[str, str]


EXAMPLES = (
    Example(
        "controller-root.toml",
        PROGRAMS[0],
        "The root of a tree: it has no parent, and children join at its tunnel.",
        {
            "name": '"root"',
            "tunnels": '["tcp:8287:interface=127.0.0.1"]',
            "api": '"tcp:8288:interface=127.0.0.1"',
            "state": '"/var/lib/ote-twisted/root"',
        },
    ),
    Example(
        "controller-region.toml",
        PROGRAMS[0],
        "A region: it joins the root and has children of its own. It performs no task itself.",
        {
            "name": '"north"',
            "parents": '["ws://127.0.0.1:8287"]',
            "tunnels": '["tcp:8387:interface=127.0.0.1"]',
            "api": '"tcp:8388:interface=127.0.0.1"',
            "advertise": '"127.0.0.1:8387"',
            "state": '"/var/lib/ote-twisted/north"',
            "shim": '"none"',
            "labels": '{ region = "north", tier = "region" }',
        },
    ),
    Example(
        "controller-site.toml",
        PROGRAMS[0],
        "A site at the edge: it joins its region, or the root while that is away, and performs tasks on its embedded cluster.",
        {
            "name": '"north-1"',
            "parents": '["ws://127.0.0.1:8387", "ws://127.0.0.1:8287"]',
            "api": '"tcp:8488:interface=127.0.0.1"',
            "state": '"/var/lib/ote-twisted/north-1"',
            "labels": '{ region = "north", tier = "site", gpu = "true" }',
        },
    ),
    Example(
        "shim.toml",
        PROGRAMS[1],
        "A shim server beside a cluster; its controller is told the address with --shim ws://127.0.0.1:8262.",
        {"listen": '["tcp:8262:interface=127.0.0.1"]', "state": '"/var/lib/ote-twisted/shim"'},
    ),
)


def render_example(example: Example) -> str:
    """Give the text of one commented file of ``etc/``."""
    return "\n".join(_example_lines(example)) + "\n"


def _example_lines(example: Example) -> Iterator[str]:
    yield f"# {example.intro}"
    yield f"# Start: twistd -n {example.program.name} --config {example.file}"
    yield "# Every option is shown; those commented out stand at their default, or show an example where there is none."
    section = ""
    for declared in all_options(example.program.model):
        above = ".".join(declared.path[:-1])
        if above != section:
            section = above
            yield f"\n[{section}]"
        yield ""
        yield from (f"# {line}" for line in _wrapped(declared.option.doc))
        value = example.sets.get(declared.key)
        shown = value or default_text(declared) or declared.option.example
        yield f"{'' if value else '#'}{declared.path[-1]} = {shown}"


def _wrapped(text: str, width: int = 110) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
