"""Which patch a request holds, as a function from the old object to the new one. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ote_twisted.api.body import media_type, read_value
from ote_twisted.api.model import ApiRequest
from ote_twisted.api.patch import json_patch, merge_patch
from ote_twisted.api.schema import full_schema
from ote_twisted.api.status import ApiError
from ote_twisted.api.strategic import strategic_merge
from ote_twisted.declarations.model import Kind
from ote_twisted.storage.model import JSON

Patch = Callable[[JSON], JSON]
"""From the old object, which it may take apart, to the new one.

It raises :class:`ApiError` where it cannot be applied.
"""

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = ("application/apply-patch+yaml", "application/apply-patch+cbor")


def read_patch(request: ApiRequest, kind: Kind) -> Patch:
    """The patch in a request.

    :raise ApiError: 400 malformed, 415 a type of patch that the kind does not take.
    """
    media = media_type(request.headers.get("content-type", ""))
    if media in APPLY_PATCH:
        raise ApiError(415, "server-side apply is not served here: use client-side apply or another type of patch")
    taken = [JSON_PATCH, MERGE_PATCH] if kind.custom else [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH]
    if media not in taken:
        text = "the body of the request was in an unknown format - accepted media types include: "
        raise ApiError(415, text + ", ".join(taken))
    patch = read_value(request.body, "application/json")
    if media != JSON_PATCH and not isinstance(patch, dict):
        raise ApiError(400, "a merge patch must be an object")
    apply = {JSON_PATCH: json_patch, MERGE_PATCH: merge_patch, STRATEGIC_PATCH: _strategic(kind)}[media]
    return lambda old: _object(apply(old, patch))


def _strategic(kind: Kind) -> Callable[[Any, Any], Any]:
    return lambda old, patch: strategic_merge(old, patch, full_schema(kind))


def _object(value: Any) -> JSON:
    if not isinstance(value, dict):
        raise ApiError(422, "the patch leaves no object")
    return value
