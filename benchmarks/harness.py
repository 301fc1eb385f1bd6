"""What every benchmark shares: rows, targets, the table, the file of a run, the comparison with the run before."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from attrs import asdict, frozen
from rich import box
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
BASELINE = "baseline.json"
"""File name, in the folder of results, of the full runs that are kept with the source."""


@frozen
class Target:
    """What a row should reach.

    :ivar kind: ``ratio`` compares measured / floor, ``value`` the measured figure itself.
    :ivar bound: the figure to stay at or below, or with ``at_least`` at or above.
    """

    kind: Literal["ratio", "value"]
    bound: float
    at_least: bool = False

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {figure(self.bound)}" + ("x" if self.kind == "ratio" else "")


@frozen
class Row:
    """One figure of a benchmark.

    :ivar case: the circumstances, e.g. ``128 B, window 64, 1 child``.
    :ivar quantity: what is measured, with its unit, e.g. ``middle CPU µs/task``.
    :ivar measured: the product's figure; ``None`` when the product could not be measured, ``note`` says why.
    :ivar floor: the floor program's figure in the same run; ``None`` without one.
    :ivar note: for people.
    """

    case: str
    quantity: str
    measured: float | None
    floor: float | None = None
    target: Target | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The product's figure over the floor's."""
        return self.measured / self.floor if self.measured is not None and self.floor else None

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, or empty when there is nothing to judge."""
        if self.target is None:
            return ""
        value = self.ratio if self.target.kind == "ratio" else self.measured
        if value is None:
            return ""
        met = value >= self.target.bound if self.target.at_least else value <= self.target.bound
        return "met" if met else "missed"


def ratio_at_most(bound: float) -> Target:
    """At most so many times the floor."""
    return Target("ratio", bound)


def ratio_at_least(bound: float) -> Target:
    """At least so many times the floor."""
    return Target("ratio", bound, at_least=True)


def at_most(bound: float) -> Target:
    """At most this figure, in the row's unit."""
    return Target("value", bound)


def at_least(bound: float) -> Target:
    """At least this figure, in the row's unit."""
    return Target("value", bound, at_least=True)


def figure(value: float | None) -> str:
    """A number with three significant digits, large ones grouped by commas."""
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def show(name: str, rows: Sequence[Row], before: Sequence[Row], console: Console, baseline: Sequence[Row] = ()) -> None:
    """Print one benchmark's table.

    :param before: rows of the previous run.
    :param baseline: rows of the run that is kept with the source.
    """
    table = Table(title=name, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.add_column("case")
    table.add_column("quantity")
    for heading in ("measured", "floor", "ratio", "target"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    table.add_column("change", justify="right")
    table.add_column("baseline", justify="right")
    earlier, kept = ({(row.case, row.quantity): row for row in each} for each in (before, baseline))
    for row in rows:
        verdict = {"met": "[green]met[/]", "missed": "[red]missed[/]"}.get(row.verdict, "")
        table.add_row(
            row.case,
            row.quantity,
            figure(row.measured),
            figure(row.floor),
            f"{row.ratio:.2f}x" if row.ratio else "",
            str(row.target or ""),
            verdict,
            _change(row, earlier.get((row.case, row.quantity))),
            _change(row, kept.get((row.case, row.quantity))),
        )
    console.print(table)
    for note in dict.fromkeys(row.note for row in rows if row.note):
        console.print(f"  {note}", style="yellow", highlight=False)


def _change(row: Row, before: Row | None) -> str:
    """Change of the ratio, or of the figure itself where there is no floor: machines differ from hour to hour."""
    if before is None:
        return ""
    if row.ratio and before.ratio:
        new, old = row.ratio, before.ratio
    elif row.measured and before.measured and row.floor is None:
        new, old = row.measured, before.measured
    else:
        return ""
    return f"{(new / old - 1) * 100:+.0f} %"


def keep(name: str, quick: bool, rows: Iterable[Row], folder: Path = RESULTS) -> Path:
    """Write a run's file; gives its path."""
    now = datetime.now(UTC)
    return _write(folder / f"{name}{'-quick' if quick else ''}-{now:%Y%m%dT%H%M%S}.json", _content(name, quick, now, rows))


def keep_baseline(name: str, rows: Iterable[Row], folder: Path = RESULTS) -> Path:
    """Make a full run the one that is kept with the source; those of other benchmarks stay."""
    path = folder / BASELINE
    runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return _write(path, {**runs, name: _content(name, False, datetime.now(UTC), rows)})


def _content(name: str, quick: bool, now: datetime, rows: Iterable[Row]) -> dict[str, Any]:
    return {
        "benchmark": name,
        "quick": quick,
        "when": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "rows": [asdict(row) for row in rows],
    }


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def previous(name: str, quick: bool, folder: Path = RESULTS) -> list[Row]:
    """Rows of the newest run's file of this benchmark; none when there is none."""
    stem = f"{name}{'-quick' if quick else ''}-"
    files = sorted(path for path in folder.glob(f"{stem}2*.json"))
    if not files:
        return []
    return [_row(value) for value in json.loads(files[-1].read_text(encoding="utf-8"))["rows"]]


def baseline(name: str, folder: Path = RESULTS) -> list[Row]:
    """Rows of this benchmark's run that is kept with the source; none when there is none."""
    path = folder / BASELINE
    runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [_row(value) for value in runs.get(name, {"rows": []})["rows"]]


def _row(value: dict[str, Any]) -> Row:
    target = value.pop("target")
    return Row(**value, target=Target(**target) if target else None)
