"""Reports of simulations for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ote_twisted.cli.tables import Cell, Table, counted, pairs

if TYPE_CHECKING:
    from ote_twisted.testing.simulation.report import Report
    from ote_twisted.testing.simulation.simulation import Progress


def report_table(report: Report) -> Table:
    """What happened, one line for each thing."""
    return pairs([*_world(report), *_healing(report), *_delivery(report), *_traffic(report)])


def violations_table(report: Report) -> Table:
    """Invariants that did not hold, with the step at which it was seen."""
    found = report.findings.violations
    rows = tuple((str(each.step), f"{each.at:.3f}", each.invariant, each.text) for each in found)
    return Table(("STEP", "SECOND", "INVARIANT", "WHAT IS WRONG"), rows, frozenset({"STEP", "SECOND"}))


def closing_lines(report: Report) -> list[str]:
    """The last lines: how to do it again if something was wrong, and the sum."""
    again: list[str] = []
    if not report.passed:
        step = report.findings.violations[0].step
        again = [f"An invariant broke at step {step}. Replay: {report.scenario.command()} --until {step} --log -"]
    return [*again, report.last_line()]


def progress_line(progress: Progress) -> str:
    """How far it is."""
    wrong = f", {counted(progress.violations, 'violation')}" if progress.violations else ""
    return f"{progress.phase}: minute {progress.now / 60:.0f} of {progress.end / 60:.0f}, {progress.rooted} attached{wrong}"


def _world(report: Report) -> list[tuple[str, str | Cell]]:
    scenario = report.scenario
    faults = ", ".join(f"{count} {kind}" for kind, count in report.faults.items()) or "none"
    return [
        ("Tree", f"{counted(scenario.clusters, 'controller')} in {counted(scenario.tiers, 'tier')}, seed {scenario.seed}"),
        ("Virtual time", f"{report.seconds / 60:.1f} min in {counted(report.steps, 'step')}"),
        ("Faults", faults),
    ]


def _healing(report: Report) -> list[tuple[str, str | Cell]]:
    found = report.findings
    percentiles = ", ".join(f"{name} {report.rehome(share):.1f} s" for name, share in _SHARES)
    times = f"{len(found.rehomes)} in {percentiles}" if found.rehomes else "none"
    return [
        ("Other way found", times),
        ("Changes of parent", str(found.moves)),
        ("Circles seen", f"{found.loops}, of which {found.broken.get('loop', 0)} lasted"),
        ("Well again", f"{report.healed:.0f} s after the last fault"),
        ("Orphans left", _zero(report.orphans)),
    ]


def _delivery(report: Report) -> list[tuple[str, str | Cell]]:
    tasks, found = report.tasks, report.findings
    more = (
        ("failed", tasks.failed),
        ("of unknown outcome", tasks.unknown),
        ("expired", tasks.expired),
        ("moved away from the owner", tasks.moved),
    )
    rest = "".join(f", {count} {what}" for what, count in more if count)
    harmless = f", {found.repeated} harmless repeats" if found.repeated else ""
    excused = f", {found.excused} again after a lost disk" if found.excused else ""
    return [
        ("Tasks", f"{tasks.tasks} for {tasks.targets} targets: {tasks.answered} answered{rest}"),
        ("Lost", _zero(tasks.lost)),
        ("Effects", f"{found.effects}{harmless}{excused}"),
        ("Doubled", _zero(found.doubled)),
    ]


def _traffic(report: Report) -> list[tuple[str, str | Cell]]:
    counts = report.counts
    return [
        ("Messages", f"{counts.up} up ({_size(counts.up_bytes)}), {counts.down} down ({_size(counts.down_bytes)})"),
        ("At the root", f"{counts.at_root} ({_size(counts.at_root_bytes)}), {report.per_change:.1f} for each change of a parent"),
        ("Attempts to join", f"{counts.dials}, {counts.links} successful, {counts.refused} refused"),
        ("Slow readers", str(counts.slow_readers)),
        ("Trace", f"{report.trace:08x}"),
    ]


_SHARES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


def _zero(count: int) -> Cell:
    return Cell(str(count), "red" if count else "green")


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
