"""A kind of object as its manifest declares it. Pure.

Manifests have the form of a Kubernetes ``CustomResourceDefinition`` (apiextensions.k8s.io/v1). A few facts that this
form cannot say are annotations under ``ote-twisted.dev/``; a real Kubernetes ignores them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from attrs import field

from ote_twisted.errors import ConfigError
from ote_twisted.values import frozen

_ANNOTATION = "ote-twisted.dev/"
_ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@frozen
class Column:
    """One column of a table.

    :ivar cell: expression for the cell, see :mod:`ote_twisted.declarations.cells`.
    :ivar priority: 0 is always shown, higher ones only in wide output.
    """

    name: str
    type: str
    cell: str
    priority: int = 0
    format: str = ""
    description: str = ""


@frozen(eq=False)
class Kind:
    """One version of one kind.

    :ivar schema_text: its OpenAPI v3 schema as JSON, a fifth of what it takes parsed; most kinds are used by few sites.
    :ivar selectable: field paths (without a leading dot) that field selectors may name besides the object's name.
    :ivar answers: kinds of the answers of subresources other than ``status``, by subresource.
    :ivar name_rule: grammar of names: ``subdomain``, ``label``, ``service`` or ``segment``.
    :ivar virtual: objects are computed, not stored.
    :ivar custom: declared in the form that a real Kubernetes takes too, so served as a custom resource there.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    list_kind: str
    namespaced: bool
    schema_text: bytes = field(repr=False)
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = field(default=(), repr=False)
    selectable: tuple[str, ...] = ()
    has_status: bool = False
    answers: Mapping[str, str] = field(factory=dict)
    verbs: tuple[str, ...] = _ALL_VERBS
    name_rule: str = "subdomain"
    virtual: bool = False
    custom: bool = True

    @property
    def schema(self) -> dict[str, Any]:
        """The schema, parsed. To be read, never changed."""
        return _parsed(self.schema_text)

    @property
    def resource(self) -> str:
        """Plural and group, as in store keys: ``clusters.ote.baidu.com``, ``configmaps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """As objects spell it: ``ote.baidu.com/v1``, ``v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def prefix(self) -> str:
        """URL path below which the kind is served."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


def kinds_of(manifest: Mapping[str, Any], source: str) -> Iterator[Kind]:
    """Every served version of one manifest.

    :param source: where the manifest comes from, for the error.
    :raise ConfigError: the manifest is no definition; the text names source and missing key.
    """
    try:
        spec = manifest["spec"]
        for version in spec["versions"]:
            if version.get("served", True):
                yield _kind(manifest, spec, version)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{source}: not a CustomResourceDefinition: {error!r} is missing or of the wrong type") from error


def _kind(manifest: Mapping[str, Any], spec: Mapping[str, Any], version: Mapping[str, Any]) -> Kind:
    names = spec["names"]
    notes = {
        key.removeprefix(_ANNOTATION): text
        for key, text in (manifest.get("metadata", {}).get("annotations") or {}).items()
        if key.startswith(_ANNOTATION)
    }
    return Kind(
        group=spec.get("group", ""),
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or names["kind"] + "List",
        namespaced=spec["scope"] == "Namespaced",
        schema_text=orjson.dumps(version["schema"]["openAPIV3Schema"]),
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        columns=tuple(_column(item) for item in version.get("additionalPrinterColumns", ())),
        selectable=tuple(item["jsonPath"].lstrip(".") for item in version.get("selectableFields", ())),
        has_status="status" in version.get("subresources", {}),
        answers=dict(pair.split("=", 1) for pair in notes.get("answers", "").split()),
        verbs=tuple(notes["verbs"].split()) if "verbs" in notes else _ALL_VERBS,
        name_rule=notes.get("names", "subdomain"),
        virtual=notes.get("virtual") == "true",
        custom=notes.get("builtin") != "true",
    )


@lru_cache(maxsize=100)
def _parsed(schema: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(schema)
    return parsed


def _column(item: Mapping[str, Any]) -> Column:
    return Column(
        name=item["name"],
        type=item["type"],
        cell=item["jsonPath"],
        priority=item.get("priority", 0),
        format=item.get("format", ""),
        description=item.get("description", ""),
    )
