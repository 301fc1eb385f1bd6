"""Refusals in Kubernetes' ``Status`` form. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ote_twisted.errors import AlreadyExists, Conflict, Expired, NotFound, OTEError, StoreError, StoreUnavailable
from ote_twisted.values import frozen

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
    507: "InsufficientStorage",
}


@frozen
class Cause:
    """One fault of one field.

    :ivar field: path, for example ``spec.template.containers[0].name``.
    :ivar reason: Kubernetes' word for it, for example ``FieldValueInvalid``.
    :ivar message: what is wrong, without the field's name.
    """

    field: str
    reason: str
    message: str


class ApiError(OTEError):
    """A call is refused.

    :ivar code: HTTP status.
    :ivar reason: Kubernetes' machine-readable word.
    :ivar details: Kubernetes' ``details`` of a Status.
    """

    def __init__(self, code: int, message: str, reason: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or _REASONS.get(code, "Unknown")
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        """The refusal as a Status object."""
        return failure_status(self.code, self.message, self.reason, self.details)


def failure_status(code: int, message: str, reason: str, details: dict[str, Any]) -> dict[str, Any]:
    """A Status of a failure, its keys in Kubernetes' order."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
    }
    if details:
        status["details"] = details
    status["code"] = code
    return status


@frozen
class Named:
    """What a call is about, as texts and details of refusals name it.

    :ivar what: plural with group, ``clusters.ote.baidu.com``.
    """

    what: str
    group: str = ""
    plural: str = ""
    kind: str = ""
    name: str = ""

    @property
    def details(self) -> dict[str, Any]:
        """Details of a refusal, empty parts left out."""
        parts = {"name": self.name, "group": self.group, "kind": self.plural}
        return {key: value for key, value in parts.items() if value}

    @property
    def kind_with_group(self) -> str:
        """``Cluster.ote.baidu.com``, ``ConfigMap``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


def invalid(subject: Named, causes: Sequence[Cause]) -> ApiError:
    """422 with one cause per fault."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    body = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    parts = {"name": subject.name, "group": subject.group, "kind": subject.kind}
    details: dict[str, Any] = {key: value for key, value in parts.items() if value}
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return ApiError(422, f'{subject.kind_with_group} "{subject.name}" is invalid: {body}', details=details)


def unknown_path() -> ApiError:
    """404 for a path that is not served at all."""
    return ApiError(404, "the server could not find the requested resource")


def not_found(subject: Named) -> ApiError:
    """404 for an object."""
    return ApiError(404, f'{subject.what} "{subject.name}" not found', details=subject.details)


def conflict(subject: Named, why: str) -> ApiError:
    """409 because the object is another than the caller thinks."""
    message = f'Operation cannot be fulfilled on {subject.what} "{subject.name}": {why}'
    return ApiError(409, message, details=subject.details)


def from_store(error: StoreError, subject: Named) -> ApiError:
    """What a store's refusal means to the caller of the API."""
    if isinstance(error, NotFound):
        return not_found(subject)
    if isinstance(error, AlreadyExists):
        return ApiError(409, f'{subject.what} "{subject.name}" already exists', "AlreadyExists", subject.details)
    if isinstance(error, Conflict):
        return conflict(subject, "the object has been modified; please apply your changes to the latest version and try again")
    if isinstance(error, Expired):
        return ApiError(410, f"The provided resource version or continue token is too old: {error}")
    if isinstance(error, StoreUnavailable):
        return ApiError(507, f"The store cannot write now: {error}", details={"retryAfterSeconds": 5})
    return ApiError(500, f"Internal error occurred: {error}")
