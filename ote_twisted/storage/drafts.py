"""How an object becomes the bytes that are stored: everything is encoded but its version, which only the writer knows. Pure."""

from __future__ import annotations

import orjson
from attrs import field

from ote_twisted.errors import StoreError
from ote_twisted.storage.model import JSON, ResourceVersion
from ote_twisted.values import define

_GAP = b'"resourceVersion":""'
_GAP_AT = len(_GAP) - 1


@define(eq=False)
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
    stamped = {"resourceVersion": "", **metadata}
    if "resourceVersion" in metadata:
        stamped["resourceVersion"] = ""
    if type(value.get("apiVersion")) is type(value.get("kind")) is str:
        parts: JSON = {"apiVersion": None, "kind": None, "metadata": None, **value}
    else:
        parts = {"metadata": None, **value}
    parts["metadata"] = stamped
    try:
        encoded = orjson.dumps(parts)
    except TypeError as error:
        raise StoreError(f"the object cannot be written as JSON: {error}") from None
    # Only two texts stand before metadata, and a quote within a text is escaped: the first match is the gap.
    gap = encoded.index(_GAP) + _GAP_AT
    labels = metadata.get("labels")
    return Draft(encoded[:gap], encoded[gap:], _labels(labels) if labels else {})


def restamped(value: bytes, version: ResourceVersion) -> bytes:
    """Stored bytes with another version in them."""
    return draft(orjson.loads(value)).at(version)


def _labels(labels: object) -> dict[str, str]:
    if not isinstance(labels, dict):
        return {}
    return {label: text for label, text in labels.items() if isinstance(text, str)}
