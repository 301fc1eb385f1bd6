"""Everything served that is no object: discovery, OpenAPI, version."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from ote_twisted.api import discovery
from ote_twisted.api.accept import Form, negotiate
from ote_twisted.api.catalogue import Catalogue
from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.api.openapi import OpenApi
from ote_twisted.api.render import document, encoded
from ote_twisted.api.status import ApiError, unknown_path

KUBERNETES = (1, 37)
"""The Kubernetes minor version whose API is served."""


class Documents:
    """Documents about a catalogue."""

    def __init__(self, catalogue: Catalogue, version: str) -> None:
        """Describe a catalogue, as version ``version`` of this program."""
        self._catalogue = catalogue
        self._openapi = OpenApi(catalogue, version)
        self._version = version_document(version)
        self._roots: dict[str, Callable[[list[str], Form, ApiRequest], ApiResponse | None]] = {
            "": self._paths,
            "api": self._api,
            "apis": self._apis,
            "version": self._version_of,
            "openapi": self._openapi_of,
        }

    def find(self, request: ApiRequest, segments: list[str]) -> ApiResponse | None:
        """The document at a path; ``None`` when the path is one of objects.

        :raise ApiError: 404, nothing is served there; 405, it is not read with GET.
        """
        serve = self._roots.get(segments[0])
        if serve is None:
            raise unknown_path()
        if (segments[0] == "api" and len(segments) > 2) or (segments[0] == "apis" and len(segments) > 3):
            return None
        if request.method not in ("GET", "HEAD"):
            raise ApiError(405, "the server does not allow this method on the requested resource")
        answer = serve(segments, negotiate(request.headers.get("accept", "")), request)
        if answer is None:
            raise unknown_path()
        return answer

    def _paths(self, segments: list[str], form: Form, request: ApiRequest) -> ApiResponse | None:
        paths = ["/api", "/api/v1", "/apis", "/openapi/v3", "/version"]
        for group, versions in self._catalogue.groups().items():
            if group:
                paths += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)]
        return document({"paths": sorted(paths)}, form)

    def _api(self, segments: list[str], form: Form, request: ApiRequest) -> ApiResponse | None:
        if len(segments) == 2:
            return _optional(discovery.resource_list(self._catalogue, "", segments[1]), form)
        if form.transform == "APIGroupDiscoveryList":
            return _aggregated(discovery.aggregated(self._catalogue, True, form.version or "v2"), form)
        return document(discovery.api_versions(), form)

    def _apis(self, segments: list[str], form: Form, request: ApiRequest) -> ApiResponse | None:
        if len(segments) == 3:
            return _optional(discovery.resource_list(self._catalogue, segments[1], segments[2]), form)
        if len(segments) == 2:
            return _optional(discovery.group(self._catalogue, segments[1]), form)
        if form.transform == "APIGroupDiscoveryList":
            return _aggregated(discovery.aggregated(self._catalogue, False, form.version or "v2"), form)
        return document(discovery.group_list(self._catalogue), form)

    def _version_of(self, segments: list[str], form: Form, request: ApiRequest) -> ApiResponse | None:
        return document(self._version, form) if len(segments) == 1 else None

    def _openapi_of(self, segments: list[str], form: Form, request: ApiRequest) -> ApiResponse | None:
        if segments[1:2] != ["v3"]:
            return None
        if len(segments) == 2:
            return document(self._openapi.index(), form)
        body, digest = self._openapi.document("/".join(segments[2:]))
        if not body:
            return None
        etag = f'"{digest}"'
        if request.headers.get("if-none-match") == etag:
            return ApiResponse(304, headers={"etag": etag})
        answer = encoded(body, form)
        answer.headers["etag"] = etag
        return answer


def version_document(version: str) -> dict[str, Any]:
    """``/version``; ``gitVersion`` is the API's version with this program's as build metadata."""
    major, minor = KUBERNETES
    return {
        "major": str(major),
        "minor": str(minor),
        "gitVersion": f"v{major}.{minor}.0+ote-twisted.{version.replace('+', '.')}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": platform.python_implementation(),
        "platform": f"{platform.system().lower()}/{platform.machine()}",
    }


def _optional(value: dict[str, Any] | None, form: Form) -> ApiResponse | None:
    return None if value is None else document(value, form)


def _aggregated(value: dict[str, Any], form: Form) -> ApiResponse:
    kind = f"application/json;g=apidiscovery.k8s.io;v={form.version or 'v2'};as=APIGroupDiscoveryList"
    answer = document(value, Form())
    return ApiResponse(200, answer.body, kind)
