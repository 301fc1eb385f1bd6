"""Kinds of values that options have: how each is read from TOML, parsed from a flag, and described. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from attrs import field

from ote_twisted.topology.names import check_label_value, check_tag, parse_name
from ote_twisted.values import frozen

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)?")
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, None: 1}
_ENDPOINT = re.compile(r"[A-Za-z][A-Za-z0-9_]*:.+", re.DOTALL)
_PLUGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@frozen
class Kind:
    """One kind of value.

    :ivar word: short name for tables, e.g. ``duration``.
    :ivar expected: completes "expected …" in an error.
    :ivar read: takes a TOML value; raises ValueError when it is not of this kind, InvalidName when it breaks a rule of names.
    :ivar parse: takes a flag's text; raises likewise.
    :ivar secret: the value may carry a credential, so errors do not repeat it.
    """

    word: str
    expected: str
    read: Callable[[object], Any]
    parse: Callable[[str], Any]
    secret: bool = field(default=False)


def _textual(word: str, expected: str, check: Callable[[str], Any], secret: bool = False) -> Kind:
    """Give a kind whose TOML form is a string, and whose flag is the same text."""

    def read(value: object) -> Any:
        if not isinstance(value, str):
            raise ValueError(value)
        return check(value)

    return Kind(word, expected, read, check, secret)


def _require(condition: object, value: str) -> str:
    if not condition:
        raise ValueError(value)
    return value


def read_duration(value: object) -> float:
    """Give seconds from a number of seconds or a text with a unit.

    :raise ValueError: neither, negative, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(value)
        value = float(match[1]) * _SECONDS[match[2]]
    if not math.isfinite(value) or value < 0:
        raise ValueError(value)
    return float(value)


def read_size(value: object) -> int:
    """Give bytes from a whole number or a text with a binary unit.

    :raise ValueError: neither, or not positive.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(value)
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            raise ValueError(value)
        value = int(match[1]) * _BYTES[match[2]]
    if value <= 0:
        raise ValueError(value)
    return value


def _read_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(value)
    return value


def _split_port(value: str) -> SplitResult:
    parts = urlsplit(value)
    if not parts.hostname or any(character.isspace() for character in value):
        raise ValueError(value)
    if parts.port == 0:  # reading the property raises ValueError for a port out of range
        raise ValueError(value)
    return parts


def _websocket_url(value: str) -> str:
    return _require(_split_port(value).scheme in ("ws", "wss"), value)


def _proxy_url(value: str) -> str:
    parts = _split_port(value)
    return _require(parts.scheme == "http" and parts.path in ("", "/") and parts.username is None, value)


def _host_port(value: str) -> str:
    host, colon, _ = value.rpartition(":")
    parts = _split_port(f"//{value if host else 'any' + value}")
    return _require(colon and parts.port and not parts.path and not parts.username, value)


def _shim(value: str) -> str:
    if "://" in value:
        return _websocket_url(value)
    return _require(_PLUGIN.fullmatch(value), value)


def _read_switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def choice(*words: str) -> Kind:
    """Give the kind of one word among several."""
    quoted = " or ".join(f'"{word}"' for word in words)
    return _textual("one of " + ", ".join(words), quoted, lambda value: _require(value in words, value))


TEXT = _textual("text", "a text that is not empty", lambda value: _require(value.strip(), value))
PATH = _textual("path", "a path", lambda value: Path(_require(value.strip() and "\0" not in value, value)))
ENDPOINT = _textual(
    "endpoint",
    'a listening endpoint such as "tcp:8287:interface=127.0.0.1"',
    lambda value: _require(_ENDPOINT.fullmatch(value), value),
)
WEBSOCKET_URL = _textual("URL", 'a websocket address such as "ws://127.0.0.1:8287"', _websocket_url)
HOST_PORT = _textual("host:port", 'an address such as "edge7.example:8287" or ":8287"', _host_port)
PROXY_URL = _textual("URL", 'an HTTP proxy without credentials such as "http://proxy.example:3128"', _proxy_url, secret=True)
SHIM = _textual("shim", '"embedded", "none", the name of an installed shim, or a "ws://host:port" address', _shim)
NAME = _textual("name", "a cluster's name", parse_name)
LABEL_VALUE = _textual("text", "a label's value", check_label_value)
TAG = _textual("text", "a tag", check_tag)
DURATION = Kind("duration", 'a duration: seconds, or a text such as "500ms", "5s", "10m", "1h"', read_duration, read_duration)
SIZE = Kind("size", 'a size: bytes, or a text such as "64KiB", "16MiB"', read_size, read_size)
COUNT = Kind("number", "a whole number from 1 up", _read_count, lambda text: _read_count(int(text)))
SWITCH = Kind("switch", "true or false", _read_switch, lambda text: _require(text in ("true", "false"), text) == "true")
