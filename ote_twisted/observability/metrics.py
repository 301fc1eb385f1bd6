"""Metrics that are read when they are scraped: components count in plain integers, nothing is pushed anywhere.

Each program owns one registry, so that many of them can live in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.logger import Logger

from ote_twisted import __version__

Reading = float | Mapping[Any, float]
"""One number; or one for each label value (a text), or each combination of label values (a tuple of texts)."""


@frozen
class Measure:
    """One metric and where its value is read.

    :ivar name: full name in Prometheus' style, a counter's without ``_total``.
    :ivar text: help text, a sentence with the unit.
    :ivar read: called at each scrape; cheap and without side effect.
    :ivar counter: the value only grows; else it is a gauge.
    :ivar labels: names of the labels, where ``read`` gives a mapping.
    """

    name: str
    text: str
    read: Callable[[], Reading]
    counter: bool = False
    labels: tuple[str, ...] = field(default=())

    def family(self) -> CounterMetricFamily | GaugeMetricFamily:
        """Give the metric without samples."""
        kind = CounterMetricFamily if self.counter else GaugeMetricFamily
        return kind(self.name, self.text, labels=self.labels or None)


def counter(name: str, text: str, read: Callable[[], Reading], labels: Iterable[str] = ()) -> Measure:
    """Give a measure of something that only grows."""
    return Measure(name, text, read, True, tuple(labels))


def gauge(name: str, text: str, read: Callable[[], Reading], labels: Iterable[str] = ()) -> Measure:
    """Give a measure of something that goes up and down."""
    return Measure(name, text, read, False, tuple(labels))


def counters_of(source: object, prefix: str, texts: Mapping[str, str]) -> list[Measure]:
    """Give a counter ``PREFIX_ATTRIBUTE`` for each named attribute of ``source``, a number, read at scrape time.

    :param texts: attribute name to help text.
    :raise AttributeError: the source has no such attribute.
    """
    return [counter(f"{prefix}_{name}", text, _reader(source, name)) for name, text in texts.items()]


def gauges_of(source: object, prefix: str, texts: Mapping[str, str]) -> list[Measure]:
    """Give a gauge for each named attribute, as :func:`counters_of` does."""
    return [gauge(f"{prefix}_{name}", text, _reader(source, name)) for name, text in texts.items()]


def _reader(source: object, name: str) -> Callable[[], Reading]:
    getattr(source, name)  # a misspelt attribute shows here, at the start, and not at the first scrape

    return lambda: float(getattr(source, name))


class MeasureCollector(Collector):
    """Reads measures at scrape time. One that fails is left out, logged, and counted; the others are still shown."""

    _log = Logger()

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._measures = tuple(measures)
        self.failed_reads = 0
        names = [measure.name for measure in self._measures]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"metrics named twice: {', '.join(twice)}")

    def describe(self) -> Iterator[Metric]:
        """Give the names, so that a registry refuses one taken by another collector without reading anything."""
        return (measure.family() for measure in self._measures)

    def collect(self) -> Iterator[Metric]:
        """Read everything."""
        for measure in self._measures:
            try:
                family = measure.family()
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
    :raise ValueError: two measures have the same name.
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
