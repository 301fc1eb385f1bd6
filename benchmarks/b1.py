"""B1: small tasks down through one middle controller and the answers up, on ``ote.v2``."""

from __future__ import annotations

from benchmarks.harness import Row
from benchmarks.hop import Case, Figures, compare, hop_rows, wanted_rate

NAME = "B1 small tasks through one middle controller (ote.v2)"


def run(quick: bool) -> list[Row]:
    """Windows of 1, 64 and 1024 over 1, 100 and 1,000 children, 128 B and 1 KiB; quick: without 1,000 and 1 KiB."""
    rows: list[Row] = []
    for count in (1, 100) if quick else (1, 100, 1000):
        cases = [Case(count, size, window) for size in ((128,) if quick else (128, 1024)) for window in (1, 64, 1024)]
        rows += compare(count, cases, False, 0.5 if quick else 1.0, 1 if quick else 3, _rows)
    return rows


def _rows(case: Case, product: Figures | None, floor: Figures, note: str) -> list[Row]:
    return hop_rows(case, product, floor, note, wanted_rate(case))
