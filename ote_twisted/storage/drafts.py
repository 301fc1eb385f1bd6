"""How an object becomes the bytes that are stored: everything is encoded but its version, which only the writer knows. Pure."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import field, frozen

from ote_twisted.errors import StoreError
from ote_twisted.storage.model import JSON, ResourceVersion

_HEAD = ("apiVersion", "kind")


@frozen(eq=False)
class Draft:
    """An encoded object that waits for its version.

    :ivar before: JSON up to the value of ``metadata.resourceVersion``.
    :ivar after: JSON after it.
    :ivar labels: ``metadata.labels``, those that are text.
    """

    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    labels: dict[str, str] = field(repr=False)

    def at(self, version: int) -> bytes:
        """The object as JSON bytes with that version."""
        return b"%b%d%b" % (self.before, version, self.after)


def draft(value: JSON) -> Draft:
    """Encode an object; ``apiVersion``, ``kind`` and ``metadata`` come first, whatever the order given.

    :raise StoreError: the value is no JSON object, or its ``metadata`` is none.
    """
    metadata = value.get("metadata", {})
    if not isinstance(metadata, dict):
        raise StoreError("metadata must be a JSON object")
    head = _members({name: value[name] for name in _HEAD if name in value})
    inner = _members({name: part for name, part in metadata.items() if name != "resourceVersion"})
    rest = _members({name: part for name, part in value.items() if name not in _HEAD and name != "metadata"})
    before = b"{" + (head + b"," if head else b"") + b'"metadata":{"resourceVersion":"'
    after = b'"' + (b"," + inner if inner else b"") + b"}" + (b"," + rest if rest else b"") + b"}"
    return Draft(before, after, _labels(metadata))


def restamped(value: bytes, version: ResourceVersion) -> bytes:
    """Stored bytes with another version in them."""
    return draft(orjson.loads(value)).at(version)


def _members(part: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(part)[1:-1]
    except TypeError as error:
        raise StoreError(f"the object cannot be written as JSON: {error}") from None


def _labels(metadata: dict[str, Any]) -> dict[str, str]:
    labels = metadata.get("labels")
    if not isinstance(labels, dict):
        return {}
    return {label: text for label, text in labels.items() if isinstance(text, str)}
