"""What a run looked like: who had a way to the root, how long it took to find another, what the links carried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import floor, log10

from attrs import frozen

from ote_twisted.testing.simulation.drawing import Area, Drawing, Line, Point, Words
from ote_twisted.testing.simulation.report import Report, Sample

WIDTH, HEIGHT = 900, 250
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 40
BLUE, GREY, ORANGE, PALE = "#1f77b4", "#999999", "#d95f02", "#f6e3d3"


@frozen
class Curve:
    """One line of a panel, in the panel's own numbers."""

    name: str
    colour: str
    points: Sequence[Point]


@frozen
class Panel:
    """One diagram.

    :ivar shade: stretches of the horizontal axis that are shaded.
    """

    title: str
    across: str
    curves: Sequence[Curve]
    shade: Sequence[Point] = ()


def plot(report: Report) -> Drawing:
    """All panels below each other."""
    panels = [ways(report.samples), rehomes(report.findings.rehomes), messages(report.samples)]
    shapes: list[Line | Area | Words] = []
    for number, panel in enumerate(panels):
        shapes += _draw(panel, number * HEIGHT)
    return Drawing(WIDTH, HEIGHT * len(panels), shapes)


def ways(samples: Sequence[Sample]) -> Panel:
    """Who ran and who had a way to the root, over time; shaded while faults were under way."""
    running = [(sample.at / 60, float(sample.running)) for sample in samples]
    rooted = [(sample.at / 60, float(sample.rooted)) for sample in samples]
    shade = [(one.at / 60, other.at / 60) for one, other in pairwise(samples) if other.faults]
    curves = (Curve("running", GREY, running), Curve("with a way to the root", BLUE, rooted))
    return Panel("Controllers; shaded: faults under way", "minutes", curves, shade)


def rehomes(seconds: Sequence[float]) -> Panel:
    """Which share of the controllers that lost their parent had another way within how many seconds."""
    times = sorted(seconds)
    shares = [(time, 100 * (number + 1) / len(times)) for number, time in enumerate(times)]
    return Panel("Lost parents: share of controllers with another way, %", "seconds after the break", (Curve("", BLUE, shares),))


def messages(samples: Sequence[Sample]) -> Panel:
    """Messages per second, on all links and at the root."""

    def rate(what: str) -> list[Point]:
        return [
            (other.at / 60, (getattr(other, what) - getattr(one, what)) / (other.at - one.at))
            for one, other in pairwise(samples)
            if other.at > one.at
        ]

    curves = (Curve("all links", GREY, rate("messages")), Curve("at the root", ORANGE, rate("at_root")))
    return Panel("Messages per second", "minutes", curves)


def _draw(panel: Panel, top: int) -> Iterator[Line | Area | Words]:
    everything = [point for curve in panel.curves for point in curve.points]
    right = _round_up(max((x for x, _ in everything), default=1.0))
    high = _round_up(max((y for _, y in everything), default=1.0))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    floor_at = top + TOP + height

    def at(x: float, y: float) -> Point:
        return LEFT + width * min(1.0, x / right), floor_at - height * min(1.0, y / high)

    yield Words((LEFT, top + 20), panel.title, 13.0)
    for begin, end in panel.shade:
        yield Area(at(begin, 0)[0], top + TOP, at(end, 0)[0] - at(begin, 0)[0], height, PALE)
    for part in range(6):
        x, y = right * part / 5, high * part / 5
        yield Line((at(0, y), at(right, y)), "#dddddd", 0.5)
        yield Words((LEFT - 6, at(0, y)[1] + 4), f"{y:g}", anchor="end")
        yield Words((at(x, 0)[0], floor_at + 15), f"{x:g}", anchor="middle")
    yield Words((WIDTH - RIGHT, floor_at + 30), panel.across, anchor="end")
    for number, curve in enumerate(panel.curves):
        if len(curve.points) > 1:
            yield Line([at(x, y) for x, y in curve.points], curve.colour)
        yield Words((WIDTH - RIGHT - 150 * number, top + 20), curve.name, anchor="end", colour=curve.colour)


def _round_up(value: float) -> float:
    """The next number that divides well by five."""
    if value <= 0:
        return 1.0
    step = 10.0 ** floor(log10(value))
    return next(step * factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * factor >= value * 0.999999)
