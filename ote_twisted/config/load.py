"""From a file's table and the flags given to a configuration. Every error names the place, the key and what is expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from ote_twisted.config.declare import Declared, Shape, own_options, sections_of
from ote_twisted.config.document import Document, parse_document
from ote_twisted.config.kinds import Kind
from ote_twisted.errors import ConfigError, InvalidName
from ote_twisted.topology.names import check_label_key

Model = TypeVar("Model")
Flags = Mapping[str, Sequence[str]]
"""Texts given to each flag, in the order given; names without dashes."""

_MAX_FILE = 256 * 1024


def load_config(model: type[Model], flags: Flags, file: Path | None = None) -> Model:
    """Give the configuration made of the file, overridden by the flags.

    :raise ConfigError: the file cannot be read, or it or a flag is wrong.
    """
    return build_config(model, flags, None if file is None else read_document(file))


def read_document(file: Path) -> Document:
    """Read and parse one file.

    :raise ConfigError: it is missing, unreadable, too large, not UTF-8, or not TOML.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{file}: the configuration file cannot be read: {error.strerror}") from None
    if len(content) > _MAX_FILE:
        raise ConfigError(f"{file}: the configuration file is larger than {_MAX_FILE} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: not TOML: the text is not UTF-8") from None
    return parse_document(str(file), text)


def build_config(model: type[Model], flags: Flags, document: Document | None = None) -> Model:
    """Give the configuration made of a parsed file, overridden by the flags.

    :raise ConfigError: a key is unknown, or a value is missing or wrong.
    """
    return _build(model, (), flags, document or Document("", "", {}))


def _build(model: type[Model], above: tuple[str, ...], flags: Flags, document: Document) -> Model:
    table = _table_at(document, above)
    options = list(own_options(model, above))
    sections = list(sections_of(model))
    _refuse_unknown(table, above, [declared.path[-1] for declared in options] + [name for name, _, _ in sections], document)
    values: dict[str, Any] = {}
    for declared in options:
        if declared.flag in flags:
            values[declared.attribute.name] = _from_flag(declared, flags[declared.flag])
        elif declared.path[-1] in table:
            values[declared.attribute.name] = _from_table(declared, table[declared.path[-1]], document)
        elif declared.required:
            raise ConfigError(_missing(declared, document))
    for name, _, inner in sections:
        values[name] = _build(inner, (*above, name), flags, document)
    try:
        return model(**values)
    except ConfigError as error:
        raise ConfigError(f"{document.name}: {error}" if document.name else str(error)) from None


def _table_at(document: Document, path: tuple[str, ...]) -> dict[str, Any]:
    table: Any = document.table
    for key in path:
        table = table.get(key, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{document.place(path)}: expected a section [{'.'.join(path)}], got {_shown(table)}")
    return table


def _refuse_unknown(table: Iterable[str], above: tuple[str, ...], known: list[str], document: Document) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key.replace("-", "_"), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(known)
            raise ConfigError(f"{document.place((*above, key))}: unknown key; {hint}")


def _missing(declared: Declared, document: Document) -> str:
    where = f"in {document.name}" if document.name else "in the file of --config"
    return f"{declared.key}: required; give --{declared.flag} or put {declared.key} = {declared.option.example} {where}"


def _from_table(declared: Declared, value: Any, document: Document) -> Any:
    place = document.place(declared.path)
    kind = declared.option.kind
    if declared.option.shape is Shape.ONE:
        return _read(kind, value, place)
    if declared.option.shape is Shape.LIST:
        if not isinstance(value, list):
            raise ConfigError(f"{place}: expected a list, each of it {kind.expected}, got {_shown(value)}")
        return tuple(_read(kind, item, f"{place}[{index}]") for index, item in enumerate(value))
    if not isinstance(value, dict):
        raise ConfigError(f"{place}: expected a table of keys and values, got {_shown(value)}")
    return {key: _read_entry(kind, key, item, document.place((*declared.path, key))) for key, item in value.items()}


def _read_entry(kind: Kind, key: str, value: object, place: str) -> Any:
    _check_key(key, place)
    return _read(kind, value, place)


def _check_key(key: str, place: str) -> None:
    try:
        check_label_key(key)
    except InvalidName as error:
        raise ConfigError(f"{place}: {error}") from None


def _read(kind: Kind, value: object, place: str) -> Any:
    try:
        return kind.read(value)
    except InvalidName as error:
        raise ConfigError(f"{place}: {error}") from None
    except ValueError:
        raise ConfigError(f"{place}: expected {kind.expected}{_got(kind, value)}") from None


def _from_flag(declared: Declared, texts: Sequence[str]) -> Any:
    kind, place = declared.option.kind, f"--{declared.flag}"
    if declared.option.shape is Shape.ONE:
        return _parse(kind, texts[-1], place)
    if declared.option.shape is Shape.LIST:
        return tuple(_parse(kind, text, place) for text in texts)
    return dict(_parse_entry(kind, text, place) for text in texts)


def _parse_entry(kind: Kind, text: str, place: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{place}: expected KEY=VALUE, got {_shown(text)}")
    _check_key(key, place)
    return key, _parse(kind, value, f"{place} {key}")


def _parse(kind: Kind, text: str, place: str) -> Any:
    try:
        return kind.parse(text)
    except InvalidName as error:
        raise ConfigError(f"{place}: {error}") from None
    except ValueError:
        raise ConfigError(f"{place}: expected {kind.expected}{_got(kind, text)}") from None


def _got(kind: Kind, value: object) -> str:
    return "" if kind.secret else f", got {_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
