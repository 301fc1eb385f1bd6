"""Stored objects as answers: as they are, as tables, as metadata only, in JSON or YAML. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ote_twisted.api.accept import Form
from ote_twisted.api.model import ApiResponse
from ote_twisted.api.tables import Tables, partial
from ote_twisted.declarations.model import Kind
from ote_twisted.storage.model import JSON


class Renderer:
    """Answers about objects of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._tables = Tables(kind)
        self._list_head = orjson.dumps({"apiVersion": kind.api_version, "kind": kind.list_kind})[:-1] + b',"metadata":'

    def object(self, value: bytes, form: Form, now: float, include: str, code: int = 200) -> ApiResponse:
        """One object.

        :param now: unix seconds, for ages in tables.
        :param include: the option ``includeObject`` of tables.
        """
        return encoded(self.object_bytes(value, form, now, include), form, code)

    def object_bytes(self, value: bytes, form: Form, now: float, include: str) -> bytes:
        """One object in JSON."""
        if form.transform == "Table":
            decoded = orjson.loads(value)
            metadata = {"resourceVersion": decoded["metadata"].get("resourceVersion", "")}
            return orjson.dumps(self._tables.table([decoded], now, include, metadata))
        if form.transform == "PartialObjectMetadata":
            return orjson.dumps(partial(orjson.loads(value)))
        return value

    def list(self, values: Sequence[bytes], metadata: JSON, form: Form, now: float, include: str) -> ApiResponse:
        """A list with its metadata."""
        if form.transform == "Table":
            table = self._tables.table([orjson.loads(value) for value in values], now, include, metadata)
            return encoded(orjson.dumps(table), form)
        if form.transform == "PartialObjectMetadata":
            items = [partial(orjson.loads(value)) for value in values]
            body = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items}
            return encoded(orjson.dumps(body), form)
        body_bytes = b'%b%b,"items":[%b]}' % (self._list_head, orjson.dumps(metadata), b",".join(values))
        return encoded(body_bytes, form)


def encoded(body: bytes, form: Form, code: int = 200) -> ApiResponse:
    """A JSON body as an answer in the client's form."""
    if form.yaml:
        from ote_twisted.api.yaml_text import write_yaml

        return ApiResponse(code, write_yaml(orjson.loads(body)), form.content_type)
    return ApiResponse(code, body)


def document(value: Any, form: Form, code: int = 200) -> ApiResponse:
    """Any JSON value as an answer."""
    return encoded(orjson.dumps(value), form, code)
