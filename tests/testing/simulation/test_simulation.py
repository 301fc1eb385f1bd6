"""Simulated trees: every kind of fault, invariants that find what is broken, and the same again from the same seed."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tasks.model import Answer, LedgerEntry, TargetState, Task
from ote_twisted.testing.simulation.clock import HeapClock, LifeClock
from ote_twisted.testing.simulation.faults import plan
from ote_twisted.testing.simulation.ground import Ground, GroundShim, WatchedLedger
from ote_twisted.testing.simulation.network import SimulatedNetwork
from ote_twisted.testing.simulation.report import Report
from ote_twisted.testing.simulation.scenario import FAULTS, Place, Scenario, ScenarioError, places
from ote_twisted.testing.simulation.simulation import Simulation
from ote_twisted.testing.simulation.watch import LOOP_BOUND, ORPHAN_BOUND, Watch
from ote_twisted.testing.simulation.workload import plan_tasks


class DoublingShim(GroundShim):
    """Has every task take effect twice."""

    def perform(self, task: Task) -> Deferred[Answer]:
        """See :meth:`IClusterShim.perform`."""
        self._act(task)
        return super().perform(task)


class SilentShim(GroundShim):
    """Answers nothing."""

    def _answer(self, answered: Deferred[Answer], task: Task) -> None:
        pass


class LyingShim(GroundShim):
    """Answers for another cluster."""

    def _answer(self, answered: Deferred[Answer], task: Task) -> None:
        if not answered.called:
            answered.callback(Answer(200, b"somebody else"))


def run(make_shim: Any = GroundShim, **values: Any) -> Report:
    """A small tree with few things happening to it."""
    chosen: dict[str, Any] = {"clusters": 12, "minutes": 2.0, "tasks": 6, "faults": (), "seed": 1} | values
    return Simulation(Scenario(**chosen), make_shim).run()


class ScenarioTests(SynchronousTestCase):
    """Plans."""

    def test_trees(self) -> None:
        """A tree has exactly as many controllers and tiers as were asked for, with unique names and parents that are there."""
        for clusters, tiers in ((1, 1), (2, 2), (3, 3), (7, 3), (100, 3), (100, 5), (1000, 2), (40, 16)):
            tree = places(Scenario(clusters, tiers))
            names = {place.name: place for place in tree}
            self.assertEqual((len(tree), len(names)), (clusters, clusters))
            self.assertEqual({place.tier for place in tree}, set(range(tiers)))
            for place in tree:
                self.assertEqual([names[parent].tier for parent in place.parents], [place.tier - 1] * len(place.parents))

    def test_nonsense(self) -> None:
        """What makes no tree, and faults that do not exist, are refused with what there is."""
        self.assertIn("kill", str(self.assertRaises(ScenarioError, Scenario, faults=("kil",))))
        self.assertRaises(ScenarioError, Scenario, clusters=2, tiers=3)
        self.assertRaises(ScenarioError, Scenario, clusters=2, tiers=1)

    def test_plans_follow_from_the_seed(self) -> None:
        """The same seed plans the same faults and tasks, another seed others."""
        scenarios = [Scenario(seed=seed, faults=tuple(FAULTS)) for seed in (1, 1, 2)]
        one, same, other = ((plan(each, places(each)), plan_tasks(each, places(each), 60)) for each in scenarios)
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)


class FaultTests(SynchronousTestCase):
    """Each kind of fault, alone."""

    def heals(self, kind: str, **values: Any) -> Report:
        """Have a small tree suffer from a kind; everything has to be well in the end."""
        report = run(**{"faults": (kind,), "clusters": 24, "rate": 4.0, "minutes": 3.0} | values)
        self.assertEqual(report.value()["violations"], [])
        self.assertGreater(report.faults[kind], 3)
        self.assertEqual((report.tasks.lost, report.findings.doubled, report.orphans), (0, 0, 0))
        return report

    def test_no_faults(self) -> None:
        """Without faults nobody moves, and every target is answered once."""
        report = run()
        self.assertTrue(report.passed)
        self.assertEqual((report.findings.moves, report.tasks.answered), (11, report.tasks.targets))

    def test_kill(self) -> None:
        """Children of killed controllers find others and come back."""
        self.assertGreater(self.heals("kill").findings.moves, 23)

    def test_wipe(self) -> None:
        """A controller without memory joins again as another one."""
        self.heals("wipe")

    def test_power(self) -> None:
        """Machines that vanish are noticed by their silence."""
        self.heals("power")

    def test_partition(self) -> None:
        """Machines and whole regions that were cut off come back."""
        self.heals("partition")

    def test_oneway(self) -> None:
        """Packets that are lost in one direction end links cleanly."""
        self.heals("oneway")

    def test_delay(self) -> None:
        """Late packets end nothing for good."""
        self.heals("delay")

    def test_reorder(self) -> None:
        """Links that overtake each other do no harm."""
        self.heals("reorder")

    def test_slow(self) -> None:
        """Slow machines are waited for."""
        self.heals("slow")

    def test_duplicate(self) -> None:
        """A second controller with the same name harms nobody for good."""
        self.heals("duplicate")

    def test_skew(self) -> None:
        """Wall clocks that are off by up to an hour change nothing that happens."""
        self.assertTrue(run(faults=("skew",)).passed)
        skews = {node.skew for node in _built(faults=("skew",)).nodes.values()}
        self.assertGreater(max(skews) - min(skews), 600)


def _built(**values: Any) -> Simulation:
    """A tree without tasks or faults, after it was run."""
    chosen: dict[str, Any] = {"clusters": 12, "minutes": 0.1, "tasks": 0, "seed": 1} | values
    simulation = Simulation(Scenario(**chosen))
    simulation.run()
    return simulation


class SameAgainTests(SynchronousTestCase):
    """Replay."""

    def test_the_same_seed(self) -> None:
        """Two runs of one seed are the same, packet by packet and in every number of the report; another seed is not."""
        values: dict[str, Any] = {"faults": tuple(FAULTS), "rate": 6.0, "clusters": 20}
        one, same, other = run(**values), run(**values), run(**values | {"seed": 2})
        self.assertEqual(one.value(), same.value())
        self.assertNotEqual(one.trace, other.trace)

    def test_up_to_a_step(self) -> None:
        """A run can be stopped at a step, and until then it is the same."""
        lines: list[list[str]] = [[], []]
        scenario = Scenario(12, faults=("kill",), rate=6.0, minutes=2.0, tasks=3)
        whole = Simulation(scenario, told=lines[0].append).run()
        stopped = Simulation(scenario, told=lines[1].append).run(until=whole.steps // 2)
        self.assertEqual(stopped.steps, whole.steps // 2)
        self.assertEqual(lines[0][: len(lines[1])], lines[1])
        self.assertLess(len(lines[1]), len(lines[0]))

    def test_the_command(self) -> None:
        """The report names the call that does the same again."""
        scenario = Scenario(12, 3, 5, 2.5, ("kill", "oneway"), 7, 3.0)
        expected = "otectl simulate --clusters 12 --tiers 3 --seed 5 --minutes 2.5 --faults kill,oneway --tasks 7 --rate 3"
        self.assertEqual(scenario.command(), expected)


class InvariantTests(SynchronousTestCase):
    """What is broken on purpose is found."""

    def broken(self, report: Report) -> str:
        """The first violation, with its step."""
        self.assertFalse(report.passed)
        first = report.findings.violations[0]
        self.assertGreater(first.step, 0)
        return f"{first.invariant}: {first.text}"

    def test_doubled_effects(self) -> None:
        """A task that takes effect twice is found when it happens, with step and cluster."""
        report = run(DoublingShim)
        self.assertRegex(self.broken(report), r"once: \w+ \S+ took effect 2 times at .*, in one life")
        self.assertEqual(report.findings.doubled, report.tasks.targets)
        self.assertLess(report.findings.violations[0].step, report.steps)

    def test_lost_answers(self) -> None:
        """A target that gives no answer is lost."""
        report = run(SilentShim)
        self.assertRegex(self.broken(report), "answered: task-.* failed: 504")
        self.assertEqual(report.tasks.lost, report.tasks.targets)

    def test_wrong_answers(self) -> None:
        """An answer that is not its cluster's is found."""
        self.assertIn("an answer that its cluster did not give", self.broken(run(LyingShim)))

    def test_exceptions(self) -> None:
        """Whatever a controller raises or logs as a failure is a violation, with where it was raised."""

        def broken(ground: Ground, life: LifeClock, steady: HeapClock, chance: Random) -> GroundShim:
            if ground.name == "r0":
                life.callLater(5, lambda: 1 / 0)
            return GroundShim(ground, life, steady, chance)

        self.assertRegex(self.broken(run(broken)), r"exception: r0: ZeroDivisionError: .*test_simulation.py:\d+")

    def test_second_answers(self) -> None:
        """An owner that takes another answer of a target is found."""
        twice: list[LedgerEntry] = []
        ledger = WatchedLedger(twice.append)
        entry = LedgerEntry("u.1", "c", TargetState.DONE, 200)
        for times in (0, 1):
            ledger.add("u.1", ["c"], TargetState.SENT)
            ledger.record([entry])
            self.assertEqual(len(twice), times)
            ledger.forget("u.1")

    def test_kept_answers(self) -> None:
        """A task that is performed although its answer is on the disk is found, whatever its verb."""
        again: list[str] = []
        kept = Deferred[Any]()
        kept.callback(Answer(200))
        ground = Ground("c", lambda *_: None, lambda uid: kept, lambda ground, task: again.append(task.uid))
        GroundShim(ground, LifeClock(HeapClock(), lambda: None), HeapClock(), Random(1)).perform(Task("api", "PUT", "/", uid="u"))
        self.assertEqual(again, ["u"])


class _Nodes:
    """Stand-ins for controllers that are linked as one likes."""

    def __init__(self, *names: str) -> None:
        self.clock = HeapClock()
        self.network = SimulatedNetwork(self.clock, 1)
        self.nodes: dict[str, Any] = {}
        for name in names:
            place = Place(name, ("root",) if name != "root" else (), 1, {})
            self.nodes[name] = SimpleNamespace(name=name, host=name, place=place, running=True, uplink=None)
        injector: Any = SimpleNamespace(troubled={})
        self.watch = Watch(self.nodes, {}, self.network, self.clock, injector)
        self.watch._look_at_queues = lambda: None
        self.watch.built = True

    def link(self, child: str, parent: str, answers: bool = True) -> None:
        """Put one below another."""
        machine = SimpleNamespace(name=parent)
        self.nodes[child].uplink = SimpleNamespace(far=SimpleNamespace(machine=machine), answers=answers)
        self.watch.touched(child)
        self.watch.look()

    def wait(self, seconds: float) -> list[str]:
        """Let time pass, with looks; gives the invariants that broke."""
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(5)
            self.watch.tick()
        return [each.invariant for each in self.watch.findings.violations]


class WatchTests(SynchronousTestCase):
    """Loops and orphans."""

    def test_lasting_loops(self) -> None:
        """A circle of parents is counted at once, and a violation if it lasts."""
        world = _Nodes("root", "a", "b", "c")
        world.watch.touched("root")
        for child, parent in (("a", "root"), ("b", "a"), ("c", "b")):
            world.link(child, parent)
        self.assertEqual(world.watch.count_rooted, 4)
        world.link("a", "c")
        self.assertEqual((world.watch.findings.loops, world.watch.count_rooted), (1, 1))
        self.assertNotIn("loop", world.wait(LOOP_BOUND - 10))
        self.assertIn("loop", world.wait(20))

    def test_passing_loops(self) -> None:
        """A circle that ends in time is none of our concern."""
        world = _Nodes("root", "a", "b")
        world.link("b", "a")
        world.link("a", "b")
        world.wait(20)
        world.link("a", "root")
        self.assertEqual((world.wait(2 * LOOP_BOUND), world.watch.findings.loops), ([], 1))

    def test_orphans(self) -> None:
        """Whoever has no way for long, though a parent would take it, is a violation once; a dead link is no way."""
        world = _Nodes("root", "a")
        world.watch.touched("root")
        world.link("a", "root", answers=False)
        self.assertEqual(world.watch.count_rooted, 1)
        self.assertEqual(world.wait(ORPHAN_BOUND - 10), [])
        self.assertEqual(world.wait(100), ["orphan"])

    def test_below_orphans(self) -> None:
        """Who is below an orphan has no way either, and all have it again when the orphan has."""
        world = _Nodes("root", "a", "b")
        world.watch.touched("root")
        world.link("a", "root")
        world.link("b", "a")
        self.assertTrue(world.watch.rooted("b"))
        world.nodes["root"].running = False
        world.watch.touched("root")
        world.watch.look()
        self.assertFalse(world.watch.rooted("b"))
        self.assertEqual(world.wait(2 * ORPHAN_BOUND), [])
