"""``otectl simulate``."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ote_twisted.cli.errors import FAILED, INTERRUPTED, CommandError
from ote_twisted.cli.options import output_option
from ote_twisted.cli.screen import Screen
from ote_twisted.cli.simulated import closing_lines, progress_line, report_table, violations_table

if TYPE_CHECKING:
    from ote_twisted.testing.simulation.report import Report
    from ote_twisted.testing.simulation.scenario import Scenario
    from ote_twisted.testing.simulation.simulation import Progress

COLLECT = (20_000, 50, 100)
"""Thresholds of the garbage collector for a process of very many objects that stay."""

FAULTS = "kill,partition,delay,slow,skew"

HELP = """Run a whole tree in virtual time in this process, with faults from a seed, and look for what must not happen.

Every controller decides with the code that runs in production; links, machines, disks and clusters are simulated.
The exit code is 1 if an invariant broke: the tree did not heal, a task was lost, or took effect twice. The same seed
does the same again. docs/simulator.md tells what is simulated and what is not.

\b
Faults: kill, wipe, power, partition, oneway, delay, reorder, slow, skew, duplicate; all; none.

\b
Examples:
  otectl simulate                                             100 controllers, ten minutes
  otectl simulate --clusters 10000 --tiers 3 --seed 7 --minutes 60
  otectl simulate --faults kill,oneway --rate 20 --plot healing.svg
  otectl simulate --seed 7 --until 5000 --log -               everything that happens up to a step
  otectl simulate -o json | jq .rehomes
"""


@click.command("simulate", help=HELP)
@click.option("--clusters", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="Controllers of the tree.")
@click.option("--tiers", type=click.IntRange(1, 16), default=3, show_default=True, help="Tiers, that of the root included.")
@click.option("--seed", type=int, default=0, show_default=True, help="Whatever happens by chance follows from it.")
@click.option(
    "--minutes", type=click.FloatRange(0.1, 10_000), default=10, show_default=True, help="Of virtual time in which faults begin."
)
@click.option("--faults", metavar="KIND,...", default=FAULTS, show_default=True, help="Kinds of faults.")
@click.option("--rate", type=click.FloatRange(0, 1000), default=0, help="Faults per minute.  [by the size of the tree]")
@click.option("--tasks", type=click.IntRange(0, 1_000_000), default=60, show_default=True, help="Tasks that are created.")
@click.option("--plot", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Draw it; .svg or .png.")
@click.option("--log", metavar="FILE", type=click.Path(dir_okay=False), help="Write what happens; - is standard error.")
@click.option("--until", metavar="STEP", type=click.IntRange(1), help="Stop at this step.")
@output_option()
@click.pass_context
def command(
    call: click.Context,
    clusters: int,
    tiers: int,
    seed: int,
    minutes: float,
    faults: str,
    rate: float,
    tasks: int,
    plot: Path | None,
    log: str | None,
    until: int | None,
    output: str | None,
) -> None:
    """Run it and show the report."""
    from ote_twisted.testing.simulation.scenario import Scenario, ScenarioError

    _check_plot(plot)
    try:
        scenario = Scenario(clusters, tiers, seed, minutes, _kinds(faults), tasks, rate)
    except ScenarioError as fault:
        raise click.UsageError(str(fault)) from None
    screen = Screen()
    try:
        report = _run(screen, scenario, log, until)
    except KeyboardInterrupt:
        call.exit(INTERRUPTED)
    _show(screen, output, report)
    if plot is not None:
        _plot(report, plot)
    call.exit(0 if report.passed else FAILED)


def _kinds(text: str) -> tuple[str, ...]:
    from ote_twisted.testing.simulation.scenario import FAULTS as KINDS

    if text in ("all", "none"):
        return tuple(KINDS) if text == "all" else ()
    return tuple(dict.fromkeys(kind.strip() for kind in text.split(",") if kind.strip()))


def _run(screen: Screen, scenario: Scenario, log: str | None, until: int | None) -> Report:
    from ote_twisted.testing.simulation.simulation import Simulation

    _silence()
    gc.set_threshold(*COLLECT)
    with _progress(screen) as changed, _log(log) as told:
        return Simulation(scenario, told=told).run(changed, until)


def _silence() -> None:
    """What the controllers log is not shown; failures in it are seen by the simulation."""
    from twisted.logger import globalLogBeginner

    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)


@contextmanager
def _log(name: str | None) -> Iterator[Callable[[str], object]]:
    """Where lines about what happens go."""
    if name is None:
        yield lambda line: None
    elif name == "-":
        yield lambda line: sys.stderr.write(line + "\n")
    else:
        try:
            file = open(name, "w", encoding="utf-8")
        except OSError as fault:
            raise CommandError(f"the log {name} cannot be written: {fault.strerror}") from None
        with file:
            yield lambda line: file.write(line + "\n")


@contextmanager
def _progress(screen: Screen) -> Iterator[Callable[[Progress], None]]:
    """On a terminal a line that stays where it is; nothing elsewhere."""
    if not screen.progress_visible:
        yield lambda progress: None
        return
    with screen.console(err=True).status("starting") as status:
        yield lambda progress: status.update(progress_line(progress))


def _show(screen: Screen, output: str | None, report: Report) -> None:
    if output is not None:
        screen.data(output, report.value())
        screen.note(closing_lines(report)[-1])
        return
    screen.table(report_table(report))
    if not report.passed:
        screen.line()
        screen.table(violations_table(report))
    screen.line()
    for line in closing_lines(report):
        screen.line(line)


def _check_plot(path: Path | None) -> None:
    """Whatever can be known before a run of minutes is said before it."""
    from ote_twisted.testing.simulation.drawing import PAINTER

    if path is not None and path.suffix not in (".svg", ".png"):
        raise click.UsageError(f"--plot draws .svg and .png, not {path.name!r}")
    if path is not None and path.suffix == ".png" and find_spec("PIL") is None:
        raise click.UsageError(PAINTER)


def _plot(report: Report, path: Path) -> None:
    from ote_twisted.testing.simulation.drawing import NoPainter, png, svg
    from ote_twisted.testing.simulation.plot import plot

    drawing = plot(report)
    try:
        if path.suffix == ".svg":
            path.write_text(svg(drawing), encoding="utf-8")
        else:
            png(drawing, str(path))
    except (NoPainter, OSError) as fault:
        raise CommandError(f"the plot was not drawn: {fault}") from None
