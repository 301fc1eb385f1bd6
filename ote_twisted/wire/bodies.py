"""What the bodies of all commands of ``ote.v2`` have in common: bounds first, then protobuf."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire.codec import undecodable
from ote_twisted.wire.limits import ANNOUNCEMENT_LIMIT, NAMES_LIMIT

_Body = TypeVar("_Body", bound=Message)


def parsed(kind: type[_Body], raw: bytes, what: str) -> _Body:
    """Decode a body.

    :raise MalformedMessage: too long, or no such body.
    """
    if len(raw) > ANNOUNCEMENT_LIMIT:
        raise MalformedMessage(f"{what}: {len(raw)} bytes are over the limit of {ANNOUNCEMENT_LIMIT}")
    try:
        return kind.FromString(raw)
    except DecodeError as fault:
        raise undecodable(what, fault) from None


def check_number(what: str, names: Sized) -> None:
    """:raise MalformedMessage: more names than one body may hold."""
    if len(names) > NAMES_LIMIT:
        raise MalformedMessage(f"{what}: {len(names)} clusters are over the limit of {NAMES_LIMIT}")


def written(kind: type[Message], **fields: Any) -> bytes:
    """Encode a body.

    :raise MalformedMessage: text that has no UTF-8 form, or a number that does not fit.
    """
    try:
        return kind(**fields).SerializeToString(deterministic=True)
    except (UnicodeEncodeError, ValueError) as fault:
        raise MalformedMessage(f"{kind.DESCRIPTOR.name}: {fault}") from None
