"""The phases and the steps between them, drawn and as a table, for docs/healing.md. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot
from typing import Final

from ote_twisted.failover.phases import TRANSITIONS, Phase

PLACES: Final = {
    Phase.STOPPED: (90, 50),
    Phase.WAITING: (380, 50),
    Phase.DIALLING: (670, 50),
    Phase.HOME: (90, 210),
    Phase.AWAY: (670, 210),
    Phase.PROBING: (560, 390),
    Phase.TRIAL: (200, 390),
}
"""Middle of each phase's box."""

WIDTH, HEIGHT = 104, 40
DOT: Final = 0.25
"""Where on an arrow its number is; nearer to its beginning, where few arrows cross."""

STYLE = """
  text { font-family: ui-sans-serif, system-ui, sans-serif; text-anchor: middle; fill: #1f2937; font-size: 14px; }
  .number { font-size: 11px; } .dot { fill: #ffffff; stroke: #94a3b8; }
  .box { fill: #f8fafc; stroke: #475569; stroke-width: 1.2; } .linked { fill: #ecfdf5; }
  .step { stroke: #94a3b8; stroke-width: 1.4; fill: none; marker-end: url(#tip); }
"""
LINKED = (Phase.HOME, Phase.AWAY, Phase.PROBING, Phase.TRIAL)


def steps() -> list[tuple[Phase, Phase, str]]:
    """Every step but the stop, which is possible from anywhere; in the order of their numbers."""
    return [(start, end, why) for (start, end), why in TRANSITIONS.items() if end is not Phase.STOPPED]


def table() -> str:
    """The steps as a table of a page."""
    rows = (f"| {number} | {start.value} | {end.value} | {why} |" for number, (start, end, why) in enumerate(steps(), 1))
    return "\n".join(("| | from | to | when |", "| --- | --- | --- | --- |", *rows))


def svg() -> str:
    """The picture."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 440" role="img">'
    yield f"<title>The phases of the search for a parent</title><style>{STYLE}</style>"
    yield '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    yield '<path d="M0,0 L8,4 L0,8 z" fill="#94a3b8"/></marker></defs>'
    for number, (start, end, _) in enumerate(steps(), 1):
        yield from _step(number, start, end)
    for phase, (x, y) in PLACES.items():
        kind = "box linked" if phase in LINKED else "box"
        left, top = x - WIDTH / 2, y - HEIGHT / 2
        yield f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        yield f'<text x="{x}" y="{y + 5}">{phase.value}</text>'
    yield "</svg>"


def _step(number: int, start: Phase, end: Phase) -> Iterator[str]:
    """An arrow between two boxes, a little to its right side, so that one back has room on the other; with its number."""
    x1, y1, x2, y2 = map(float, (*PLACES[start], *PLACES[end]))
    length = hypot(x2 - x1, y2 - y1)
    along, aside = ((x2 - x1) / length, (y2 - y1) / length), (-(y2 - y1) / length * 9, (x2 - x1) / length * 9)
    x1, y1, x2, y2 = x1 + aside[0], y1 + aside[1], x2 + aside[0], y2 + aside[1]
    near, far = _to_the_edge(along, aside), _to_the_edge((-along[0], -along[1]), aside) + 4
    x1, y1, x2, y2 = x1 + along[0] * near, y1 + along[1] * near, x2 - along[0] * far, y2 - along[1] * far
    x, y = x1 + (x2 - x1) * DOT, y1 + (y2 - y1) * DOT
    yield f'<path class="step" d="M{x1:.1f},{y1:.1f} L{x2:.1f},{y2:.1f}"/>'
    yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="9"/><text class="number" x="{x:.1f}" y="{y + 4:.1f}">{number}</text>'


def _to_the_edge(along: tuple[float, float], aside: tuple[float, float]) -> float:
    """How far it is from beside the middle of a box to its edge."""
    ways = [(half - shift * (1 if way > 0 else -1)) / abs(way) for half, shift, way in _axes(along, aside) if way]
    return min(ways)


def _axes(along: tuple[float, float], aside: tuple[float, float]) -> Iterator[tuple[float, float, float]]:
    yield WIDTH / 2, aside[0], along[0]
    yield HEIGHT / 2, aside[1], along[1]
