"""OpenAPI v3 documents, one per group version, for kubectl's explain and validation. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ote_twisted.api.catalogue import Catalogue
from ote_twisted.api.schema import full_schema
from ote_twisted.declarations.model import Kind

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_OBJECT_META = {
    "description": "Metadata that every object has.",
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "Name, unique in its namespace for its kind."},
        "generateName": {"type": "string", "description": "Prefix of a name that the server completes."},
        "namespace": {"type": "string", "description": "Scope of the name."},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Keys to select by."},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Anything else."},
        "uid": {"type": "string", "description": "Identity of this very object. Read-only."},
        "resourceVersion": {"type": "string", "description": "Version of the object, for concurrent writers."},
        "generation": {"type": "integer", "format": "int64", "description": "Version of the spec. Read-only."},
        "creationTimestamp": {"type": "string", "format": "date-time", "description": "When it was created. Read-only."},
        "deletionTimestamp": {"type": "string", "format": "date-time", "description": "When deletion was asked. Read-only."},
        "deletionGracePeriodSeconds": {"type": "integer", "format": "int64", "description": "Read-only."},
        "finalizers": {"type": "array", "items": {"type": "string"}, "description": "Who must agree before it is removed."},
        "ownerReferences": {"type": "array", "items": {"type": "object"}, "description": "Objects that it belongs to."},
        "managedFields": {"type": "array", "items": {"type": "object"}, "description": "Who set which field."},
    },
}
_WRITE_OPTIONS = ("dryRun", "fieldManager", "fieldValidation", "pretty")
_LIST_OPTIONS = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)


class OpenApi:
    """The documents of a catalogue, made when first asked for and kept until the catalogue changes."""

    def __init__(self, catalogue: Catalogue, version: str) -> None:
        """Describe a catalogue; ``version`` is the server's."""
        self._catalogue = catalogue
        self._version = version
        self._generation = -1
        self._documents: dict[str, tuple[bytes, str]] = {}

    def index(self) -> dict[str, Any]:
        """``/openapi/v3``: every document with its digest."""
        self._refresh()
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.document(path)[1]}"}
            for path in (_path(*pair) for pair in self._versions())
        }
        return {"paths": paths}

    def document(self, path: str) -> tuple[bytes, str]:
        """One document and its digest, ``(b"", "")`` if there is none; ``path`` as in the index."""
        self._refresh()
        if path not in self._documents:
            pair = next((pair for pair in self._versions() if _path(*pair) == path), None)
            if pair is None:
                return b"", ""
            body = orjson.dumps(self._describe(*pair))
            self._documents[path] = (body, hashlib.sha256(body).hexdigest()[:32].upper())
        return self._documents[path]

    def _refresh(self) -> None:
        if self._generation != self._catalogue.generation:
            self._generation = self._catalogue.generation
            self._documents.clear()

    def _versions(self) -> Iterator[tuple[str, str]]:
        for group, versions in self._catalogue.groups().items():
            for version in versions:
                yield group, version

    def _describe(self, group: str, version: str) -> dict[str, Any]:
        paths: dict[str, Any] = {}
        schemas: dict[str, Any] = {f"{_META}.ObjectMeta": _OBJECT_META}
        for kind in self._catalogue.kinds(group, version):
            schemas[schema_name(kind)] = _schema(kind)
            paths.update(_paths(kind))
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": self._version},
            "paths": paths,
            "components": {"schemas": schemas},
        }


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def schema_name(kind: Kind) -> str:
    """Name of a kind's schema: the group reversed, version, kind."""
    group = ".".join(reversed(kind.group.split("."))) if kind.group else "io.k8s.api.core"
    return f"{group}.{kind.version}.{kind.kind}"


def _schema(kind: Kind) -> dict[str, Any]:
    schema = _cleaned(full_schema(kind))
    metadata = {"description": "Standard object metadata.", "allOf": [_reference(f"{_META}.ObjectMeta")], "default": {}}
    schema["properties"]["metadata"] = metadata
    schema["properties"]["apiVersion"] = {"type": "string", "description": "Version of the object's form."}
    schema["properties"]["kind"] = {"type": "string", "description": "Kind of the object."}
    schema["x-kubernetes-group-version-kind"] = [_gvk(kind)]
    return schema


def _cleaned(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with nothing that OpenAPI does not know."""
    copy: dict[str, Any] = dict(schema)
    if "properties" in copy:
        copy["properties"] = {name: _cleaned(part) for name, part in copy["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(copy.get(key), Mapping):
            copy[key] = _cleaned(copy[key])
    return copy


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _gvk(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _paths(kind: Kind) -> dict[str, Any]:
    base = f"{kind.prefix}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{kind.prefix}/{kind.plural}"
    collection = {"get": "list", "post": "create", "delete": "deletecollection"}
    single = {"get": "get", "put": "update", "patch": "patch", "delete": "delete"}
    paths = {base: _path_item(kind, collection), f"{base}/{{name}}": _path_item(kind, single)}
    if kind.has_status:
        paths[f"{base}/{{name}}/status"] = _path_item(kind, {"get": "get", "put": "update", "patch": "patch"})
    return {path: item for path, item in paths.items() if item}


def _path_item(kind: Kind, methods: Mapping[str, str]) -> dict[str, Any]:
    return {method: _operation(kind, method, verb) for method, verb in methods.items() if _described(kind, verb)}


def _described(kind: Kind, verb: str) -> bool:
    # kubectl learns from PATCH alone that the server validates fields, also of kinds that can only be created.
    return verb in kind.verbs or (verb == "patch" and "create" in kind.verbs)


def _operation(kind: Kind, method: str, verb: str) -> dict[str, Any]:
    options = _LIST_OPTIONS if verb in ("list", "deletecollection") else () if verb == "get" else _WRITE_OPTIONS
    operation: dict[str, Any] = {
        "operationId": f"{verb}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.kind}",
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in options],
        "responses": {"200": {"description": "OK", "content": _content(kind, ["application/json", "application/yaml"])}},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": _gvk(kind),
    }
    if method in ("post", "put"):
        operation["requestBody"] = {"required": True, "content": _content(kind, ["application/json", "application/yaml"])}
    if method == "patch":
        types = ["application/json-patch+json", "application/merge-patch+json"]
        operation["requestBody"] = {"required": True, "content": {name: {"schema": {"type": "object"}} for name in types}}
    return operation


def _content(kind: Kind, types: list[str]) -> dict[str, Any]:
    return {name: {"schema": _reference(schema_name(kind))} for name in types}
