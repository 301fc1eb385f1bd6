"""The manifests that are shipped inside the package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml

from ote_twisted.declarations.model import Kind, kinds_of
from ote_twisted.errors import ConfigError

TREE = ("crds", "virtual", "base")
"""Folders with the kinds that every controller serves: those of the tree, namespaces and events."""

CLUSTER = ("builtin",)
"""Folders with the other kinds of a Kubernetes cluster, served with the embedded shim."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_kinds(folders: Sequence[str] = TREE + CLUSTER) -> list[Kind]:
    """Kinds declared by every manifest in some of this package's folders, in order of file names.

    :raise ConfigError: a shipped manifest is damaged; the text names the file.
    """
    root = files("ote_twisted.declarations")
    return [kind for folder in folders for kind in _folder_kinds(root.joinpath(folder))]


def _folder_kinds(folder: Traversable) -> Iterator[Kind]:
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".yaml"):
            yield from parse_kinds(file.read_text("utf-8"), file.name)


def parse_kinds(text: str, source: str) -> Iterator[Kind]:
    """Kinds declared by a YAML text of one or more documents.

    :raise ConfigError: not YAML, or not definitions.
    """
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document]
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: {error}") from error
    for document in documents:
        yield from kinds_of(document, source)
