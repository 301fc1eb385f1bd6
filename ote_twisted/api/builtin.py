"""What Kubernetes derives in objects of a few built-in kinds when they are written. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from ote_twisted.storage.model import JSON


def _secret(value: JSON) -> None:
    """``stringData`` is written into ``data`` and never kept."""
    texts = value.pop("stringData", None)
    if isinstance(texts, dict) and texts:
        data = value.get("data")
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
        value["data"] = {**(data if isinstance(data, dict) else {}), **encoded}


def _namespace(value: JSON) -> None:
    """A namespace can be selected by its name."""
    metadata = value["metadata"]
    labels = metadata.get("labels") or {}
    if isinstance(labels, dict) and metadata.get("name"):
        metadata["labels"] = {**labels, "kubernetes.io/metadata.name": metadata["name"]}


COMPLETIONS: Mapping[str, Callable[[JSON], None]] = {"secrets": _secret, "namespaces": _namespace}
"""Completion by resource; works in place on objects whose types are not checked yet."""
