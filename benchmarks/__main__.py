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
from benchmarks.harness import keep, previous, show


def found() -> dict[str, ModuleType]:
    """Every benchmark of this package, by name, in the order of its number."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if re.fullmatch(r"b\d+\w*", module.name)]
    names.sort(key=lambda name: (int(re.findall(r"\d+", name)[0]), name))
    modules = [import_module(f"benchmarks.{name}") for name in names]
    return {module.NAME.partition(" ")[0]: module for module in modules}


@click.command()
@click.argument("names", nargs=-1)
@click.option("--quick", is_flag=True, help="Fewer cases and shorter runs; kept and compared apart from full runs.")
def main(names: tuple[str, ...], quick: bool) -> None:
    """Run the benchmarks NAMES (all without one), print a table each, keep the figures in benchmarks/results/.

    The exit code is 1 when a target was missed or could not be measured.
    """
    modules = found()
    wanted = {name.lower() for name in names}
    unknown = wanted - {name.lower() for name in modules}
    if unknown:
        raise click.UsageError(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(modules)}")
    console = Console(width=None if sys.stdout.isatty() else 150)
    missed = False
    for name, module in modules.items():
        if wanted and name.lower() not in wanted:
            continue
        before = previous(name, quick)
        rows = module.run(quick)
        show(module.NAME, rows, before, console)
        console.print(f"  {keep(name, quick, rows)}", style="dim", highlight=False)
        missed = missed or any(row.target and row.verdict != "met" for row in rows)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
