"""Answer bodies as they are shown in JSON: as text where they are text, cut to what there is room for. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import orjson

from ote_twisted.values import frozen

BASE64 = "base64"


@frozen
class Shown:
    """A body in JSON.

    :ivar text: the body, or its base64 form.
    :ivar encoding: ``base64``, or empty for text.
    :ivar size: bytes that ``text`` takes in JSON, quotes and escapes included.
    :ivar truncated: only the beginning is shown.
    """

    text: str
    encoding: str
    size: int
    truncated: bool = False


def show(body: bytes) -> Shown:
    """A body that is valid UTF-8 is text; anything else is base64."""
    try:
        text, encoding = body.decode(), ""
    except UnicodeDecodeError:
        text, encoding = b64encode(body).decode("ascii"), BASE64
    return Shown(text, encoding, _size(text))


def cut(shown: Shown, limit: int) -> Shown:
    """The beginning of a body that takes at most ``limit`` bytes of JSON; base64 is cut to whole groups."""
    if shown.size <= limit:
        return shown
    text, size, room = shown.text, shown.size - 2, max(0, limit - 2)
    while size > room:
        text = text[: min(len(text) - 1, len(text) * room // size)]
        size = _size(text) - 2
    if shown.encoding == BASE64:
        text = text[: len(text) // 4 * 4]
    return Shown(text, shown.encoding, _size(text), truncated=True)


def fair_limit(sizes: Sequence[int], room: int) -> int:
    """The limit that, put on every size, makes their sum fit: the small stay whole, the large share what is left."""
    left = room
    for index, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - index)
        if size > share:
            return share
        left -= size
    return max(sizes, default=0)


def _size(text: str) -> int:
    return len(orjson.dumps(text))
