"""Draws the tree that ``otectl tree -o json`` tells, as SVG: ``otectl tree -o json | python docs/picture.py > docs/images/tree.svg``."""

from __future__ import annotations

import json
import sys
from html import escape
from typing import Any

BOX, GAP, ROW = (136, 62), 12, 112
"""Width and height of a cluster, space between neighbours, distance of tiers; pixels."""

FILL = {"online": "#e6f4ea", "offline": "#fce8e6"}
EDGE = {"online": "#137333", "offline": "#a50e0e"}

Node = dict[str, Any]


def place(node: Node, left: float, depth: int) -> float:
    """Give the node and all below it their places; gives the width they take."""
    children = node.get("children") or []
    width = 0.0
    for child in children:
        width += place(child, left + width, depth + 1)
    width = max(width, BOX[0] + GAP)
    centres = [child["x"] for child in children] or [left + width / 2]
    node["x"], node["y"] = (centres[0] + centres[-1]) / 2, 8 + depth * ROW
    return width


def lines(node: Node) -> list[str]:
    """Links to the children, then the node, then the children."""
    drawn = []
    for child in node.get("children") or []:
        middle = (node["y"] + BOX[1] + child["y"]) / 2
        drawn.append(
            f'<path d="M{child["x"]:.0f},{child["y"]} V{middle:.0f} H{node["x"]:.0f} V{node["y"] + BOX[1]}" '
            'fill="none" stroke="#80868b" stroke-width="1.5" marker-start="url(#dial)"/>'
        )
    drawn += box(node)
    for child in node.get("children") or []:
        drawn += lines(child)
    return drawn


def box(node: Node) -> list[str]:
    """A rounded box with the name, the labels that tell it from others, and the tags."""
    state, x, y = node.get("status", "online"), node["x"], node["y"]
    labels = [f"{key}={value}" for key, value in sorted((node.get("labels") or {}).items()) if key != "tier"]
    texts = [(node["name"], 14, "600"), (", ".join(labels), 10, "400"), (" ".join(f"#{tag}" for tag in node.get("tags") or []), 10, "400")]
    rect = f'<rect x="{x - BOX[0] / 2:.0f}" y="{y}" width="{BOX[0]}" height="{BOX[1]}" rx="8" fill="{FILL[state]}" stroke="{EDGE[state]}"/>'
    rows = [(text, size, weight) for text, size, weight in texts if text]
    top = y + BOX[1] / 2 - (len(rows) - 1) * 8 + 4
    return [rect] + [
        f'<text x="{x:.0f}" y="{top + 16 * number:.0f}" font-size="{size}" font-weight="{weight}">{escape(text)}</text>'
        for number, (text, size, weight) in enumerate(rows)
    ]


def picture(tree: Node) -> str:
    """The whole drawing."""
    width = place(tree, 0, 0)
    height = max(node["y"] for node in every(tree)) + BOX[1] + 8
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" '
        'font-family="sans-serif" text-anchor="middle" fill="#202124">'
    )
    arrow = '<marker id="dial" markerWidth="7" markerHeight="7" refX="3.5" refY="3.5"><circle cx="3.5" cy="3.5" r="2.5" fill="#80868b"/></marker>'
    return "\n".join([head, f"<defs>{arrow}</defs>", *lines(tree), "</svg>"])


def every(node: Node) -> list[Node]:
    """The node and all below it."""
    return [node, *(each for child in node.get("children") or [] for each in every(child))]


if __name__ == "__main__":
    print(picture(json.load(sys.stdin)))
