"""Edge reports: which of them tell a whole state, so that a newer one says all that an older one said. Pure."""

from __future__ import annotations

import json

CLUSTER_STATUS = 7
"""``resourceType`` of the status of a cluster; all others tell what has changed."""

LOOKED_AT = 64 * 1024
"""A longer report is no mere status, bytes."""


def report_key(body: bytes) -> str:
    """Reports with the same key replace each other; one with an empty key replaces none, because it tells changes only.

    :param body: JSON ``Reports``: an array of ``{"resourceType": number, "body": base64}``.
    """
    if len(body) > LOOKED_AT:
        return ""
    try:
        reports = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(reports, list) or not reports:
        return ""
    whole = all(isinstance(each, dict) and each.get("resourceType") == CLUSTER_STATUS for each in reports)
    return "cluster-status" if whole else ""
