"""The manifests that are shipped inside the package.

YAML takes its time and its parser a megabyte, so ``compiled.json`` holds what each manifest says. A manifest that was
changed since is read itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import orjson

from ote_twisted.declarations.model import Kind, kinds_of
from ote_twisted.errors import ConfigError

TREE = ("crds", "virtual", "base")
"""Folders with the kinds that every controller serves: those of the tree, namespaces and events."""

CLUSTER = ("builtin",)
"""Folders with the other kinds of a Kubernetes cluster, served with the embedded shim."""

COMPILED = "compiled.json"
"""File name of the compiled manifests; ``make generated`` writes it."""

Compiled = Mapping[str, Any]
"""``{"digest", "documents"}`` of each manifest, by folder and file name."""


def load_kinds(folders: Sequence[str] = TREE + CLUSTER) -> list[Kind]:
    """Kinds declared by every manifest in some of this package's folders, in order of file names.

    :raise ConfigError: a shipped manifest is damaged; the text names the file.
    """
    compiled = _compiled()
    return [kind for folder in folders for file in _manifests(folder) for kind in _file_kinds(folder, file, compiled)]


def compile_manifests() -> bytes:
    """The content of ``compiled.json``, from the manifests."""
    compiled = {}
    for folder in TREE + CLUSTER:
        for file in _manifests(folder):
            content = file.read_bytes()
            compiled[f"{folder}/{file.name}"] = {"digest": _digest(content), "documents": _documents(content, file.name)}
    return orjson.dumps(compiled, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def parse_kinds(text: str, source: str) -> Iterator[Kind]:
    """Kinds declared by a YAML text of one or more documents.

    :raise ConfigError: not YAML, or not definitions.
    """
    for document in _documents(text.encode(), source):
        yield from kinds_of(document, source)


def _file_kinds(folder: str, file: Traversable, compiled: Compiled) -> Iterator[Kind]:
    content = file.read_bytes()
    known = compiled.get(f"{folder}/{file.name}", {})
    current = known.get("digest") == _digest(content)
    for document in known["documents"] if current else _documents(content, file.name):
        yield from kinds_of(document, file.name)


def _documents(content: bytes, source: str) -> list[Any]:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return [document for document in yaml.load_all(content, Loader=loader) if document]
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: {error}") from error


def _manifests(folder: str) -> list[Traversable]:
    found = files("ote_twisted.declarations").joinpath(folder).iterdir()
    return sorted((file for file in found if file.name.endswith(".yaml")), key=lambda file: file.name)


def _compiled() -> Compiled:
    file = files("ote_twisted.declarations").joinpath(COMPILED)
    compiled: Compiled = orjson.loads(file.read_bytes()) if file.is_file() else {}
    return compiled


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
