"""What a request asks for: verb, kind, namespace, name and options, read from method and URI. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import parse_qsl, unquote

from attrs import field

from ote_twisted.api.accept import Form, negotiate
from ote_twisted.api.catalogue import Catalogue
from ote_twisted.api.model import ApiRequest
from ote_twisted.api.status import ApiError, Named, unknown_path
from ote_twisted.declarations.model import Kind
from ote_twisted.storage.model import Key
from ote_twisted.values import frozen

_VERBS = {
    "GET": ("list", "get"),
    "HEAD": ("list", "get"),
    "POST": ("create", ""),
    "PUT": ("", "update"),
    "PATCH": ("", "patch"),
    "DELETE": ("deletecollection", "delete"),
}
_TRUE = ("true", "1", "True", "t", "T", "TRUE")


@frozen(eq=False)
class Options:
    """Query parameters, first value of each."""

    values: Mapping[str, str] = field(factory=dict)

    def text(self, name: str) -> str:
        """A parameter, empty when absent."""
        return self.values.get(name, "")

    def flag(self, name: str) -> bool:
        """A boolean parameter as Kubernetes reads it."""
        return self.values.get(name) in _TRUE

    def number(self, name: str) -> int | None:
        """A whole number that is not negative, ``None`` when absent or empty.

        :raise ApiError: 400, it is something else.
        """
        text = self.values.get(name)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise ApiError(400, f'query parameter {name}: "{text[:64]}" is not a whole number of at least 0')
        return int(text)


@frozen(eq=False)
class Call:
    """A request for objects of one kind.

    :ivar form: what the client takes as an answer.
    :ivar verb: Kubernetes' verb; ``watch`` when a list is asked as a watch.
    :ivar namespace: ``None`` for all namespaces, empty for cluster-scoped kinds.
    :ivar name: ``None`` for the collection.
    :ivar subresource: empty for the object itself.
    """

    request: ApiRequest
    form: Form
    verb: str
    kind: Kind
    namespace: str | None
    name: str | None
    subresource: str
    options: Options

    @property
    def key(self) -> Key:
        """Where the object lives; only for calls that name one."""
        return Key(self.kind.resource, self.namespace or "", self.name or "")

    @property
    def include(self) -> str:
        """What rows of a table carry of their objects."""
        return self.options.text("includeObject")

    @property
    def subject(self) -> Named:
        """What refusals call it."""
        return named(self.kind, self.name or "")


def named(kind: Kind, name: str) -> Named:
    """What refusals call an object of a kind."""
    return Named(kind.resource, kind.group, kind.plural, kind.kind, name)


def split_uri(uri: str) -> tuple[list[str], Options]:
    """Path segments, percent-decoded, and options.

    :raise ApiError: 400, the URI is not UTF-8 or has no path.
    """
    path, _, query = uri.partition("?")
    try:
        segments = [unquote(part, errors="strict") if "%" in part else part for part in path.strip("/").split("/")]
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=100) if query else []
    except ValueError as error:
        raise ApiError(400, f"the URI cannot be read: {error}") from error
    return segments, Options(dict(reversed(pairs)))


def read_call(catalogue: Catalogue, request: ApiRequest, segments: list[str], options: Options) -> Call:
    """A call for objects, from the segments of a path below ``/api`` or ``/apis``.

    :raise ApiError: 404 for a path that is not served, 405 for a verb that it does not take, 406 for a form that we do not have.
    """
    group, version, rest = _group(segments)
    if rest[0] == "watch":
        rest, options = rest[1:] or _unserved(), Options({**options.values, "watch": "true"})
    namespace, plural, tail = _namespace(rest)
    kind = catalogue.find(group, version, plural)
    if kind is None or len(tail) > 2 or (not kind.namespaced and namespace is not None):
        raise unknown_path()
    name, subresource = [*tail, "", ""][:2]
    if "" in tail or (subresource and not _has(kind, subresource)) or (kind.namespaced and name and namespace is None):
        raise unknown_path()
    scope = namespace if kind.namespaced else ""
    verb = _verb(request.method, kind, name, subresource, options)
    form = negotiate(request.headers.get("accept", ""))
    return Call(request, form, verb, kind, scope, name or None, subresource, options)


def _unserved() -> NoReturn:
    raise unknown_path()


def _group(segments: list[str]) -> tuple[str, str, list[str]]:
    if segments[0] == "api" and len(segments) > 2:
        return "", segments[1], segments[2:]
    if segments[0] == "apis" and len(segments) > 3:
        return segments[1], segments[2], segments[3:]
    raise unknown_path()


def _namespace(rest: list[str]) -> tuple[str | None, str, list[str]]:
    """Namespace, plural and what follows. ``namespaces/x`` alone, and its subresources, is the namespace object."""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        return rest[1], rest[2], rest[3:]
    return None, rest[0], rest[1:]


def _has(kind: Kind, subresource: str) -> bool:
    return (subresource == "status" and kind.has_status) or subresource in kind.answers


def _verb(method: str, kind: Kind, name: str, subresource: str, options: Options) -> str:
    verb = _VERBS.get(method, ("", ""))[1 if name else 0]
    if verb in ("list", "get") and options.flag("watch") and not subresource:
        verb = "watch"
    if not _takes(kind, verb, subresource):
        raise ApiError(405, "the server does not allow this method on the requested resource")
    return verb


def _takes(kind: Kind, verb: str, subresource: str) -> bool:
    if subresource in kind.answers:
        return verb == "get"
    if subresource == "status":
        return verb in ("get", "update", "patch")
    return verb in kind.verbs
