"""Faults found by the schema validator, in Kubernetes' words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import orjson

from ote_twisted.api.status import Cause

MAX_CAUSES = 50
_TYPE_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_SIMPLE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def causes_of(errors: Iterable[Any]) -> list[Cause]:
    """Causes for the validator's errors, at most :data:`MAX_CAUSES`, in order of fields."""
    found = [_cause(error) for error in islice(errors, MAX_CAUSES)]
    return sorted(found, key=lambda cause: cause.field)


def field_path(path: Sequence[str | int]) -> str:
    """``spec.list[0].name``; keys that are no plain words are put in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part and _SIMPLE.issuperset(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part}]"
    return text or "<root>"


def _cause(error: Any) -> Cause:
    path, word = field_path(error.instance_path), error.kind.name
    if word == "required":
        missing = field_path([*error.instance_path, error.kind.property])
        return Cause(missing, "FieldValueRequired", "Required value")
    explain = _EXPLAIN.get(word)
    if explain is None:
        return Cause(path, "FieldValueInvalid", f"Invalid value: {shown(error.instance)}: {error.message}")
    reason, message = explain(path, error)
    return Cause(path, reason, message)


def shown(value: Any) -> str:
    """A value as messages quote it, cut when long."""
    if isinstance(value, (dict, list)) or value is None:
        return '"' + _TYPE_NAMES.get(type(value), "null") + '"'
    text = orjson.dumps(value).decode()
    return text if len(text) <= 200 else text[:200] + '..."'


def _type(path: str, error: Any) -> tuple[str, str]:
    types = [name for name in error.kind.types if name != "null"]
    got = _TYPE_NAMES.get(type(error.instance), "null")
    return "FieldValueTypeInvalid", f'Invalid value: "{got}": {path} in body must be of type {" or ".join(types)}: "{got}"'


def _enum(path: str, error: Any) -> tuple[str, str]:
    options = ", ".join(shown(option) for option in error.kind.options if option is not None)
    return "FieldValueNotSupported", f"Unsupported value: {shown(error.instance)}: supported values: {options}"


def _bound(text: str) -> Callable[[str, Any], tuple[str, str]]:
    def explain(path: str, error: Any) -> tuple[str, str]:
        rule = text.format(error.kind.limit)
        return "FieldValueInvalid", f"Invalid value: {shown(error.instance)}: {path} in body should be {rule}"

    return explain


def _pattern(path: str, error: Any) -> tuple[str, str]:
    return "FieldValueInvalid", f"Invalid value: {shown(error.instance)}: {path} in body should match '{error.kind.pattern}'"


def _format(path: str, error: Any) -> tuple[str, str]:
    rule = f"must be of type {error.kind.format}: {shown(error.instance)}"
    return "FieldValueInvalid", f"Invalid value: {shown(error.instance)}: {path} in body {rule}"


def _too_long(path: str, error: Any) -> tuple[str, str]:
    return "FieldValueTooLong", f"Too long: may not be more than {error.kind.limit} bytes"


def _too_many(path: str, error: Any) -> tuple[str, str]:
    return "FieldValueTooMany", f"Too many: {len(error.instance)}: must have at most {error.kind.limit} items"


_EXPLAIN: dict[str, Callable[[str, Any], tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "minimum": _bound("greater than or equal to {}"),
    "maximum": _bound("less than or equal to {}"),
    "exclusiveMinimum": _bound("greater than {}"),
    "exclusiveMaximum": _bound("less than {}"),
    "minLength": _bound("at least {} chars long"),
    "minItems": _bound("at least {} items"),
    "maxLength": _too_long,
    "maxItems": _too_many,
    "maxProperties": _too_many,
    "pattern": _pattern,
    "format": _format,
}
