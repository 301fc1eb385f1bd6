"""Merge patches (RFC 7386) and JSON patches (RFC 6902). Pure."""

from __future__ import annotations

from typing import Any

from ote_twisted.api.status import ApiError

MAX_OPERATIONS = 10_000


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: the target with the patch merged in; the target is not changed, the result may share parts with both."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: dict[str, Any], patch: Any) -> Any:
    """RFC 6902: the target with every operation applied; the target is not changed.

    :raise ApiError: 400 for what is no patch, 413 for too many operations, 422 for one that cannot be applied.
    """
    import jsonpatch
    import jsonpointer

    if not isinstance(patch, list):
        raise ApiError(400, "a JSON patch must be a list of operations")
    if len(patch) > MAX_OPERATIONS:
        raise ApiError(413, f"the JSON patch has {len(patch)} operations, more than {MAX_OPERATIONS}")
    try:
        return jsonpatch.JsonPatch(patch).apply(target)
    except (jsonpatch.InvalidJsonPatch, TypeError) as error:
        raise ApiError(400, f"the JSON patch is malformed: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        raise ApiError(422, f"the server rejected our request due to an error in our request: {error}") from error
