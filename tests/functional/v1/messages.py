"""Messages of ``ote.v1``, written and read by hand: nothing here comes from our own codec. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

REGIST, UNREGIST, NEIGHBOR_ROUTE, SUBTREE_ROUTE, CONTROL_REQ, CONTROL_RESP, EDGE_REPORT = 1, 2, 3, 4, 7, 8, 9

MESSAGE_ID, COMMAND, SELECTOR, CLUSTER, PARENT = 1, 2, 3, 4, 5
"""Fields of a head."""

Fields = list[tuple[int, int, Any]]
"""Number, wire type and value of each field, in the order in which they came; numbers nobody knows included."""


class Malformed(Exception):
    """No protobuf."""


def parse(raw: bytes) -> Fields:
    """The fields of a message.

    :raise Malformed: they end in the middle, or are of a kind that is never sent.
    """
    found: Fields = []
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value: Any
            value, at = _varint(raw, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = raw[at : at + size], at + size
        elif kind == 2:
            size, at = _varint(raw, at)
            value, at = raw[at : at + size], at + size
        else:
            raise Malformed(f"wire type {kind}")
        if at > len(raw):
            raise Malformed("a field ends behind the message")
        found.append((number, kind, value))
    return found


def write(fields: Fields) -> bytes:
    """A message of these fields; known ones that are empty are left out, as Go leaves them out."""
    return b"".join(_field(*field) for field in fields)


class Message:
    """A ``ClusterMessage``: what is unknown in its head is kept.

    :raise Malformed: there is no head, or no protobuf.
    """

    def __init__(self, raw: bytes) -> None:
        parts = parse(raw)
        heads = [value for number, kind, value in parts if number == 1 and kind == 2]
        if not heads:
            raise Malformed("no head")
        self.head = [field for head in heads for field in parse(head)]
        self.body: bytes = next((value for number, kind, value in reversed(parts) if number == 2 and kind == 2), b"")

    @property
    def command(self) -> int:
        """What it is."""
        return int(self._last(COMMAND, 0))

    def text(self, number: int) -> str:
        """A text of the head."""
        value: bytes = self._last(number, b"")
        return value.decode()

    def set(self, number: int, value: Any) -> None:
        """Change the head: known fields in ascending order, then what is unknown."""
        kept = [field for field in self.head if field[0] != number]
        kept.append((number, 0 if isinstance(value, int) else 2, value if isinstance(value, int) else value.encode()))
        known = {field[0]: field for field in kept if field[0] < 6}
        self.head = [known[number] for number in sorted(known)] + [field for field in kept if field[0] >= 6]

    def encode(self) -> bytes:
        """Its bytes."""
        head = write([field for field in self.head if field[0] >= 6 or field[2] not in (0, b"")])
        return _field(1, 2, head) + (_field(2, 2, self.body) if self.body else b"")

    def _last(self, number: int, otherwise: Any) -> Any:
        return next((value for found, _, value in reversed(self.head) if found == number), otherwise)


def message(command: int, body: bytes, **head: str) -> bytes:
    """One of its own; ``head`` may have ``message_id``, ``cluster`` and ``parent``."""
    numbers = {"message_id": MESSAGE_ID, "cluster": CLUSTER, "parent": PARENT}
    fields: Fields = [(COMMAND, 0, command), *((numbers[name], 2, text.encode()) for name, text in head.items() if text)]
    return _field(1, 2, write(sorted(fields))) + (_field(2, 2, body) if body else b"")


def answer_body(timestamp: int, code: int, body: bytes) -> bytes:
    """A ``ControllerTaskResponse``."""
    return write([(1, 0, timestamp), (2, 0, code), (3, 2, body)])


def go_json(value: Any) -> bytes:
    """JSON as Go's ``encoding/json`` writes it: no blanks, some characters escaped; who calls sorts the keys of maps."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def fragments(payload: bytes) -> Iterator[bytes]:
    """A payload as the original's websocket library cuts it."""
    for at in range(0, max(1, len(payload)), 4096):
        yield payload[at : at + 4096]


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise Malformed("a number without end")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _field(number: int, kind: int, value: Any) -> bytes:
    key = _number(number << 3 | kind)
    if kind == 0:
        return key + _number(value)
    return key + (_number(len(value)) if kind == 2 else b"") + value


def _number(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
