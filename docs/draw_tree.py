"""Draws the tree that otectl tells: ``otectl tree -o json | python docs/draw_tree.py > docs/images/tree.svg``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from html import escape
from typing import Any

Node = dict[str, Any]

WIDTH, HEIGHT, GAP, STEP, MARGIN = 148, 66, 14, 124, 16
STYLE = """
  text { font-family: ui-sans-serif, system-ui, sans-serif; text-anchor: middle; fill: #1f2937; }
  .name { font-size: 14px; font-weight: 600; } .small { font-size: 10.5px; fill: #4b5563; }
  .box { fill: #f8fafc; stroke: #475569; stroke-width: 1.2; } .offline { stroke: #dc2626; stroke-dasharray: 4 3; }
  .link { stroke: #94a3b8; stroke-width: 1.4; fill: none; }
"""


def leaves(node: Node) -> int:
    """Clusters at the lower edge of a subtree."""
    return sum(map(leaves, node["children"])) or 1


def placed(node: Node, left: float, top: float) -> Iterator[tuple[Node, float, float, float, float]]:
    """Each cluster with its middle, and that of its parent's box (its own for the first)."""
    middle = left + leaves(node) * (WIDTH + GAP) / 2
    yield node, middle, top, middle, top
    for child in node["children"]:
        below = list(placed(child, left, top + STEP))
        yield (*below[0][:3], middle, top)
        yield from below[1:]
        left += leaves(child) * (WIDTH + GAP)


def lines(node: Node) -> list[str]:
    """What stands in a box below the name."""
    labels = [f"{key}={value}" for key, value in sorted(node["labels"].items())]
    rows = [", ".join(labels[:2]), ", ".join([*labels[2:], *(f"tag {tag}" for tag in node["tags"])])]
    return [row for row in rows if row]


def box(node: Node, x: float, y: float) -> str:
    """One cluster."""
    kind = "box" if node["status"] == "online" else "box offline"
    shape = f'<rect class="{kind}" x="{x - WIDTH / 2:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
    small = lines(node)
    first = y + 38 - 8 * len(small)
    texts = [f'<text class="name" x="{x:g}" y="{first:g}">{escape(node["name"])}</text>']
    for number, line in enumerate(small, 1):
        texts.append(f'<text class="small" x="{x:g}" y="{first + 2 + 16 * number:g}">{escape(line)}</text>')
    return "\n".join([shape, *texts])


def link(x: float, y: float, above: float, top: float) -> str:
    """The tunnel that a child has dialled, from its box to its parent's."""
    bottom = top + HEIGHT
    bend = (y + bottom) / 2
    way = f"M {x:g} {y:g} C {x:g} {bend:g} {above:g} {bend:g} {above:g} {bottom:g}"
    return f'<path class="link" d="{way}" marker-end="url(#arrow)"/>'


def depth(node: Node) -> int:
    """Tiers."""
    return 1 + max(map(depth, node["children"]), default=0)


def picture(root: Node) -> str:
    """The whole picture."""
    width = leaves(root) * (WIDTH + GAP) - GAP + 2 * MARGIN
    height = (depth(root) - 1) * STEP + HEIGHT + 2 * MARGIN
    places = list(placed(root, MARGIN - GAP / 2, MARGIN))
    links = [link(x, y, above, top) for _, x, y, above, top in places if y != top]
    boxes = [box(node, x, y) for node, x, y, _, _ in places]
    names = ", ".join(node["name"] for node, *_ in places)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
            f"<title>A tree of clusters: {escape(names)}. An arrow leads from each to the parent that it has dialled.</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M 0 0 L 8 4 L 0 8 z" fill="#94a3b8"/></marker></defs>',
            f'<rect width="{width:g}" height="{height:g}" rx="10" fill="#ffffff"/>',
            *links,
            *boxes,
            "</svg>",
        ]
    )


if __name__ == "__main__":
    print(picture(json.load(sys.stdin)))
