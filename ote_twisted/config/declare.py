"""Declaring options: each is one attrs field whose metadata says all that flags, files and manuals need. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_type_hints

from attrs import NOTHING, Attribute, fields

from ote_twisted.config.kinds import Kind
from ote_twisted.values import frozen

_KEY = "ote_twisted.option"


class Shape(Enum):
    """How many values an option takes."""

    ONE = "one"
    LIST = "list"
    TABLE = "table"


@frozen
class Option:
    """What is known of one option besides its attribute name, type and default.

    :ivar doc: sentences for people.
    :ivar flag: flag's name without dashes where it is not the key itself (singular of a repeatable one).
    :ivar example: a TOML value shown in the commented examples where the default tells nothing.
    :ivar default_text: how a computed default is described.
    """

    kind: Kind
    doc: str
    shape: Shape = Shape.ONE
    flag: str = ""
    example: str = ""
    default_text: str = ""


@frozen
class Section:
    """A table of the file with options of its own."""

    doc: str


def option(
    kind: Kind, doc: str, shape: Shape = Shape.ONE, *, flag: str = "", example: str = "", default_text: str = ""
) -> dict[str, Option]:
    """Give the metadata of a field that is an option; see :class:`Option`."""
    return {_KEY: Option(kind, doc, shape, flag, example, default_text)}


def section(doc: str) -> dict[str, Section]:
    """Give the metadata of a field that is a section."""
    return {_KEY: Section(doc)}


@frozen
class Declared:
    """One option of a model, with its place.

    :ivar path: keys from the top of the file to the option.
    """

    path: tuple[str, ...]
    option: Option
    attribute: Attribute[Any]

    @property
    def key(self) -> str:
        """The key path as it is written: ``limit.message``."""
        return ".".join(self.path)

    @property
    def flag(self) -> str:
        """The flag's name without dashes: ``limit-message``."""
        return "-".join((*self.path[:-1], self.option.flag or self.path[-1])).replace("_", "-")

    @property
    def required(self) -> bool:
        """The option has no default."""
        return self.attribute.default is NOTHING


def sections_of(model: type) -> Iterator[tuple[str, Section, type]]:
    """Give name, declaration and class of each section of a model."""
    hints = get_type_hints(model)
    for attribute in fields(model):
        declared = attribute.metadata.get(_KEY)
        if isinstance(declared, Section):
            yield attribute.name, declared, hints[attribute.name]


def own_options(model: type, above: tuple[str, ...] = ()) -> Iterator[Declared]:
    """Give the options of a model without those of its sections."""
    for attribute in fields(model):
        declared = attribute.metadata.get(_KEY)
        if isinstance(declared, Option):
            yield Declared((*above, attribute.name), declared, attribute)


def all_options(model: type) -> Iterator[Declared]:
    """Give every option of a model in order, those of sections last."""
    yield from own_options(model)
    for name, _, inner in sections_of(model):
        yield from own_options(inner, (name,))
