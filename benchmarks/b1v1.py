"""B1v1: the same on ``ote.v1``, where nothing can be batched and children are addressed one by one."""

from __future__ import annotations

from benchmarks.harness import Row, at_most
from benchmarks.hop import Case, Figures, compare, hop_rows

NAME = "B1v1 small tasks through one middle controller (ote.v1)"
_WINDOW = 64


def run(quick: bool) -> list[Row]:
    """Window 64 over 1, 100 and 1,000 children; what a task costs must not grow with their number."""
    rows: list[Row] = []
    cpu: dict[int, float] = {}

    def collect(case: Case, product: Figures | None, floor: Figures, note: str) -> list[Row]:
        if product is not None:
            cpu[case.children] = product.cpu / floor.cpu
        return hop_rows(case, product, floor, note)

    for count in (1, 100) if quick else (1, 100, 1000):
        rows += compare(count, [Case(count, 128, _WINDOW)], True, 0.5 if quick else 1.0, 1 if quick else 3, collect)
    if cpu:
        growth = max(cpu.values()) / cpu[1]
        rows.append(Row("1 child to most children", "growth of CPU/task over the floor's growth", growth, None, at_most(1.3)))
    return rows
