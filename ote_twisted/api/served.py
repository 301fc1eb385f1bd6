"""A kind with everything that is compiled from its manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from ote_twisted.api.builtin import COMPLETIONS
from ote_twisted.api.catalogue import Catalogue
from ote_twisted.api.metadata import check_metadata, tidy
from ote_twisted.api.render import Renderer
from ote_twisted.api.schema import CompiledSchema
from ote_twisted.api.status import Cause
from ote_twisted.declarations.model import Kind
from ote_twisted.storage.model import JSON

AdmissionCheck = Callable[[JSON, JSON | None], list[Cause]]
"""Faults of a new object, given also the one that it replaces (``None`` when created). Pure."""


class ServedKind:
    """One kind; its schema and tables are compiled when first needed."""

    def __init__(self, kind: Kind, admission: AdmissionCheck | None = None) -> None:
        self.kind = kind
        self._admission = admission

    @cached_property
    def schema(self) -> CompiledSchema:
        """The compiled schema."""
        return CompiledSchema(self.kind)

    @cached_property
    def renderer(self) -> Renderer:
        """Answers about objects of this kind."""
        return Renderer(self.kind)

    def settle(self, value: JSON) -> list[str]:
        """Prune, default and complete an object in place; gives the paths that were pruned."""
        unknown = self.schema.settle(value)
        tidy(value["metadata"])
        complete = COMPLETIONS.get(self.kind.resource)
        if complete is not None:
            complete(value)
        return unknown

    def faults(self, value: JSON, old: JSON | None) -> list[Cause]:
        """Everything wrong with a settled object; later checks may rely on the types found right by the earlier."""
        causes = self.schema.check(value) or check_metadata(value, self.kind)
        if not causes and self._admission is not None:
            causes = self._admission(value, old)
        return causes


class ServedKinds:
    """The served kinds of a catalogue."""

    def __init__(self, catalogue: Catalogue, admission: Mapping[str, AdmissionCheck]) -> None:
        """Serve a catalogue; ``admission`` is by resource."""
        self.catalogue = catalogue
        self._admission = admission
        self._served: dict[int, ServedKind] = {}

    def of(self, kind: Kind) -> ServedKind:
        """What is served for a kind."""
        served = self._served.get(id(kind))
        if served is None or served.kind is not kind:
            served = self._served[id(kind)] = ServedKind(kind, self._admission.get(kind.resource))
        return served
