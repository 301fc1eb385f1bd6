"""Objects as rows of a ``Table``, from the printer columns of their kind. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from ote_twisted.declarations.cells import compile_cell
from ote_twisted.declarations.model import Column, Kind
from ote_twisted.storage.model import JSON

_AGE_ONLY = (Column("Age", "date", ".metadata.creationTimestamp"),)
_FRACTION = re.compile(r"\.\d+")


class Tables:
    """Tables of one kind."""

    def __init__(self, kind: Kind) -> None:
        columns = kind.columns or _AGE_ONLY
        self._cells: list[tuple[str, Callable[[Any], Any]]] = [(c.type, compile_cell(c.cell)) for c in columns]
        self.definitions = [_definition(Column("Name", "string", "", format="name"))] + [_definition(c) for c in columns]

    def table(self, objects: Sequence[JSON], now: float, include: str, metadata: JSON) -> JSON:
        """A Table.

        :param now: unix seconds, for ages.
        :param include: ``None``, ``Metadata`` or ``Object``: what each row carries of its object.
        :param metadata: the table's own list metadata.
        """
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": self.definitions,
            "rows": [self._row(value, now, include) for value in objects],
        }

    def _row(self, value: JSON, now: float, include: str) -> JSON:
        cells: list[Any] = [value["metadata"].get("name", "")]
        cells.extend(_shown(kind, cell(value), now) for kind, cell in self._cells)
        row: JSON = {"cells": cells}
        if include == "Object":
            row["object"] = value
        elif include != "None":
            row["object"] = partial(value)
        return row


def partial(value: JSON) -> JSON:
    """Only an object's metadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}


def _definition(column: Column) -> JSON:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description or column.cell,
        "priority": column.priority,
    }


def _shown(kind: str, value: Any, now: float) -> Any:
    if kind != "date" or value is None:
        return value
    moment = parse_time(value)
    return "<invalid>" if moment is None else duration(now - moment)


def parse_time(text: object) -> float | None:
    """Unix seconds of an RFC 3339 time, ``None`` if it is none."""
    try:
        return datetime.fromisoformat(_FRACTION.sub("", str(text))).timestamp()
    except ValueError:
        return None


def duration(seconds: float) -> str:
    """An age for people, in the words of kubectl: ``5s``, ``3m20s``, ``4h``, ``2d3h``, ``120d``, ``2y``."""
    if seconds < -1:
        return "<invalid>"
    whole = max(0, int(seconds))
    for bound, unit, size, smaller, smaller_size in _STEPS:
        if whole < bound:
            return _two(whole // size, unit, whole % size // smaller_size if smaller_size else 0, smaller)
    days = whole // 86400
    return _two(days // 365, "y", days % 365, "d") if days < 365 * 8 else f"{days // 365}y"


_STEPS = (
    (120, "s", 1, "", 0),
    (600, "m", 60, "s", 1),
    (10_800, "m", 60, "", 0),
    (28_800, "h", 3600, "m", 60),
    (172_800, "h", 3600, "", 0),
    (691_200, "d", 86400, "h", 3600),
    (63_072_000, "d", 86400, "", 0),
)


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large}{unit}{small}{smaller}" if small else f"{large}{unit}"
