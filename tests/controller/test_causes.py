"""Whole trees that lose parts, and what is said of that: which hop is broken, since when, and never the last Ready."""

from __future__ import annotations

from typing import Any

from ote_twisted.storage.model import JSON
from ote_twisted.testing.tree import WALL
from tests.controller.trees import TreeTestCase

BEHIND = ("north", "north-1", "north-2")


class CauseTestCase(TreeTestCase):
    """root - mid - north - two sites; every wall clock but the root's is wrong by an hour, either way."""

    def setUp(self) -> None:
        """Build it."""
        super().setUp()
        tree = self.tree
        tree.add("root")
        tree.add("mid", ["root"], skew=3600.0)
        tree.add("north", ["mid"], skew=-3600.0)
        for number in (1, 2):
            tree.add(f"north-{number}", ["north"], skew=3600.0 * (-1) ** number)
        tree.settle(10)
        self.before = {name: self.told(name) for name in ("root", "mid", *BEHIND)}

    def status(self, name: str, at: str = "root") -> JSON:
        """The status of a Cluster object."""
        found: JSON = self.tree.node(at).cluster(name)["status"]
        return found

    def told(self, name: str, at: str = "root") -> dict[str, tuple[str, str]]:
        """Type of each condition to its status and last transition."""
        return {each["type"]: (each["status"], each["lastTransitionTime"]) for each in self.status(name, at)["conditions"]}

    def reachable(self, name: str, at: str = "root") -> dict[str, Any]:
        """The condition Reachable."""
        found: dict[str, Any] = next(each for each in self.status(name, at)["conditions"] if each["type"] == "Reachable")
        return found

    def age(self, name: str, at: str = "root") -> float:
        """Seconds since it cannot be reached, by the clock of the controller that says so."""
        node = self.tree.node(at)
        return node.now() - int(self.status(name, at)["timestamp"])

    def all_true(self) -> bool:
        """Every condition of every cluster at the root is true."""
        return all(status == "True" for name in self.before for status, _ in self.told(name).values())


class LostTests(CauseTestCase):
    """A way breaks."""

    def test_all_is_well_at_first(self) -> None:
        """In a whole tree every condition that there is is true but Ready of clusters that say nothing of themselves."""
        states = {kind: status for name in self.before for kind, (status, _) in self.told(name).items() if kind != "Ready"}
        self.assertEqual(states, {"Reachable": "True", "Synced": "True"})

    def test_every_cluster_behind_a_dead_region_says_via_which_hop(self) -> None:
        """What was behind it is unreachable via it since it died, at every hop above, whatever the clocks say (F38, F119)."""
        self.tree.node("north").crash()
        self.tree.settle(40)
        for at in ("root", "mid"):
            for name in BEHIND:
                status = self.status(name, at)
                self.assertEqual((status["status"], status["brokenHop"]), ("offline", "north"), (name, at))
                self.assertIn("Unreachable via north since ", self.reachable(name, at)["message"])
                self.assertIn("the link to north was lost", status["reason"])
                self.assertAlmostEqual(self.age(name, at), 40, delta=2, msg=(name, at))
                self.assertEqual(self.told(name, at)["Ready"][0], "Unknown")
        self.assertEqual(self.told("mid")["Reachable"], self.before["mid"]["Reachable"])

    def test_the_return_is_the_only_other_transition(self) -> None:
        """When the region is back all conditions are true again; their moments moved at the loss and at the return only."""
        self.tree.node("north").crash()
        self.tree.settle(5)
        lost = {name: self.told(name)["Reachable"] for name in BEHIND}
        self.tree.settle(30)
        self.assertEqual({name: self.told(name)["Reachable"] for name in BEHIND}, lost)
        self.assertEqual({status for status, _ in lost.values()}, {"False"})
        self.tree.node("north").start()
        self.until(lambda: all(self.told(name)["Reachable"][0] == "True" for name in BEHIND))
        back = {name: self.told(name)["Reachable"] for name in BEHIND}
        self.tree.settle(60)
        self.assertEqual({name: self.told(name)["Reachable"] for name in BEHIND}, back)
        self.assertTrue(all(back[name][1] > lost[name][1] > self.before[name]["Reachable"][1] for name in BEHIND))
        self.assertEqual(self.told("mid"), self.before["mid"])
        self.assertNotIn("brokenHop", self.status("north-1"))

    def test_the_break_nearest_to_the_observer_is_named(self) -> None:
        """What is behind two breaks is unreachable via the nearer; when that is healed, via the other, since that one broke."""
        self.tree.network.partition("mid", "north")
        self.tree.settle(60)
        self.assertEqual(self.status("north-1")["brokenHop"], "north")
        self.tree.network.partition("root", "mid")
        self.tree.settle(60)
        self.assertEqual([self.status(name)["brokenHop"] for name in ("mid", *BEHIND)], ["mid"] * 4)
        self.assertEqual([self.status(name, "mid")["brokenHop"] for name in BEHIND], ["north"] * 3)
        self.tree.network.heal("root", "mid")
        self.until(lambda: self.status("mid")["status"] == "online", 90)
        self.tree.settle(1)
        self.assertEqual([self.status(name)["brokenHop"] for name in BEHIND], ["north"] * 3)
        self.assertAlmostEqual(self.age("north-2"), self.age("north-2", "mid"), delta=2)
        self.assertGreater(self.age("north-2"), 100)

    def test_what_broke_behind_a_break_is_told_when_that_is_healed(self) -> None:
        """A link that broke while nobody above could see it is told after the reconnect, with its age (F119)."""
        self.tree.network.partition("root", "mid")
        self.tree.settle(60)
        self.tree.node("north-1").crash()
        self.tree.settle(30)
        self.assertEqual(self.status("north-1")["brokenHop"], "mid")
        self.tree.network.heal("root", "mid")
        self.until(lambda: self.status("mid")["status"] == "online", 90)
        self.tree.settle(1)
        status = self.status("north-1")
        self.assertEqual((status["status"], status["brokenHop"]), ("offline", "north-1"))
        self.assertAlmostEqual(self.age("north-1"), self.age("north-1", "mid"), delta=2)
        self.assertGreater(self.age("north-1"), 29)
        self.assertEqual(self.status("north-2")["status"], "online")


class RestartTests(CauseTestCase):
    """A controller restarts."""

    def kill(self, name: str) -> None:
        """End it before it can write that its links are lost."""
        self.tree.node(name).controller.records.stop()
        self.tree.node(name).crash()

    def test_a_restart_says_so(self) -> None:
        """What was there before a restart and has not come back is not seen since the restart of that controller, at all hops."""
        self.kill("north")
        self.tree.settle(10)
        self.tree.node("north-1").crash()
        self.tree.node("north-2").crash()
        self.tree.node("north").start()
        self.until(lambda: self.status("north")["status"] == "online")
        self.tree.settle(2)
        for at in ("north", "mid", "root"):
            status = self.status("north-2", at)
            self.assertEqual((status["status"], status["reason"]), ("offline", "not seen since the restart of north"), at)
            self.assertEqual(self.told("north-2", at)["Ready"][0], "Unknown")
            self.assertLess(self.age("north-2", at), 10)

    def test_a_restart_of_the_observer(self) -> None:
        """A controller that starts knows what it knew; what it has not seen since is unreachable since then, and not ready."""
        self.tree.node("mid").crash()
        self.tree.settle(5)
        self.tree.node("root").crash()
        self.tree.node("root").start()
        self.tree.settle(1)
        status = self.status("north-1")
        self.assertEqual((status["status"], status["brokenHop"]), ("offline", "mid"))
        self.assertEqual(self.told("root")["Reachable"][0], "True")
        self.tree.node("mid").start()
        self.until(lambda: all(self.status(name)["status"] == "online" for name in self.before))

    def test_a_restart_of_the_observer_alone(self) -> None:
        """What was online before is unreachable from the restart until it is announced."""
        self.tree.network.partition("root", "mid")
        self.kill("root")
        self.tree.settle(10)
        self.tree.node("root").start()
        self.tree.settle(3)
        status = self.status("north-1")
        self.assertEqual((status["status"], status["reason"]), ("offline", "not seen since the restart of root"))
        self.assertAlmostEqual(self.age("north-1"), 3, delta=1)


class LeftBehindTests(TreeTestCase):
    """A hop that comes back without what was behind it, and cannot say why."""

    def test_originals_leave_behind(self) -> None:
        """What an original does not announce after its return is not said to be behind a broken link of that original."""
        tree = self.tree
        tree.add("root")
        tree.add("mid", ["root"])
        tree.add("leaf", ["mid"])
        tree.settle()
        self.assertEqual(tree.node("root").now(), WALL + tree.network.clock.seconds())
        tree.node("mid").crash()
        tree.settle(5)
        mid = tree.node("mid")
        mid.store = type(mid.store)(tree.network.clock)  # it knows nothing of the time before
        tree.node("leaf").stop()
        mid.start()
        self.until(lambda: tree.node("root").cluster("mid")["status"]["status"] == "online")
        tree.settle(60)
        status = tree.node("root").cluster("leaf")["status"]
        self.assertEqual((status["status"], status.get("brokenHop")), ("offline", None))
        self.assertEqual(status["reason"], "mid is back and does not announce it")
