"""Files and command lines of a demo's controllers that are processes of their own. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from ote_twisted.cli.demo.places import Place

PROGRAM = ("--nodaemon", "--pidfile=", "ote-controller")
"""What twistd is told, beside the file."""


@frozen
class Home:
    """Where one controller of a demo lives.

    :ivar folder: the demo's.
    :ivar parent: address of the tunnel to join; empty for the root.
    :ivar tunnel: port for children; 0 where there are none.
    :ivar api: port of the API.
    """

    folder: Path
    place: Place
    parent: str
    tunnel: int
    api: int

    @property
    def config(self) -> Path:
        """The controller's file of options."""
        return self.folder / f"{self.place.name}.toml"

    @property
    def log(self) -> Path:
        """Where it writes its log."""
        return self.folder / f"{self.place.name}.log"

    @property
    def url(self) -> str:
        """Address of its API."""
        return f"http://{HOST}:{self.api}"

    def arguments(self) -> tuple[str, ...]:
        """What twistd is told."""
        return (*PROGRAM, "--config", str(self.config))


HOST = "127.0.0.1"


def config_text(home: Home, stop: str) -> str:
    """The file of options of one controller.

    :param stop: how long it may take to stop, e.g. ``1s``.
    """
    place = home.place
    lines = [
        f"name = {_text(place.name)}",
        *([f"parents = {_list([home.parent])}"] if home.parent else ()),
        *([f"tunnels = {_list([_endpoint(home.tunnel)])}"] if home.tunnel else ()),
        f"api = {_text(_endpoint(home.api))}",
        f"state = {_text(str(home.folder / place.name))}",
        f"tags = {_list(place.tags)}",
        f"stop_timeout = {_text(stop)}",
        f"labels = {_table(place.labels)}",
    ]
    return "\n".join(lines) + "\n"


def ended(code: int | None, number: int | None) -> str:
    """How a process ended, completing "north ..."."""
    return f"ended with exit code {code}" if number is None else f"was ended by signal {number}"


def _endpoint(port: int) -> str:
    return f"tcp:{port}:interface={HOST}"


def _text(value: str) -> str:
    """A TOML text; what JSON escapes TOML reads likewise."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _table(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_text(key)} = {_text(value)}" for key, value in sorted(values.items())) + "}"
