"""Measures as a registry of prometheus-client. Each program owns one, so that many of them can live in one process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from twisted.logger import Logger

from ote_twisted import __version__
from ote_twisted.observability.health import Rendered
from ote_twisted.observability.metrics import Measure, counters_of


class MeasureCollector(Collector):
    """Reads measures at scrape time. One that fails is left out, logged, and counted; the others are still shown."""

    _log = Logger()

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._measures = tuple(measures)
        self.failed_reads = 0

    def describe(self) -> Iterator[Metric]:
        """Give the names, so that a registry refuses one taken by another collector without reading anything."""
        return (_family(measure) for measure in self._measures)

    def collect(self) -> Iterator[Metric]:
        """Read everything."""
        for measure in self._measures:
            try:
                family = _family(measure)
                self._fill(family, measure)
            except Exception:
                self.failed_reads += 1
                self._log.failure("metric {metric} could not be read", metric=measure.name)
            else:
                yield family

    @staticmethod
    def _fill(family: Any, measure: Measure) -> None:
        reading = measure.read()
        if isinstance(reading, Mapping):
            for labels, value in reading.items():
                family.add_metric((labels,) if isinstance(labels, str) else labels, value)
        else:
            family.add_metric((), reading)


def _family(measure: Measure) -> CounterMetricFamily | GaugeMetricFamily:
    """The metric without samples."""
    kind = CounterMetricFamily if measure.counter else GaugeMetricFamily
    return kind(measure.name, measure.text, labels=measure.labels or None)


class _BuildInfo(Collector):
    """Version and name of the program that is scraped."""

    def __init__(self, program: str, instance: str) -> None:
        self._values = {"version": __version__, "program": program, "cluster": instance}

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("ote_build", "Version of the program and the cluster it serves.", value=self._values)


def make_registry(program: str, instance: str, measures: Iterable[Measure], process: bool = True) -> CollectorRegistry:
    """Give a registry with the measures, the build's version and, unless told otherwise, the process's own metrics.

    :param program: e.g. ``ote-controller``.
    :param instance: the cluster's name.
    :param process: memory, processor time, open files and garbage collections of this process.
    """
    registry = CollectorRegistry(auto_describe=False)
    collector = MeasureCollector(measures)
    registry.register(collector)
    registry.register(MeasureCollector(counters_of(collector, "ote_scrape", {"failed_reads": "Metrics that could not be read."})))
    registry.register(_BuildInfo(program, instance))
    if process:
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry, accept: str = "") -> Rendered:
    """Answer a scrape in the text form of Prometheus, or in OpenMetrics where ``accept`` asks for it."""
    encode, content_type = choose_encoder(accept)
    return 200, content_type, encode(registry)
