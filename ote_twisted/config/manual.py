"""Help texts and the configuration manual, made from the models. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import Factory

from ote_twisted.config import kinds
from ote_twisted.config.declare import Declared, Shape, own_options, sections_of
from ote_twisted.config.model import ControllerConfig, ShimConfig
from ote_twisted.values import frozen

_DURATIONS = (("h", 3600), ("m", 60), ("s", 1))
_SIZES = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024))


def toml_value(kind: kinds.Kind, value: Any) -> str:
    """Spell a value as TOML, with a unit where the kind has one."""
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(kind, item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml_value(kind, item)}" for key, item in value.items()) + " }"
    if kind is kinds.DURATION:
        return json.dumps(_with_unit(value, _DURATIONS, "s"))
    if kind is kinds.SIZE:
        return json.dumps(_with_unit(value, _SIZES, "B"))
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _with_unit(value: float, units: tuple[tuple[str, int], ...], smallest: str) -> str:
    for unit, size in units:
        if value >= size and value % size == 0:
            return f"{int(value // size)}{unit}"
    return f"{value:.6f}".rstrip("0").rstrip(".") + smallest


def default_text(declared: Declared) -> str:
    """Give an option's default as TOML, or an empty text where there is none."""
    default = declared.attribute.default
    if declared.option.default_text:
        return json.dumps(declared.option.default_text)
    if declared.required or default is None or default == () or isinstance(default, Factory):  # type: ignore[arg-type]
        return ""
    return toml_value(declared.option.kind, default)


def flag_help(declared: Declared) -> str:
    """Give the text that ``--help`` shows for an option."""
    value = default_text(declared).strip('"')
    remarks = [
        "KEY=VALUE, repeatable" if declared.option.shape is Shape.TABLE else "",
        "repeatable" if declared.option.shape is Shape.LIST else "",
        "required" if declared.required else "",
        f"default: {value}" if value else "",
    ]
    said = "; ".join(remark for remark in remarks if remark)
    return f"{declared.option.doc} [{said}]" if said else declared.option.doc


@frozen
class Program:
    """One program as the manual shows it."""

    name: str
    model: type
    intro: str


PROGRAMS = (
    Program("ote-controller", ControllerConfig, "A cluster controller, one node of the tree."),
    Program("ote-shim", ShimConfig, "A shim server, which performs tasks for controllers that connect to it."),
)

_INTRO = """# Configuration

Each program takes its options from flags and, with `--config FILE`, from one TOML file. A flag overrides the file; a repeatable
flag replaces the file's whole list. An unknown key, a wrong type or a missing file stops the program before it begins, with the
file, the line, the key and what was expected.

Durations are seconds, or a text with a unit: `500ms`, `5s`, `10m`, `1h`, `1d`. Sizes are bytes, or a text with a unit: `64KiB`,
`16MiB`, `1GiB`. `etc/` in the source holds one commented example for each role.
"""


def render_manual() -> str:
    """Give the text of docs/configuration.md."""
    return _INTRO + "".join("\n" + "\n".join(_program_lines(program)) + "\n" for program in PROGRAMS)


def _program_lines(program: Program) -> Iterator[str]:
    yield f"## {program.name}"
    yield ""
    yield f"{program.intro} Start: `twistd -n {program.name} --config FILE`."
    yield ""
    for declared in own_options(program.model):
        yield from _option_lines(declared)
    for name, declared_section, inner in sections_of(program.model):
        yield f"### `[{name}]` of {program.name}"
        yield ""
        yield declared_section.doc
        yield ""
        for declared in own_options(inner, (name,)):
            yield from _option_lines(declared)


def _option_lines(declared: Declared) -> Iterator[str]:
    option = declared.option
    many = {Shape.ONE: "", Shape.LIST: "list of ", Shape.TABLE: "table of "}[option.shape]
    facts = [f"{many}{option.kind.word}", "required" if declared.required else f"default `{default_text(declared) or 'none'}`"]
    if option.example:
        facts.append(f"example `{option.example}`")
    yield f"`{declared.key}` (`--{declared.flag}`)"
    yield f": {option.doc}"
    yield f"  *{', '.join(facts)}.*"
    yield ""
