"""Reads pages for people: what they tell to type, and what they say that comes of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

_BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (\S+\.yaml)\n")
_MADE = re.compile(r"\b(trial|inference|camera-settings|maintenance|run)-[a-z0-9]{5}\b")
_VARYING = (
    (_MADE, r"\1-*"),
    (re.compile(r"\b\d+(d\d+h|h\d+m|m\d+s|[smhd])\b"), "AGE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"/\S*/kubeconfig"), "KUBECONFIG"),
    (re.compile(r"^\d+ tasks for \d+ targets:"), "TASKS:"),
    (re.compile(r"/\S*/(?=\w+\.toml)"), "FOLDER/"),
    (re.compile(r"\.?/\S*/twistd|\.venv/bin/twistd"), "TWISTD"),
    (re.compile(r"kill -9 \d+"), "kill -9 PROCESS"),
)
_PROGRESS = re.compile(r"\d+ of \d+ answered")


@frozen
class Step:
    """One command and what a page shows of its output; nothing shown is nothing said."""

    command: str
    shown: tuple[str, ...]


@frozen
class File:
    """A file that a page gives."""

    name: str
    text: str


def steps(page: str) -> Iterator[Step | File]:
    """Everything that a page has its reader do, in order."""
    for kind, text in _BLOCK.findall(page):
        if kind == "console":
            yield from _commands(text)
        elif named := _FILE.match(text):
            yield File(named[1], text)


def differs(shown: Sequence[str], output: str) -> str:
    """Why the output is not what is shown; empty when it is.

    Ages, addresses and generated names may differ; a line ``...`` stands for any lines.
    """
    lines = [normal(line) for line in output.splitlines() if not _PROGRESS.match(line)]
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(normal(line)) + r"\n" for line in shown)
    if not shown or re.fullmatch(pattern, "".join(line + "\n" for line in lines)):
        return ""
    return "shown:\n" + "\n".join(map(normal, shown)) + "\n\nis:\n" + "\n".join(lines)


def normal(line: str) -> str:
    """A line without what varies from run to run."""
    for pattern, text in _VARYING:
        line = pattern.sub(text, line)
    return " ".join(line.split())


def _commands(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield Step(command, tuple(shown))
