"""The documents by which clients find what is served. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ote_twisted.api.catalogue import Catalogue
from ote_twisted.declarations.model import Kind

_STATUS_VERBS = ["get", "patch", "update"]


def api_versions() -> dict[str, Any]:
    """``/api``."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [],
    }


def group_list(catalogue: Catalogue) -> dict[str, Any]:
    """``/apis``."""
    groups = [_group(name, versions) for name, versions in catalogue.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(catalogue: Catalogue, name: str) -> dict[str, Any] | None:
    """``/apis/GROUP``."""
    versions = catalogue.groups().get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if name and versions else None


def _group(name: str, versions: Sequence[str]) -> dict[str, Any]:
    found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def resource_list(catalogue: Catalogue, name: str, version: str) -> dict[str, Any] | None:
    """``/api/v1`` and ``/apis/GROUP/VERSION``."""
    kinds = catalogue.kinds(name, version)
    if not kinds:
        return None
    resources = [entry for kind in kinds for entry in _resources(kind)]
    api_version = f"{name}/{version}" if name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources}


def _resources(kind: Kind) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    return [entry, *(_subresource(kind, *pair) for pair in _subresources(kind))]


def _subresources(kind: Kind) -> list[tuple[str, str, list[str]]]:
    found = [("status", kind.kind, _STATUS_VERBS)] if kind.has_status and not kind.virtual else []
    return found + [(name, answer, ["get"]) for name, answer in kind.answers.items()]


def _subresource(kind: Kind, name: str, answer: str, verbs: list[str]) -> dict[str, Any]:
    return {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": answer,
        "verbs": verbs,
    }


def aggregated(catalogue: Catalogue, core: bool, version: str) -> dict[str, Any]:
    """Everything in one document (``APIGroupDiscoveryList``): of the core group at ``/api``, of the others at ``/apis``."""
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None},
            "versions": [
                {
                    "version": served,
                    "resources": [_aggregated_resource(kind) for kind in catalogue.kinds(name, served)],
                    "freshness": "Current",
                }
                for served in versions
            ],
        }
        for name, versions in catalogue.groups().items()
        if (not name) is core
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}, "items": items}


def _aggregated_resource(kind: Kind) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    subresources = [
        {"subresource": name, "responseKind": _response_kind(kind, answer), "verbs": verbs}
        for name, answer, verbs in _subresources(kind)
    ]
    return {**entry, "subresources": subresources} if subresources else entry


def _response_kind(kind: Kind, answer: str) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": answer}
