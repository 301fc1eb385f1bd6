"""``otectl simulate``."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from random import Random

from click.testing import CliRunner, Result
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.commands import simulate
from ote_twisted.cli.main import main
from ote_twisted.cli.simulated import progress_line
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.simulation import simulation
from ote_twisted.testing.simulation.clock import HeapClock, LifeClock
from ote_twisted.testing.simulation.ground import Ground, GroundShim
from ote_twisted.testing.simulation.report import Report
from ote_twisted.testing.simulation.scenario import Scenario
from ote_twisted.testing.simulation.simulation import Progress, Simulation

SMALL = ("--clusters", "8", "--minutes", "1", "--tasks", "4")


class DoublingShim(GroundShim):
    """Has every task take effect twice."""

    def perform(self, task: Task) -> Deferred[Answer]:
        """See :meth:`IClusterShim.perform`."""
        self._act(task)
        return super().perform(task)


class SimulateTests(SynchronousTestCase):
    """The command, on trees that are small and quick."""

    def call(self, *words: str) -> Result:
        """Call it; whoever observes the log goes on to do so."""
        self.patch(simulate, "_silence", lambda: None)
        self.patch(simulate, "COLLECT", gc.get_threshold())
        return CliRunner().invoke(main, ("simulate", *words))

    def test_report(self) -> None:
        """A table tells what happened, and the last line sums it up; nothing broke, so the exit code is 0."""
        result = self.call(*SMALL, "--seed", "2", "-o", "table")
        self.assertEqual(result.exit_code, 0, result.output)
        lines = result.output.strip().splitlines()
        self.assertRegex(lines[0], r"^Tree +8 controllers in 3 tiers, seed 2$")
        self.assertRegex(lines[-1], r"^4 tasks for \d+ targets: 0 lost, 0 doubled, 0 loops, 0 orphans left$")
        self.assertNotIn("Replay", result.output)

    def test_json(self) -> None:
        """For programs it is JSON on standard output, and the sum on standard error."""
        result = self.call(*SMALL, "--faults", "none", "-o", "json")
        value = json.loads(result.stdout)
        self.assertEqual((value["passed"], value["orphans"], value["tasks"]["tasks"]), (True, 0, 4))
        self.assertIn("0 lost", result.stderr)

    def test_broken_invariants(self) -> None:
        """An invariant that a faulty cluster breaks is shown with step and replay, and the exit code is 1."""

        def faulty(scenario: Scenario, told: object) -> Simulation:
            def make(ground: Ground, life: LifeClock, steady: HeapClock, chance: Random) -> GroundShim:
                return DoublingShim(ground, life, steady, chance)

            return Simulation(scenario, make)

        self.patch(simulation, "Simulation", faulty)
        result = self.call(*SMALL, "--seed", "5", "--faults", "none", "-o", "table")
        self.assertEqual(result.exit_code, 1)
        self.assertRegex(result.output, r"\n *\d+ +\d+\.\d{3} +once +\w+ \S+ took effect 2 times at ")
        expected = "otectl simulate --clusters 8 --tiers 3 --seed 5 --minutes 1 --faults none --tasks 4 --until "
        self.assertRegex(result.output, r"broke at step (\d+)\. Replay: " + expected + r"\1 --log -\n")
        self.assertRegex(result.output, r"[1-9]\d* doubled, 0 loops, 0 orphans left\n$")

    def test_files(self) -> None:
        """It draws what was asked for, and writes what happened."""
        plot, log = Path(self.mktemp() + ".svg"), Path(self.mktemp())
        result = self.call(*SMALL, "--rate", "6", "--plot", str(plot), "--log", str(log), "-o", "table")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("<svg", plot.read_text())
        self.assertRegex(log.read_text(), r"\n +\d+\.\d{3} +\d+ (begins|ends): ")

    def test_a_plot_that_cannot_be_written(self) -> None:
        """A file that cannot be written ends with a sentence, after the report."""
        result = self.call(*SMALL, "--faults", "none", "--plot", "/dev/null/x.svg", "-o", "table")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("the plot was not drawn: ", result.output)
        self.assertIn("0 orphans left", result.output)

    def test_no_painter(self) -> None:
        """That a PNG cannot be painted is said before the run, not after it."""
        self.patch(simulate, "find_spec", lambda name: None)
        result = self.call(*SMALL, "--plot", "x.png")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("ote-twisted[plot]", result.output)

    def test_wrong_calls(self) -> None:
        """A wrong call ends with 2 and says what there is."""
        for words, told in (
            (("--faults", "kil"), "there is no fault 'kil'; there are kill, wipe"),
            (("--clusters", "2"), "2 clusters make no tree of 3 tiers"),
            (("--plot", "x.gif"), "draws .svg and .png"),
            (("--minutes", "0"), "0.1<=x"),
        ):
            result = self.call(*words)
            self.assertEqual(result.exit_code, 2, words)
            self.assertIn(told, result.output)

    def test_interrupted(self) -> None:
        """Ctrl-C ends it with 130."""

        def interrupted(*_: object) -> Report:
            raise KeyboardInterrupt

        self.patch(simulate, "_run", interrupted)
        self.assertEqual(self.call(*SMALL).exit_code, 130)

    def test_progress(self) -> None:
        """Progress tells phase, minute, who has a way, and what is wrong already."""
        self.assertEqual(progress_line(Progress("faults", 120.0, 600.0, 8, 1)), "faults: minute 2 of 10, 8 attached, 1 violation")
