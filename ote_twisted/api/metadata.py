"""Rules about an object's ``metadata``: names, what the server sets, what a writer may change. Pure."""

from __future__ import annotations

import re
from typing import Any

from ote_twisted.api.birth import Birth
from ote_twisted.api.status import ApiError, Cause, Named, conflict
from ote_twisted.declarations.model import Kind
from ote_twisted.storage.model import JSON

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_RULES = {
    "subdomain": (
        _SUBDOMAIN,
        253,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
        "and must start and end with an alphanumeric character",
    ),
    "label": (
        re.compile(_LABEL),
        63,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character",
    ),
    "service": (
        re.compile("[a-z]([-a-z0-9]*[a-z0-9])?"),
        63,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
        "and end with an alphanumeric character",
    ),
    "segment": (re.compile(r"(?!\.{1,2}\Z)[^/%]+"), 253, "must not be '.' or '..' nor contain '/' or '%'"),
}
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_SERVER_SET = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_MAX_ANNOTATIONS = 256 * 1024


def address(value: JSON, kind: Kind, namespace: str, name: str | None) -> None:
    """Fill in what the URL says of an object, in place.

    :raise ApiError: 400, the object says something else.
    """
    for key, wanted in (("apiVersion", kind.api_version), ("kind", kind.kind)):
        if value.setdefault(key, wanted) != wanted:
            text = "the API version" if key == "apiVersion" else "the kind"
            raise ApiError(400, f"{text} in the data ({value[key]}) does not match the expected {text[4:]} ({wanted})")
    metadata = value.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise ApiError(400, "metadata must be an object")
    if kind.namespaced:
        _same(metadata, "namespace", namespace)
    else:
        metadata.pop("namespace", None)
    if name is not None:
        _same(metadata, "name", name)


def _same(metadata: JSON, key: str, wanted: str) -> None:
    got = metadata.get(key) or wanted
    if got != wanted:
        raise ApiError(400, f"the {key} of the provided object does not match the {key} sent on the request")
    metadata[key] = wanted


def tidy(metadata: JSON) -> None:
    """Leave out what says nothing, in place: Kubernetes never shows empty labels or a null time."""
    for key in [key for key, value in metadata.items() if value in _NOTHING]:
        del metadata[key]


def prepare_create(value: JSON, kind: Kind, birth: Birth) -> None:
    """Set what the server sets on a new object, in place; remove what only it may set.

    :raise ApiError: 400, the object carries a resource version.
    """
    metadata = value["metadata"]
    if metadata.pop("resourceVersion", None):
        raise ApiError(400, "resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and isinstance(metadata.get("generateName"), str) and metadata["generateName"]:
        metadata["name"] = metadata["generateName"][:58] + birth.suffix()
    for key in _SERVER_SET:
        metadata.pop(key, None)
    metadata.pop("managedFields", None)
    metadata["uid"] = birth.uid
    metadata["creationTimestamp"] = birth.created
    if counts_generations(kind):
        metadata["generation"] = 1


def counts_generations(kind: Kind) -> bool:
    """The kind's objects have ``metadata.generation``."""
    return kind.has_status or kind.custom


def prepare_update(value: JSON, old: JSON, kind: Kind, subject: Named) -> None:
    """Carry over what only the server may change, in place; a changed spec is a new generation.

    :raise ApiError: 409, the object named by uid is another one.
    """
    metadata, before = value["metadata"], old["metadata"]
    if metadata.get("uid") not in (None, "", before.get("uid")):
        text = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {before.get('uid')}"
        raise conflict(subject, text)
    for key in _SERVER_SET:
        metadata.pop(key, None)
        if key in before:
            metadata[key] = before[key]
    metadata.pop("managedFields", None)
    metadata.pop("resourceVersion", None)
    if counts_generations(kind) and desired(value, kind) != desired(old, kind):
        metadata["generation"] = before.get("generation", 0) + 1


def desired(value: JSON, kind: Kind) -> dict[str, Any]:
    """What an object asks for: everything but metadata and, where it is a subresource, status."""
    left_out = ("metadata", "status") if kind.has_status else ("metadata",)
    return {key: part for key, part in value.items() if key not in left_out}


def check_metadata(value: JSON, kind: Kind) -> list[Cause]:
    """Faults of names, labels and annotations of an object whose types are right."""
    metadata = value["metadata"]
    causes = check_name(metadata.get("name") or "", kind)
    if "labels" in metadata:
        causes += _check_labels(metadata["labels"])
    if "annotations" in metadata:
        causes += _check_annotations(metadata["annotations"])
    return causes


def check_name(name: str, kind: Kind) -> list[Cause]:
    """Faults of an object's name."""
    pattern, limit, rule = _RULES[kind.name_rule]
    if not name:
        return [Cause("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")]
    if len(name) > limit:
        return [_name_fault(f"{name[:64]}...", f"must be no more than {limit} characters")]
    if not pattern.fullmatch(name):
        return [_name_fault(name, rule)]
    return []


def _name_fault(name: str, rule: str) -> Cause:
    return Cause("metadata.name", "FieldValueInvalid", f'Invalid value: "{name}": {rule}')


def _check_labels(labels: dict[str, str]) -> list[Cause]:
    causes = []
    for key, text in labels.items():
        if not is_qualified(key):
            causes.append(_label_fault(key, "a label key is at most 63 characters, before them optionally a DNS name and '/'"))
        if text and (len(text) > 63 or not _QUALIFIED.fullmatch(text)):
            causes.append(_label_fault(text, "a label value is at most 63 alphanumeric characters, '-', '_' or '.'"))
    return causes


def _label_fault(text: str, rule: str) -> Cause:
    return Cause("metadata.labels", "FieldValueInvalid", f'Invalid value: "{text[:100]}": {rule}')


def is_qualified(key: str) -> bool:
    """The text is a label or annotation key."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix)):
        return False
    return 0 < len(name) <= 63 and _QUALIFIED.fullmatch(name) is not None


def _check_annotations(annotations: dict[str, str]) -> list[Cause]:
    size = sum(len(key) + len(text) for key, text in annotations.items())
    if size > _MAX_ANNOTATIONS:
        return [Cause("metadata.annotations", "FieldValueTooLong", f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes")]
    return [
        Cause("metadata.annotations", "FieldValueInvalid", f'Invalid value: "{key[:100]}": not a qualified name')
        for key in annotations
        if not is_qualified(key.lower())
    ]
