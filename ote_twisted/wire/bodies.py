"""What the bodies of all commands of ``ote.v2`` have in common: bounds first, then protobuf."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from ote_twisted.errors import MalformedMessage
from ote_twisted.wire.codec import undecodable
from ote_twisted.wire.limits import ANNOUNCEMENT_LIMIT, NAMES_LIMIT

_Body = TypeVar("_Body", bound=Message)


def parsed(kind: type[_Body], raw: bytes, what: str, limit: int | None = None) -> _Body:
    """Decode a body.

    :param limit: its longest, bytes, where that is less than for most.

    :raise MalformedMessage: too long, or no such body.
    """
    most = ANNOUNCEMENT_LIMIT if limit is None else min(limit, ANNOUNCEMENT_LIMIT)
    if len(raw) > most:
        raise MalformedMessage(f"{what}: {len(raw)} bytes are over the limit of {most}")
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
