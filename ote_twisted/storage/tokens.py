"""Continue tokens of paged lists: which version, and after which object. Pure."""

from __future__ import annotations

import orjson

from ote_twisted.errors import Expired
from ote_twisted.storage.model import ResourceVersion

_FOREIGN = "the continue token is not one of this store: start the list again"


def continue_token(version: ResourceVersion, namespace: str, name: str) -> str:
    """The token that continues a list of ``version`` after that object."""
    return orjson.dumps([version, namespace, name]).decode()


def parse_token(token: str) -> tuple[ResourceVersion, tuple[str, str]]:
    """What a token says.

    :raise Expired: the text was not made by :func:`continue_token`.
    """
    try:
        version, namespace, name = orjson.loads(token)
    except (ValueError, TypeError):
        raise Expired(_FOREIGN) from None
    if type(version) is not int or not isinstance(namespace, str) or not isinstance(name, str):
        raise Expired(_FOREIGN)
    return ResourceVersion(version), (namespace, name)
