"""Strategic merge patches, as kubectl sends them for the built-in kinds. Pure.

Lists whose items have an identity are merged item by item. Which field is the identity comes from the schema
(``x-kubernetes-patch-merge-key``, ``x-kubernetes-list-map-keys``) and, below parts that the schema leaves open, from a
table of Kubernetes' own field names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ote_twisted.api.status import ApiError

_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "conditions": ("type",),
    "addresses": ("type",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "ownerReferences": ("uid",),
    "secrets": ("name",),
}
_PLAIN_LISTS = ("finalizers",)
_ORDER, _REMOVE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_merge(target: Any, patch: Any, schema: Mapping[str, Any]) -> Any:
    """The target with the patch merged in; the target is not changed.

    :param schema: structural schema of the target.
    :raise ApiError: 400, the patch has a directive that is not known or an item without its identity.
    """
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise ApiError(400, f"unknown patch directive: {directive!r:.64}")
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        _merge_field(merged, key, value, schema, patch)
    kept = patch.get("$retainKeys")
    return {key: value for key, value in merged.items() if key in kept} if isinstance(kept, list) else merged


def _merge_field(merged: dict[str, Any], key: str, value: Any, schema: Mapping[str, Any], patch: dict[str, Any]) -> None:
    if key.startswith(_REMOVE):
        name = key.removeprefix(_REMOVE)
        if name in merged:
            merged[name] = [item for item in _list(merged[name], name) if item not in _list(value, key)]
    elif key.startswith("$"):
        _order_only(merged, key, value, patch, schema)
    elif value is None:
        merged.pop(key, None)
    elif isinstance(value, list):
        merged[key] = _merge_list(merged.get(key), value, key, _part(schema, key), patch.get(_ORDER + key))
    else:
        merged[key] = strategic_merge(merged.get(key), value, _part(schema, key))


def _order_only(merged: dict[str, Any], key: str, value: Any, patch: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """An order given for a list that the patch does not otherwise touch."""
    name = key.removeprefix(_ORDER)
    if key.startswith(_ORDER) and name not in patch and isinstance(merged.get(name), list):
        merged[name] = _ordered(merged[name], value, _identity(name, merged[name], _part(schema, name)))


def _part(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
    return found if isinstance(found, Mapping) else {}


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ApiError(400, f"{name}: expected a list")
    return value


def _identity(name: str, items: list[Any], schema: Mapping[str, Any]) -> str | None:
    """The field that identifies items of a list; ``None`` for a list that is replaced as a whole."""
    if not any(isinstance(item, dict) for item in items):
        return None
    declared = schema.get("x-kubernetes-patch-merge-key") or next(iter(schema.get("x-kubernetes-list-map-keys", ())), None)
    if declared:
        return str(declared)
    usable = (key for key in _KEYS.get(name, ()) if all(isinstance(i, dict) and (key in i or "$patch" in i) for i in items))
    return next(usable, None)


def _merge_list(old: Any, new: list[Any], name: str, schema: Mapping[str, Any], order: Any) -> list[Any]:
    before = old if isinstance(old, list) else []
    key = _identity(name, new, schema)
    if name in _PLAIN_LISTS:
        return [*before, *(item for item in new if item not in before)]
    if key is None:
        return _replaced(new)
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in new):
        return [item for item in new if item.get("$patch") != "replace"]
    merged = _merge_items(before, new, key, name, schema.get("items", {}))
    return _ordered(merged, order, key) if isinstance(order, list) else merged


def _replaced(new: list[Any]) -> list[Any]:
    return [item for item in new if not (isinstance(item, dict) and "$patch" in item)]


def _merge_items(before: list[Any], new: list[Any], key: str, name: str, schema: Mapping[str, Any]) -> list[Any]:
    merged = list(before)
    for item in new:
        if not isinstance(item, dict) or key not in item:
            raise ApiError(400, f"{name}: every item of the patch needs the field {key!r}")
        at = next((i for i, old in enumerate(merged) if isinstance(old, dict) and old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(strategic_merge({}, item, schema))
        else:
            merged[at] = strategic_merge(merged[at], item, schema)
    return merged


def _ordered(items: list[Any], order: Any, key: str | None) -> list[Any]:
    """Items in the order that the patch asks for; those it does not name keep their place at the end."""
    if not isinstance(order, list):
        return items
    names = [entry.get(key) if key and isinstance(entry, dict) else entry for entry in order]

    def place(item: Any) -> int:
        name = item.get(key) if key and isinstance(item, dict) else item
        return names.index(name) if name in names else len(names)

    return sorted(items, key=place)
