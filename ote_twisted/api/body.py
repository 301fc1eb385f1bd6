"""Request bodies: JSON and YAML into objects, with bounds that hold against hostile ones. Pure."""

from __future__ import annotations

import re
from typing import Any

import orjson

from ote_twisted.api.status import ApiError

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request's body, as in Kubernetes."""

MAX_DEPTH = 100
"""Nesting of objects and lists."""

_YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "application/vnd.yaml")
_JSON_TYPES = ("", "*/*", "application/json")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")


def media_type(content_type: str) -> str:
    """The type without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def read_object(body: bytes, content_type: str) -> dict[str, Any]:
    """The object in a body.

    :raise ApiError: 413 too large, 415 neither JSON nor YAML by its type, 400 malformed; the text names the rule.
    """
    value = read_value(body, content_type)
    if not isinstance(value, dict):
        raise ApiError(400, f"the body must be an object, not {_json_type(value)}")
    return value


def read_value(body: bytes, content_type: str) -> Any:
    """Any JSON value in a body; refuses as :func:`read_object`."""
    if len(body) > MAX_BODY:
        raise ApiError(413, f"the body has {len(body)} bytes, more than the limit of {MAX_BODY}")
    kind = media_type(content_type)
    if kind in _JSON_TYPES or kind.endswith("+json"):
        return read_json(body)
    if kind in _YAML_TYPES or kind.endswith("+yaml"):
        return _read_yaml(body)
    text = "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml"
    raise ApiError(415, f"{text} (got {kind[:100]!r})")


def read_json(body: bytes) -> Any:
    """JSON with bounded nesting.

    :raise ApiError: 400, malformed or too deep.
    """
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_depth(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"the body is not JSON: {error}") from error


def _check_depth(body: bytes) -> None:
    """Bound nesting before the parser sees it: each round removes the innermost pairs of brackets outside strings."""
    brackets = _STRING.sub(b"", body).translate(_AS_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        shorter = brackets.replace(b"[]", b"")
        if shorter == brackets:
            return
        brackets = shorter
    if brackets:
        raise ApiError(400, f"the body is nested deeper than {MAX_DEPTH} levels")


def _read_yaml(body: bytes) -> Any:
    """YAML; nearly all bodies are JSON, so its parser is imported with the first that is not."""
    from ote_twisted.api.yaml_text import read_yaml

    return read_yaml(body, MAX_DEPTH)


def _json_type(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "null")
