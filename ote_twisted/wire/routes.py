"""JSON bodies of the route and registration messages of ``ote.v1``, written and read as Go's ``encoding/json`` does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from attrs import field

from ote_twisted.errors import MalformedMessage
from ote_twisted.values import frozen
from ote_twisted.wire.limits import NAMES_LIMIT, NESTING_LIMIT, REGISTRY_BODY_LIMIT, ROUTE_BODY_LIMIT

_INT64: Final = 1 << 63


@frozen
class ClusterRegistry:
    """Body of ``ClusterRegist`` and ``ClusterUnregist``.

    :ivar name: the child's name.
    :ivar user_defined_name: the child's own name for itself.
    :ivar listen: the child's advertised tunnel address.
    :ivar time: unix seconds of the handshake or the disconnect, on the direct parent's clock.
    :ivar parent_name: name of the direct parent.
    """

    name: str
    user_defined_name: str = ""
    listen: str = ""
    time: int = 0
    parent_name: str = ""


@frozen
class ClusterRouter:
    """Body of ``NeighborRoute``; each map leads from a cluster's name to its tunnel address.

    :ivar children: the sender's children: the receiver's neighbours and itself.
    :ivar neighbours: the sender's neighbours, its receivers' other candidates; ``None`` until learnt.
    :ivar parent_neighbours: the neighbours of the sender's parent; ``None`` until learnt. No receiver reads it.
    """

    children: Mapping[str, str] = field(factory=dict, hash=False)
    neighbours: Mapping[str, str] | None = field(default=None, hash=False)
    parent_neighbours: Mapping[str, str] | None = field(default=None, hash=False)


def encode_registry(registry: ClusterRegistry) -> bytes:
    """Body of ``ClusterRegist`` and ``ClusterUnregist``."""
    text = (
        f'{{"Name":{_quoted(registry.name)},"UserDefineName":{_quoted(registry.user_defined_name)},'
        f'"Listen":{_quoted(registry.listen)},"Time":{registry.time:d},"ParentName":{_quoted(registry.parent_name)}}}'
    )
    return text.encode()


def decode_registry(raw: bytes) -> ClusterRegistry:
    """Read the body of ``ClusterRegist`` or ``ClusterUnregist``; absent keys are empty.

    :raise MalformedMessage: with the field and the rule.
    """
    values = _folded(_object(raw, "ClusterRegistry", REGISTRY_BODY_LIMIT))
    return ClusterRegistry(
        name=_text(values, "ClusterRegistry", "Name"),
        user_defined_name=_text(values, "ClusterRegistry", "UserDefineName"),
        listen=_text(values, "ClusterRegistry", "Listen"),
        time=_integer(values, "ClusterRegistry", "Time"),
        parent_name=_text(values, "ClusterRegistry", "ParentName"),
    )


def encode_router(router: ClusterRouter) -> bytes:
    """Body of ``NeighborRoute``."""
    text = (
        f'{{"Childs":{_map(router.children)},"Neighbor":{_map(router.neighbours)},'
        f'"ParentNeighbor":{_map(router.parent_neighbours)}}}'
    )
    return text.encode()


def decode_router(raw: bytes) -> ClusterRouter:
    """Read the body of ``NeighborRoute``; absent keys are as ``null``.

    :raise MalformedMessage: with the field and the rule.
    """
    values = _folded(_object(raw, "ClusterRouter", ROUTE_BODY_LIMIT))
    return ClusterRouter(
        children=_texts(values.get("childs"), "ClusterRouter.Childs") or {},
        neighbours=_texts(values.get("neighbor"), "ClusterRouter.Neighbor"),
        parent_neighbours=_texts(values.get("parentneighbor"), "ClusterRouter.ParentNeighbor"),
    )


def encode_subtree(routes: Mapping[str, str]) -> bytes:
    """Body of ``SubTreeRoute``: descendant's name to the name of the sender's child that leads to it."""
    return _map(routes).encode()


def decode_subtree(raw: bytes) -> dict[str, str]:
    """Read the body of ``SubTreeRoute``. ``null`` is refused: only ``{}`` says that there are no descendants.

    :raise MalformedMessage: with the rule.
    """
    return _texts(_object(raw, "SubTreeRouter", ROUTE_BODY_LIMIT), "SubTreeRouter") or {}


_ESCAPED: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _map(values: Mapping[str, str] | None) -> str:
    if values is None:
        return "null"
    return "{" + ",".join(f"{_quoted(key)}:{_quoted(values[key])}" for key in sorted(values)) + "}"


def _object(raw: bytes, what: str, limit: int) -> dict[str, Any]:
    """Parse a JSON object; what a hostile body would build is bounded by counting before parsing."""
    if len(raw) > limit:
        raise MalformedMessage(f"{what}: {len(raw)} bytes are over the limit of {limit}")
    if raw.count(b"[") + raw.count(b"{") > NESTING_LIMIT:
        raise MalformedMessage(f"{what}: more than {NESTING_LIMIT} arrays and objects")
    if raw.count(b",") > NAMES_LIMIT:
        raise MalformedMessage(f"{what}: more than {NAMES_LIMIT} members")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        raise MalformedMessage(f"{what}: not JSON: {fault.msg}, byte {fault.pos}") from None
    if not isinstance(value, dict):
        raise MalformedMessage(f"{what}: not a JSON object")
    return value


def _folded(values: dict[str, Any]) -> dict[str, Any]:
    """Keys regardless of case; of several spellings of one the last counts, as in Go."""
    return {key.casefold(): value for key, value in values.items()}


def _text(values: dict[str, Any], what: str, key: str) -> str:
    value = values.get(key.casefold())
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedMessage(f"{what}.{key}: not a string")
    return value


def _integer(values: dict[str, Any], what: str, key: str) -> int:
    value = values.get(key.casefold())
    if value is None:
        return 0
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise MalformedMessage(f"{what}.{key}: not a 64-bit integer")
    return value


def _texts(value: object, what: str) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise MalformedMessage(f"{what}: not a JSON object")
    if not all(isinstance(each, str) for each in value.values()):
        return {key: _text_value(each, what, key) for key, each in value.items()}
    return value


def _text_value(value: object, what: str, key: str) -> str:
    """In a map of strings Go reads ``null`` as the empty string."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedMessage(f"{what}[{key[:64]!r}]: not a string")
    return value
