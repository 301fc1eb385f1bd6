"""Which form of an answer a client takes, from its ``Accept`` header. Pure."""

from __future__ import annotations

from functools import lru_cache

from ote_twisted.api.status import ApiError
from ote_twisted.values import frozen

_MAX_HEADER = 4096
_TYPES = {
    "*/*": False,
    "application/*": False,
    "application/json": False,
    "application/json;stream=watch": False,
    "application/yaml": True,
    "application/x-yaml": True,
}
_VERSIONS = {
    "": ("",),
    "PartialObjectMetadata": ("", "v1", "v1beta1"),
    "PartialObjectMetadataList": ("", "v1", "v1beta1"),
    "Table": ("", "v1", "v1beta1"),
    "APIGroupDiscoveryList": ("", "v2", "v2beta1"),
}


@frozen
class Form:
    """Form of an answer; hashable, so that encoded events can be shared by it.

    :ivar transform: empty for objects as they are, or ``Table``, ``PartialObjectMetadata``, ``APIGroupDiscoveryList``.
    :ivar version: version of the transform's kind.
    :ivar yaml: YAML instead of JSON.
    """

    transform: str = ""
    version: str = ""
    yaml: bool = False

    @property
    def content_type(self) -> str:
        """What the answer says of itself."""
        return "application/yaml" if self.yaml else "application/json"


PLAIN = Form()


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Form:
    """The first form that a client takes and that we have; JSON when it does not say.

    :raise ApiError: 406, there is none.
    """
    if not accept:
        return PLAIN
    for clause in accept[:_MAX_HEADER].split(","):
        form = _form(clause)
        if form is not None:
            return form
    raise ApiError(406, "only the following media types are accepted: application/json, application/yaml")


def _form(clause: str) -> Form | None:
    media, *pieces = (piece.strip() for piece in clause.split(";"))
    parameters = dict(piece.split("=", 1) for piece in pieces if "=" in piece)
    yaml, transform = _TYPES.get(media.lower()), parameters.get("as", "")
    version = parameters.get("v", "") if transform else ""
    if yaml is None or version not in _VERSIONS.get(transform, ()):
        return None
    return Form(transform.removesuffix("List") if transform.startswith("Partial") else transform, version, yaml)
