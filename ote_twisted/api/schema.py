"""Structural schemas, compiled: pruning of unknown fields, defaults, and validation. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any

from attrs import field

from ote_twisted.api.causes import causes_of
from ote_twisted.api.status import Cause
from ote_twisted.declarations.model import Kind
from ote_twisted.values import define

_TEXT_MAP = {"type": "object", "additionalProperties": {"type": "string"}}
METADATA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "generateName": {"type": "string"},
        "namespace": {"type": "string"},
        "uid": {"type": "string"},
        "resourceVersion": {"type": "string"},
        "selfLink": {"type": "string"},
        "generation": {"type": "integer", "format": "int64"},
        "creationTimestamp": {"type": "string", "format": "date-time", "nullable": True},
        "deletionTimestamp": {"type": "string", "format": "date-time", "nullable": True},
        "deletionGracePeriodSeconds": {"type": "integer", "format": "int64", "nullable": True},
        "labels": {**_TEXT_MAP, "nullable": True},
        "annotations": {**_TEXT_MAP, "nullable": True},
        "finalizers": {"type": "array", "nullable": True, "items": {"type": "string"}},
        "ownerReferences": {
            "type": "array",
            "nullable": True,
            "x-kubernetes-patch-merge-key": "uid",
            "items": {
                "type": "object",
                "required": ["apiVersion", "kind", "name", "uid"],
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "name": {"type": "string"},
                    "uid": {"type": "string"},
                    "controller": {"type": "boolean", "nullable": True},
                    "blockOwnerDeletion": {"type": "boolean", "nullable": True},
                },
            },
        },
        "managedFields": {
            "type": "array",
            "nullable": True,
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    },
}
"""Schema of ``metadata``, the same for every kind."""

_KEPT = (
    "type required enum minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern "
    "minItems maxItems uniqueItems minProperties maxProperties format".split()
)
_NESTED_LISTS = ("allOf", "anyOf", "oneOf")


def full_schema(kind: Kind) -> dict[str, Any]:
    """A kind's schema with the fields that every object has."""
    properties = {
        **kind.schema.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": METADATA,
    }
    return {**kind.schema, "properties": properties}


class CompiledSchema:
    """One kind's schema, ready for use on many objects."""

    def __init__(self, kind: Kind) -> None:
        self._schema = full_schema(kind)
        self._shape = shape_of(self._schema)

    @cached_property
    def _validator(self) -> Any:
        """The validator takes 4 MB of a process that only reads, so it is imported with the first write."""
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(
            json_schema(self._schema),
            validate_formats=True,
            formats={"byte": _is_base64},
            pattern_options=jsonschema_rs.RegexOptions(),
        )

    def settle(self, value: dict[str, Any]) -> list[str]:
        """Remove unknown fields and fill in defaults, in place.

        :return: paths of the fields that were removed.
        """
        unknown: list[str] = []
        self._shape.settle(value, "", unknown)
        return unknown

    def check(self, value: dict[str, Any]) -> list[Cause]:
        """Every fault of a settled object."""
        if self._validator.is_valid(value):
            return []
        return causes_of(self._validator.iter_errors(value))


@define(eq=False)
class Shape:
    """What pruning and defaulting need of one place in a schema.

    :ivar fields: shapes by field; ``None`` where nothing lies deeper.
    :ivar rest: shape of fields not named, if such are allowed.
    :ivar keeps: fields not named are kept as they are.
    """

    fields: dict[str, Shape | None] = field(factory=dict)
    rest: Shape | None = None
    items: Shape | None = None
    keeps: bool = False
    defaults: list[tuple[str, Any]] = field(factory=list)

    def settle(self, value: Any, path: str, unknown: list[str]) -> None:
        """See :meth:`CompiledSchema.settle`."""
        if isinstance(value, dict):
            self._settle_fields(value, path, unknown)
        elif isinstance(value, list) and self.items is not None:
            for index, item in enumerate(value):
                self.items.settle(item, f"{path}[{index}]", unknown)

    def _settle_fields(self, value: dict[str, Any], path: str, unknown: list[str]) -> None:
        for name, default in self.defaults:
            if value.get(name) is None:
                value[name] = deepcopy(default)
        for name in list(value):
            shape = self.fields.get(name, self)
            if shape is self:
                shape = self.rest
                if shape is None and not self.keeps:
                    unknown.append(f"{path}.{name}" if path else name)
                    del value[name]
            if shape is not None and isinstance(value.get(name), (dict, list)):
                shape.settle(value[name], f"{path}.{name}" if path else name, unknown)


def shape_of(schema: Mapping[str, Any]) -> Shape:
    """The shape of a structural schema."""
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    return Shape(
        fields={name: _deeper(part) for name, part in properties.items()},
        rest=shape_of(extra) if isinstance(extra, Mapping) else None,
        items=shape_of(schema["items"]) if "items" in schema else None,
        keeps=bool(schema.get("x-kubernetes-preserve-unknown-fields")) or extra is True or not schema.get("type"),
        defaults=[(name, part["default"]) for name, part in properties.items() if "default" in part],
    )


def _deeper(schema: Mapping[str, Any]) -> Shape | None:
    return shape_of(schema) if schema.get("type") in ("object", "array") else None


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A structural schema as plain JSON Schema."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    plain: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    for key in _NESTED_LISTS:
        if key in schema:
            plain[key] = [json_schema(part) for part in schema[key]]
    if "not" in schema:
        plain["not"] = json_schema(schema["not"])
    _add_contents(plain, schema)
    _add_bounds(plain, schema)
    return plain


def _add_contents(plain: dict[str, Any], schema: Mapping[str, Any]) -> None:
    if "properties" in schema:
        plain["properties"] = {name: json_schema(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        plain["items"] = json_schema(schema["items"])
    if isinstance(schema.get("additionalProperties"), Mapping):
        plain["additionalProperties"] = json_schema(schema["additionalProperties"])


def _add_bounds(plain: dict[str, Any], schema: Mapping[str, Any]) -> None:
    bits = {"int32": 31, "int64": 63}.get(str(schema.get("format")))
    if bits is not None:
        plain.setdefault("minimum", -(2**bits))
        plain.setdefault("maximum", 2**bits - 1)
    if schema.get("nullable") and "type" in plain:
        plain["type"] = [plain["type"], "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
