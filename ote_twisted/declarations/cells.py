"""Expressions over objects: JSONPath as printer columns and field selectors use it, and the cells of tables. Pure.

Paths: ``.a.b``, ``.a[0]``, ``.a[*].b``, ``.a['key']``, ``.a[?(@.type=="Ready")].status``. Only manifests of built-in
kinds use the longer form: text with ``{...}``, where a path may carry a default, ``{.spec.replicas|0}``, or a
function: ``{count .path}``, ``{true .path}`` (how many are true), ``{sum .path}``, ``{keys .path}``, ``{join .path}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import orjson

Step = Callable[[list[Any]], list[Any]]

_TOKEN = re.compile(
    r"""\.?(?P<name>[A-Za-z0-9_\-/$]+(?:\\\.[A-Za-z0-9_\-/$]+)*)
      | \[(?P<index>-?\d+)\]
      | \[(?P<all>\*)\]
      | \[['"](?P<key>[^'"]*)['"]\]
      | \[\?\(@\.(?P<left>[A-Za-z0-9_.\-]+)\s*==\s*['"](?P<right>[^'"]*)['"]\)\]""",
    re.VERBOSE,
)
_PIECE = re.compile(r"\{(?:(count|true|sum|keys|join) )?([^}|]+)(?:\|([^}]*))?\}")


@lru_cache(maxsize=1024)
def compile_path(path: str) -> Callable[[Any], list[Any]]:
    """A function that gives every value at a path, in order; none is an empty list.

    :raise ValueError: the path is out of grammar; the text names the place.
    """
    steps = tuple(_steps(path.strip()))

    def find(value: Any) -> list[Any]:
        found = [value]
        for step in steps:
            found = step(found)
        return found

    return find


def _steps(path: str) -> list[Step]:
    steps: list[Step] = []
    position = 0
    while position < len(path):
        match = _TOKEN.match(path, position)
        if match is None or match.end() == position:
            raise ValueError(f"path {path!r}, column {position + 1}: expected a name, an index or a filter")
        steps.append(_step(match))
        position = match.end()
    return steps


def _step(match: re.Match[str]) -> Step:
    kind, text = match.lastgroup, match.group(match.lastgroup or 0)
    if kind == "index":
        number = int(text)
        return lambda found: [v[number] for v in found if isinstance(v, list) and -len(v) <= number < len(v)]
    if kind == "all":
        return lambda found: [item for v in found for item in _items(v)]
    if kind == "right":
        left = match.group("left")
        return lambda found: [item for v in found for item in _items(v) if plain(item, left) == text]
    name = text.replace("\\.", ".") if kind == "name" else text
    return lambda found: [v[name] for v in found if isinstance(v, dict) and name in v]


def _items(value: Any) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else ()


def plain(value: Any, dotted: str) -> Any:
    """The value at a path of plain names such as ``spec.nodeName``; ``None`` when absent."""
    for name in dotted.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text_of(value: Any) -> str:
    """A value as a cell shows it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


@lru_cache(maxsize=1024)
def compile_cell(cell: str) -> Callable[[Any], Any]:
    """A function from an object to a cell's value: text, a number or a boolean; ``None`` where there is nothing to show.

    :raise ValueError: the expression is out of grammar.
    """
    if "{" in cell:
        return _template(cell)
    find = compile_path(cell)

    def value_of(subject: Any) -> Any:
        found = find(subject)
        if len(found) == 1 and not isinstance(found[0], (dict, list)):
            return found[0]
        return " ".join(text_of(value) for value in found) if found else None

    return value_of


def _template(cell: str) -> Callable[[Any], Any]:
    pieces: list[str | Callable[[Any], str]] = []
    position = 0
    for match in _PIECE.finditer(cell):
        pieces.append(cell[position : match.start()])
        pieces.append(_piece(match.group(1) or "text", compile_path(match.group(2)), match.group(3) or ""))
        position = match.end()
    pieces.append(cell[position:])
    return lambda subject: "".join(piece if isinstance(piece, str) else piece(subject) for piece in pieces)


def _piece(function: str, find: Callable[[Any], list[Any]], default: str) -> Callable[[Any], str]:
    fold = _FOLDS[function]
    return lambda subject: fold(find(subject)) or default


def _sum(found: list[Any]) -> str:
    return str(sum(value for value in found if isinstance(value, int)))


_FOLDS: dict[str, Callable[[list[Any]], str]] = {
    "text": lambda found: " ".join(text_of(value) for value in found),
    "count": lambda found: str(sum(len(_items(value)) for value in found)),
    "true": lambda found: str(sum(value is True for value in found)),
    "sum": _sum,
    "keys": lambda found: ",".join(key for value in found if isinstance(value, dict) for key in value),
    "join": lambda found: ",".join(text_of(value) for value in found),
}
