"""``otectl demo``."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from ote_twisted.cli.demo.places import MOST_PROCESSES, Place, fixed_tree, regular_tree
from ote_twisted.cli.drive import drive
from ote_twisted.cli.errors import FAILED, CommandError
from ote_twisted.cli.options import duration
from ote_twisted.cli.screen import Screen

if TYPE_CHECKING:
    from ote_twisted.cli.demo.processes import ProcessTree
    from ote_twisted.cli.demo.tree import DemoTree

    Tree = DemoTree | ProcessTree

COMPLETE_SECONDS = 60.0
"""In which the tree has to be complete."""

HELP = """Run a whole tree in one process on loopback: every controller with an embedded cluster, its API and a context in
a kubeconfig. It prints the tree, where the kubeconfig is, and what to try; Ctrl-C stops it.

With --processes each controller is a twistd process of its own, whose options and log are NAME.toml and NAME.log in
DIR; all of them end with this command, however it ends.

Without --tiers and --fanout it is always the same tree: root; north and south; north-1 to north-3 and south-1 to
south-3. Labels: region=north|south, tier=region|site, gpu=true on each -1. Tag: camera on each -2 and -3.

\b
Examples:
  otectl demo
  otectl demo --dir ~/ote-demo --port 8288     keep the state; the root's API at a known port
  otectl demo --tiers 4 --fanout 3             40 controllers
  otectl demo --check                          try the examples on it, and stop
  otectl demo --processes                      each controller a process, to be killed and started again
  otectl demo --processes --restart 10s        killed ones come back by themselves
"""


@click.command("demo", help=HELP)
@click.option("--check", is_flag=True, help="Apply the examples, compare who performed them with who should have, and stop.")
@click.option("--tiers", type=click.IntRange(1, 32), help="Tiers of the tree, that of the root included.  [3 with --fanout]")
@click.option("--fanout", type=click.IntRange(1, 400), help="Children of each controller above the last tier.  [2 with --tiers]")
@click.option("--processes", is_flag=True, help="Run each controller as a process of its own.")
@click.option(
    "--restart", metavar="SECONDS", callback=duration, help="With --processes: start what was killed again after so long."
)
@click.option(
    "--dir", "folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Keep the state here across runs."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port of the root's API; 0 is any free one."
)
@click.option("-v", "--verbose", is_flag=True, help="Show the log, which is also in DIR/demo.log.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="Form of the output; text and a table without.")
@click.pass_context
def command(call: click.Context, /, tiers: int | None, fanout: int | None, folder: Path | None, **asked: Any) -> None:
    """Run the tree until Ctrl-C, or check it."""
    _require_sense(asked)
    places = _places(tiers, fanout, asked["processes"])
    home = _made(folder.absolute()) if folder is not None else Path(tempfile.mkdtemp(prefix="ote-demo-"))
    demo = _Demo(Asked(places, home, **asked), Screen())
    try:
        call.exit(drive(demo.check if asked["check"] else demo.show, interrupted=FAILED if asked["check"] else 0))
    finally:
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)


@frozen
class Asked:
    """What was asked for.

    :ivar home: folder for state, options and logs.
    :ivar restart: seconds after which a process that died is started again; ``None`` when it is not.
    """

    places: Sequence[Place]
    home: Path
    check: bool
    processes: bool
    restart: float | None
    port: int
    verbose: bool
    output: str | None

    @property
    def kubeconfig(self) -> Path:
        """The file that tells how to reach every controller."""
        return self.home / "kubeconfig"


class _Demo:
    """One run of a tree."""

    def __init__(self, asked: Asked, screen: Screen) -> None:
        self._asked = asked
        self._screen = screen

    async def show(self, reactor: Any) -> int:
        """Run it until cancelled."""
        from twisted.internet.defer import Deferred

        tree = self._tree(reactor)
        try:
            await self._start(tree, reactor)
            await self._print(tree, reactor)
            await Deferred()
        finally:
            await tree.stop()
        return 0

    async def check(self, reactor: Any) -> int:
        """Try the examples on it."""
        from ote_twisted.cli.demo.check import Check, findings_summary, findings_table

        tree = self._tree(reactor)
        try:
            await self._start(tree, reactor)
            findings = await Check(self._asked.places, tree.urls, reactor).run()
        finally:
            await tree.stop()
        value = [finding.value() for finding in findings]
        self._screen.show(self._asked.output, lambda: value, lambda: findings_table(findings))
        self._screen.note(findings_summary(findings))
        return 0 if all(finding.passed for finding in findings) else FAILED

    def _tree(self, reactor: Any) -> Tree:
        asked = self._asked
        if asked.processes:
            from ote_twisted.cli.demo.processes import ProcessTree

            return ProcessTree(asked.places, asked.home, reactor, asked.restart, self._screen.note)
        from ote_twisted.cli.demo.log import log_to
        from ote_twisted.cli.demo.tree import DemoTree

        log_to(asked.home / "demo.log", asked.verbose)
        return DemoTree(asked.places, asked.home, reactor)

    async def _start(self, tree: Tree, reactor: Any) -> None:
        from twisted.internet.defer import Deferred, TimeoutError

        from ote_twisted.cli.kubeconfig import written

        await tree.start(self._asked.port)
        try:
            await Deferred.fromCoroutine(tree.complete()).addTimeout(COMPLETE_SECONDS, reactor)
        except TimeoutError:
            advice = f"see the logs in {self._asked.home}" if self._asked.processes else "run it again with --verbose"
            raise CommandError(f"the tree was not complete within {COMPLETE_SECONDS:g} s; {advice}") from None
        self._asked.kubeconfig.write_text(written(tree.urls, self._asked.places[0].name), encoding="utf-8")

    async def _print(self, tree: Tree, reactor: Any) -> None:
        """Show the tree as the root's API tells it."""
        from ote_twisted.cli.client import ApiClient
        from ote_twisted.cli.clusters import read_clusters
        from ote_twisted.cli.demo.check import EXAMPLES
        from ote_twisted.cli.demo.hints import hints
        from ote_twisted.cli.kubeconfig import Server
        from ote_twisted.cli.views import branches, tree_table

        if self._asked.output:
            value = {"kubeconfig": str(self._asked.kubeconfig), "controllers": tree.urls, **tree.details}
            self._screen.data(self._asked.output, value)
            return
        client = ApiClient(Server(tree.urls[self._asked.places[0].name]), reactor)
        clusters, _ = await read_clusters(client)
        await client.close()
        self._screen.table(tree_table(branches(clusters.values()), time.time()))
        for line in ("", *hints(self._asked.kubeconfig, EXAMPLES, tree.hints)):
            self._screen.line(line)


def _require_sense(asked: Mapping[str, Any]) -> None:
    if asked["restart"] is not None and not asked["processes"]:
        raise click.UsageError("--restart is about processes; give --processes as well")
    if asked["verbose"] and asked["processes"]:
        raise click.UsageError("--verbose shows the log of one process; with --processes each has its own, NAME.log in --dir")


def _places(tiers: int | None, fanout: int | None, processes: bool) -> tuple[Place, ...]:
    if tiers is None and fanout is None:
        return fixed_tree()
    try:
        bounds: tuple[Any, ...] = (MOST_PROCESSES, "a tree of processes") if processes else ()
        return regular_tree(tiers or 3, fanout or 2, *bounds)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise CommandError(f"the folder {folder} cannot be made: {fault.strerror}; choose another with --dir") from None
    return folder
