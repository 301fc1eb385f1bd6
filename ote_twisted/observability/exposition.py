"""Measures as the answer to a scrape, whatever serves it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ote_twisted.observability.health import Rendered
from ote_twisted.observability.metrics import Measure


class Exposition:
    """What one program answers to scrapes.

    prometheus-client is imported with the first one: where nobody scrapes, the process is 2 MB smaller.
    """

    def __init__(self, program: str, instance: str, measures: Iterable[Measure], process: bool = True) -> None:
        """See :func:`ote_twisted.observability.registry.make_registry`.

        :raise ValueError: two measures have the same name.
        """
        self._program = program
        self._instance = instance
        self._measures = tuple(measures)
        self._process = process
        names = [measure.name for measure in self._measures]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"metrics named twice: {', '.join(twice)}")

    @cached_property
    def registry(self) -> Any:
        """The measures, the build's version and, unless told otherwise, the process's own metrics."""
        from ote_twisted.observability.registry import make_registry

        return make_registry(self._program, self._instance, self._measures, self._process)

    def render(self, accept: str = "") -> Rendered:
        """Answer a scrape in the text form of Prometheus, or in OpenMetrics where ``accept`` asks for it."""
        from ote_twisted.observability.registry import render

        return render(self.registry, accept)
