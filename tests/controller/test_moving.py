"""Whole trees in which clusters change their parents while tasks and answers are under way."""

from __future__ import annotations

from typing import Any

from ote_twisted.testing.tree import MemoryTree
from tests.controller.trees import TreeTestCase


class MovingTests(TreeTestCase):
    """Two regions below a root, and below the first a chain of two sites."""

    def setUp(self) -> None:
        """Build it, of controllers that go back to the parent they prefer."""
        self.tree = self.watched(MemoryTree())
        self.tree.add("root")
        for name in ("north", "south"):
            self.tree.add(name, ["root"])
        self.tree.add("site", ["north", "south"])
        self.tree.add("below", ["site"])
        self.tree.settle()
        self.assertEqual((self.parent_of("site"), self.parent_of("below")), ("north", "site"))

    def complete(self, task: str) -> bool:
        """A task is done with."""
        return self.condition("root", task)[0] == "True"

    def everything(self) -> dict[str, str]:
        """Every cluster that the root calls online, and its parent."""
        return {name: self.parent_of(name) for name in self.online()}

    def test_siblings_and_descendants_follow(self) -> None:
        """When a region dies its sites are online below another one, with all that is below them, and go back when it is back."""
        self.tree.node("north").crash()
        self.until(lambda: self.everything() == {"south": "root", "site": "south", "below": "site"}, 10)
        self.assertEqual(self.reached("root", "below", "/away"), {"below": 1})
        self.tree.node("north").start()
        home = {"north": "root", "south": "root", "site": "north", "below": "site"}
        self.until(lambda: self.everything() == home, 60)
        self.assertEqual(self.reached("root", "*", "/home"), dict.fromkeys(["root", *home], 1))
        self.assertEqual(self.tree.node("root").events.reasons("below").count("ClusterMoved"), 0)

    def test_a_return_makes_no_gap(self) -> None:
        """While a site goes back to its region neither it nor what is below it is offline for a moment, anywhere above."""
        self.tree.node("north").crash()
        self.until(lambda: self.everything() == {"south": "root", "site": "south", "below": "site"}, 10)
        self.tree.node("north").start()
        gaps: list[str] = []

        def home() -> bool:
            online = self.online()
            gaps.extend(name for name in ("site", "below") if name not in online)
            return self.parent_of("site") == "north"

        self.until(home, 60)
        self.tree.settle(10)
        self.assertEqual((gaps, self.online()), ([], ["below", "north", "site", "south"]))

    def test_tasks_and_answers_under_way_survive_a_return(self) -> None:
        """Tasks that are being performed when a site changes its parent are answered, each performed once, whenever that is."""
        self.tree.node("north").crash()
        self.until(lambda: self.parent_of("site") == "south", 10)
        for name in ("site", "below"):
            self.tree.node(name).shim.script(delay=1.5)
        self.tree.node("north").start()
        number = 0
        while self.parent_of("site") != "north" or number < 20:
            self.tree.node("root").submit(f"t{number}", "site,below", "PUT", f"/t{number}", "x")
            self.tree.settle(0.5)
            number += 1
            self.assertLess(number, 200)
        self.until(lambda: all(self.complete(f"t{each}") for each in range(number)), 60)
        for each in range(number):
            self.assertEqual(self.tree.performers(f"/t{each}"), {"site": 1, "below": 1}, each)

    def test_a_return_keeps_the_order(self) -> None:
        """When a site goes back, answers that are under way on the former link, which does not move, and those that follow on the
        new one arrive in their order."""
        self.tree.node("north").crash()
        self.until(lambda: self.parent_of("site") == "south", 10)
        self.tree.node("north").start()
        arrived: list[str] = []
        owner = self.tree.node("root").owner
        answered = owner.answered

        def arrive(uid: str, name: str, *rest: Any) -> None:
            arrived.append(name)
            answered(uid, name, *rest)

        self.patch(owner, "answered", arrive)
        self.until(lambda: "site" in self.tree.node("north").controller.links, 60)
        self.tree.settle(7)
        for number in range(8):
            self.tree.node("below").shim.script(delay=2.5)
            self.tree.node("root").submit(f"t{number}", "below", "PUT", f"/t{number}", "x")
            self.tree.settle(0.25)
        self.tree.network.partition("site", "south")
        self.until(lambda: self.parent_of("site") == "north", 10)
        self.until(lambda: all(self.complete(f"t{each}") for each in range(8)), 60)
        first = list(dict.fromkeys(arrived))
        self.assertEqual((first, self.tree.performers("/t7")), (sorted(first), {"below": 1}))

    def test_tasks_and_answers_under_way_survive_a_silent_death(self) -> None:
        """The same when the former parent vanishes without a word, with whatever it had been given."""
        for name in ("site", "below"):
            self.tree.node(name).shim.script(delay=1.5)
        for number in range(10):
            self.tree.node("root").submit(f"t{number}", "site,below", "PUT", f"/t{number}", "x")
            self.tree.settle(0.25)
        self.tree.network.partition("north")
        self.until(lambda: self.parent_of("site") == "south", 60)
        self.until(lambda: all(self.complete(f"t{each}") for each in range(10)), 120)
        for each in range(10):
            self.assertEqual(self.tree.performers(f"/t{each}"), {"site": 1, "below": 1}, each)
        self.tree.network.heal()
        self.until(lambda: self.everything().get("site") == "north" and len(self.online()) == 4, 120)

    def test_back_from_below_an_original(self) -> None:
        """A site that had to go below a child of its region which is an original goes back to the region, without a gap."""
        tree = self.tree = self.watched(MemoryTree())
        tree.add("root")
        tree.add("north", ["root"])
        tree.add("site", ["north", "old"])
        tree.add("old", ["north"], v2=False)
        tree.settle()
        tree.network.partition("north", "site")
        self.until(lambda: self.parent_of("site") == "old", 60)
        tree.network.heal()
        gaps: list[str] = []

        def home() -> bool:
            gaps.extend(name for name in ("site", "old") if name not in self.online())
            return self.parent_of("site") == "north"

        self.until(home, 90)
        tree.settle(10)
        self.assertEqual((gaps, self.reached("root", "site", "/home")), ([], {"site": 1}))

    def test_news_of_the_old_way_come_late(self) -> None:
        """A region that the site has left, and that cannot reach the root, changes nothing when it is heard again (F33, F34)."""
        self.tree.network.partition("north", "site")
        self.tree.network.partition("north", "root")
        self.until(lambda: self.parent_of("site") == "south", 60)
        self.tree.network.heal("north", "root")
        self.until(lambda: self.parent_of("north") == "root", 90)
        self.tree.settle(20)
        self.assertEqual(self.everything(), {"north": "root", "south": "root", "site": "south", "below": "site"})
        self.tree.network.heal()
        self.until(lambda: self.parent_of("site") == "north", 120)
        self.tree.settle(20)
        self.assertEqual(self.everything(), {"north": "root", "south": "root", "site": "north", "below": "site"})


class OrphanTests(TreeTestCase):
    """A tree that loses its root."""

    def test_orphans_do_not_adopt_each_other(self) -> None:
        """When the root is gone the regions keep their own sites and take nobody else's; when it is back all is as before."""
        self.tree = self.watched(MemoryTree())
        self.tree.add("root")
        for region, others in (("north", "south"), ("south", "north")):
            self.tree.add(region, ["root"])
            self.tree.add(f"{region}-1", [region, others])
        self.tree.settle(10)
        self.tree.node("root").crash()
        for _ in range(60):
            self.tree.settle(5)
            for region in ("north", "south"):
                node = self.tree.node(region).controller
                self.assertIsNone(node.uplink.link)
                self.assertEqual(sorted(node.table.via), [f"{region}-1"])
        self.assertEqual(self.reached("north", "*", "/alone"), {"north": 1, "north-1": 1})
        self.tree.node("root").start()
        self.until(lambda: len(self.online()) == 4, 90)
        self.until(lambda: all(self.parent_of(f"{region}-1") == region for region in ("north", "south")), 90)

    def test_a_crowd_returns_at_the_rate(self) -> None:
        """Many sites of a region that was away come back by and by, and none is forgotten."""
        tree = self.tree = self.watched(MemoryTree())
        tree.add("root")
        tree.add("north", ["root"])
        for number in range(40):
            tree.add(f"site-{number}", ["north"], performs=False)
        self.until(lambda: len(self.online()) == 41, 60)
        tree.node("north").crash()
        tree.node("north").start()
        self.until(lambda: len(self.online()) == 41, 60)
