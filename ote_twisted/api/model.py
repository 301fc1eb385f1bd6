"""One API call as values, independent of HTTP transport: the listener and the embedded shim both make them. Pure."""

from __future__ import annotations

from attrs import field

from ote_twisted.values import frozen


@frozen(eq=False)
class ApiRequest:
    """A call that has one answer (a watch is the listener's own affair).

    :ivar method: upper-case verb.
    :ivar uri: path with optional query, percent-encoded as received.
    :ivar headers: lower-case names; only ``content-type`` and ``accept`` matter.
    """

    method: str
    uri: str
    headers: dict[str, str] = field(factory=dict)
    body: bytes = field(default=b"", repr=False)


@frozen(eq=False)
class ApiResponse:
    """Its answer."""

    code: int
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: dict[str, str] = field(factory=dict)
