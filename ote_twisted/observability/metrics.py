"""Metrics that are read when they are scraped: components count in plain integers, nothing is pushed anywhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import field

from ote_twisted.values import frozen

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
