"""Drawings of lines, areas and words, as SVG by hand and as PNG by Pillow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from importlib import import_module
from typing import Any

from attrs import frozen

PAINTER = "PNG files are painted by Pillow: pip install 'ote-twisted[plot]', or choose a name that ends in .svg"
"""What whoever has none is told."""

SCALE = 2
"""Pixels of a PNG for each unit of a drawing, so that lines and words are smooth."""

Point = tuple[float, float]


class NoPainter(Exception):
    """There is no Pillow, which paints PNG files; the text says how to get it."""


@frozen
class Line:
    """A line through points."""

    points: Sequence[Point]
    colour: str
    width: float = 1.5


@frozen
class Area:
    """A filled rectangle."""

    left: float
    top: float
    width: float
    height: float
    colour: str


@frozen
class Words:
    """One line of text.

    :ivar anchor: ``start``, ``middle`` or ``end``: which part of the text is at the point.
    """

    at: Point
    text: str
    size: float = 11.0
    anchor: str = "start"
    colour: str = "#333333"


@frozen
class Drawing:
    """Shapes on a white sheet, the first at the bottom."""

    width: int
    height: int
    shapes: Sequence[Line | Area | Words]


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG document."""
    size = f'width="{drawing.width}" height="{drawing.height}" viewBox="0 0 {drawing.width} {drawing.height}"'
    inside = "\n".join(map(_element, drawing.shapes))
    sheet = f'<rect width="{drawing.width}" height="{drawing.height}" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">\n{sheet}\n{inside}\n</svg>\n'


def png(drawing: Drawing, path: str, library: Callable[[str], Any] = import_module) -> None:
    """Paint the drawing into a PNG file.

    :param library: imports a module of Pillow.
    :raise NoPainter: there is none.
    """
    try:
        image, draw, font = (library(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    except ImportError:
        raise NoPainter(PAINTER) from None
    sheet = image.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), "#ffffff")
    brush = draw.Draw(sheet)
    for shape in drawing.shapes:
        _paint(brush, font, shape)
    sheet.save(path, "PNG")


def _element(shape: Line | Area | Words) -> str:
    match shape:
        case Line(points, colour, width):
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'
        case Area(left, top, width, height, colour):
            return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
        case Words((x, y), text, size, anchor, colour):
            place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{colour}"'
            return f"<text {place}>{escape(text)}</text>"


def _paint(brush: Any, font: Any, shape: Line | Area | Words) -> None:
    match shape:
        case Line(points, colour, width):
            brush.line([(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=round(width * SCALE), joint="curve")
        case Area(left, top, width, height, colour):
            corners = (left, top, left + width, top + height)
            brush.rectangle([each * SCALE for each in corners], fill=colour)
        case Words((x, y), text, size, anchor, colour):
            where = {"start": "ls", "middle": "ms", "end": "rs"}[anchor]
            letters = font.load_default(size * SCALE)
            brush.text((x * SCALE, y * SCALE), text, fill=colour, font=letters, anchor=where)
