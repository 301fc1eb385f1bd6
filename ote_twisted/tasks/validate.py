"""The admission rules of ClusterController objects beyond their schema. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from ote_twisted.errors import InvalidSelector
from ote_twisted.storage.model import JSON

Fault = tuple[str, str]
"""Path of a field and the rule it breaks, a sentence."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DEADLINE_SECONDS = (1, 30 * 24 * 3600)
"""Shortest and longest ``spec.deadlineSeconds``."""

URL_LENGTH = 8192
BODY_BYTES = 192 * 1024
"""Longest ``spec.body``, in bytes of its JSON form, so that an object with its status stays below 1 MB."""

_DESTINATION = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_URL = re.compile(r"/[!-~]*\Z")


def validate_task(new: JSON, old: JSON | None) -> list[Fault]:
    """Faults of an object that is to be stored.

    :param new: the object, schema already checked or not.
    :param old: what is stored now, ``None`` for a creation. An unchanged spec is not judged again, so that
        labels and status of an object from another time can still be written.
    """
    spec = new.get("spec")
    if not isinstance(spec, dict):
        return [("spec", "a task needs a spec with clusterSelector, method and url")]
    if old is not None and old.get("spec") == spec:
        return []
    return list(_faults(spec))


def _faults(spec: JSON) -> Iterator[Fault]:
    for name, rule in (
        ("clusterSelector", _selector),
        ("destination", _destination),
        ("method", _method),
        ("url", _url),
        ("body", _body),
        ("deadlineSeconds", deadline_fault),
    ):
        message = rule(spec.get(name))
        if message:
            yield f"spec.{name}", message


def _selector(value: Any) -> str:
    if not isinstance(value, str):
        return "a selector is required, as text; write '*' for every cluster"
    from ote_twisted.topology.selection.parser import parse  # a site without tasks has no use for the language

    try:
        parse(value)
    except InvalidSelector as error:
        return str(error)
    return ""


def _destination(value: Any) -> str:
    if value is None or value == "" or (isinstance(value, str) and _DESTINATION.match(value)):
        return ""
    return "a destination is a lower-case name such as 'api' or 'helm': letters, digits and '-', at most 63"


def _method(value: Any) -> str:
    return "" if value in METHODS else f"the method is one of {', '.join(METHODS)}, in capitals"


def _url(value: Any) -> str:
    if not isinstance(value, str) or not _URL.match(value):
        return "the url is a path that starts with '/', in printable ASCII without blanks; percent-encode the rest"
    return "" if len(value) <= URL_LENGTH else f"the url has {len(value)} characters, at most {URL_LENGTH} are allowed"


def _body(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return "the body is text; write JSON as a string"
    try:
        size = len(orjson.dumps(value))
    except orjson.JSONEncodeError:
        return "the body is not valid Unicode"
    return "" if size <= BODY_BYTES else f"the body takes {size} bytes as JSON text, at most {BODY_BYTES} are allowed"


def deadline_fault(value: Any) -> str:
    """The rule that a ``deadlineSeconds`` breaks; empty if it is good or absent."""
    low, high = DEADLINE_SECONDS
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
        return ""
    return f"deadlineSeconds is a whole number from {low} to {high}"
