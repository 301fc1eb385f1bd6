"""Drawings of runs."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from PIL import Image
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.testing.simulation.drawing import Area, Drawing, Line, NoPainter, Words, png, svg
from ote_twisted.testing.simulation.plot import plot, rehomes, ways
from ote_twisted.testing.simulation.report import Sample
from ote_twisted.testing.simulation.scenario import Scenario
from ote_twisted.testing.simulation.simulation import Simulation

DRAWING = Drawing(
    100, 50, [Area(0, 0, 10, 20, "#ff0000"), Line([(0, 0), (5, 5)], "#00ff00"), Words((1, 2), "a < b", anchor="end")]
)


class DrawingTests(SynchronousTestCase):
    """Files."""

    def test_svg(self) -> None:
        """An SVG file is XML with one element for each shape, in order, on a white sheet."""
        tree = ElementTree.fromstring(svg(DRAWING))
        tags = [element.tag.rpartition("}")[2] for element in tree]
        self.assertEqual(tags, ["rect", "rect", "polyline", "text"])
        self.assertEqual(tree[3].text, "a < b")
        self.assertEqual(tree[2].get("points"), "0.0,0.0 5.0,5.0")

    def test_png(self) -> None:
        """A PNG file is painted twice as large, shape by shape, with words that can be seen."""
        path = self.mktemp()
        png(DRAWING, path)
        with Image.open(path) as image:
            self.assertEqual((image.format, image.size), ("PNG", (200, 100)))
            self.assertEqual(image.getpixel((150, 90)), (255, 255, 255))
            self.assertEqual(image.getpixel((15, 35)), (255, 0, 0))
            self.assertEqual(image.getpixel((6, 6)), (0, 255, 0))
        png(Drawing(100, 50, [Words((20, 30), "words", size=20)]), path)
        with Image.open(path) as image:
            self.assertIn((51, 51, 51), {colour for _, colour in image.getcolors(20_000)})

    def test_without_pillow(self) -> None:
        """Without Pillow the sentence says how to get it, and what does without."""

        def missing(name: str) -> Any:
            raise ImportError(name)

        self.assertIn(".svg", str(self.assertRaises(NoPainter, png, DRAWING, "x.png", missing)))


class PlotTests(SynchronousTestCase):
    """Diagrams."""

    def test_ways(self) -> None:
        """Who ran and who had a way are curves over minutes; shaded is from each sample at which faults were under way."""
        panel = ways([Sample(0, 3, 3, 0, 0, 0), Sample(60, 3, 1, 5, 1, 1), Sample(120, 3, 3, 9, 2, 0)])
        self.assertEqual([curve.points for curve in panel.curves], [[(0, 3), (1, 3), (2, 3)], [(0, 3), (1, 1), (2, 3)]])
        self.assertEqual(panel.shade, [(0, 1)])

    def test_rehomes(self) -> None:
        """The share of those that have another way grows with the seconds."""
        self.assertEqual(rehomes([4.0, 1.0]).curves[0].points, [(1.0, 50.0), (4.0, 100.0)])
        self.assertEqual(rehomes([]).curves[0].points, [])

    def test_runs(self) -> None:
        """Every run can be drawn, also one in which nothing happened; all of it is on the sheet."""
        for scenario in (Scenario(1, 1, minutes=0.1, tasks=0), Scenario(20, faults=("kill",), rate=6.0, minutes=2.0, tasks=3)):
            drawing = plot(Simulation(scenario).run())
            points = [point for shape in drawing.shapes if isinstance(shape, Line) for point in shape.points]
            self.assertTrue(all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in points))
            ElementTree.fromstring(svg(drawing))
