"""``python -m benchmarks [B1 B5 ...] [--quick]``."""

from __future__ import annotations

import pkgutil
import re
import sys
from importlib import import_module
from types import ModuleType

import click
from rich.console import Console

import benchmarks
from benchmarks.harness import Row, at_most, baseline, keep, keep_baseline, previous, show
from benchmarks.processes import DidNotStart


def found() -> dict[str, ModuleType]:
    """Every benchmark of this package, by name, in the order of its number."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if re.fullmatch(r"b\d+\w*", module.name)]
    names.sort(key=lambda name: (int(re.findall(r"\d+", name)[0]), name))
    modules = [import_module(f"benchmarks.{name}") for name in names]
    return {module.NAME.partition(" ")[0]: module for module in modules}


@click.command()
@click.argument("names", nargs=-1)
@click.option("--quick", is_flag=True, help="Fewer cases and shorter runs; kept and compared apart from full runs.")
@click.option("--baseline", "becomes_baseline", is_flag=True, help="Keep this full run with the source.")
def main(names: tuple[str, ...], quick: bool, becomes_baseline: bool) -> None:
    """Run the benchmarks NAMES (all without one), print a table each, keep the figures in benchmarks/results/.

    The exit code is 1 when a target was missed or could not be measured.
    """
    modules = found()
    wanted = {name.lower() for name in names}
    unknown = wanted - {name.lower() for name in modules}
    if unknown:
        raise click.UsageError(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(modules)}")
    if quick and becomes_baseline:
        raise click.UsageError("a baseline is a full run")
    console = Console(width=None if sys.stdout.isatty() else 150)
    missed = False
    for name, module in modules.items():
        if wanted and name.lower() not in wanted:
            continue
        before = previous(name, quick)
        rows = _run(module, quick)
        show(module.NAME, rows, before, console, [] if quick else baseline(name))
        console.print(f"  {keep(name, quick, rows)}", style="dim", highlight=False)
        if becomes_baseline:
            keep_baseline(name, rows)
        missed = missed or any(row.target and row.verdict != "met" for row in rows)
    sys.exit(1 if missed else 0)


def _run(module: ModuleType, quick: bool) -> list[Row]:
    """One benchmark's rows; one that cannot run does not keep the others from it."""
    try:
        rows: list[Row] = module.run(quick)
    except (OSError, DidNotStart) as fault:
        return [Row("all cases", "not measured", None, None, at_most(0), f"not measured: {fault}")]
    return rows


if __name__ == "__main__":
    main()
