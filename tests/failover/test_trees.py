"""Whole trees: controllers that lose their parents, find others, and go back."""

from __future__ import annotations

from ote_twisted.testing.tree import MemoryTree
from tests.controller.trees import TreeTestCase


class HealingTestCase(TreeTestCase):
    """A root, two regions, three sites below the first of them; each knows its neighbours."""

    def setUp(self) -> None:
        """Build it, with the settings that controllers have by themselves."""
        super().setUp()
        self.tree = self.watched(MemoryTree())
        self.tree.add("root")
        for region in ("north", "south"):
            self.tree.add(region, ["root"])
        for site in ("n1", "n2", "n3"):
            self.tree.add(site, ["north"])
        self.tree.settle(60)

    def parents(self) -> dict[str, str]:
        """Whom each site is below, as the root's objects say, of those that are online."""
        online = self.online()
        return {site: self.parent_of(site) for site in ("n1", "n2", "n3") if site in online}

    def away(self) -> bool:
        """Every site is online below another parent than its own."""
        parents = self.parents()
        return len(parents) == 3 and "north" not in parents.values()

    def home(self) -> bool:
        """Every site is online below its own parent."""
        return set(self.parents().values()) == {"north"} and len(self.parents()) == 3

    def events(self, site: str, reason: str) -> int:
        """How often something was recorded at a site."""
        return sum(each.count for each in self.tree.node(site).events.happenings() if each.told.reason == reason)


class LossTests(HealingTestCase):
    """The parent dies."""

    def test_a_crash(self) -> None:
        """When the parent dies its children are below its sibling or the root within seconds, and tasks reach them (F39)."""
        self.tree.node("north").crash()
        self.assertLessEqual(self.until(self.away), 5.0)
        self.assertLessEqual(set(self.parents().values()), {"south", "root"})
        sites = {"n1": 1, "n2": 1, "n3": 1}
        self.assertEqual(self.reached("root", "n*,!north"), sites)

    def test_a_silent_death(self) -> None:
        """When it vanishes without a word that takes as long as a dead peer needs to be found, and an attempt at it."""
        self.tree.network.partition("north")
        self.assertLessEqual(self.until(self.away), 15.0 + 3.0 + 5.0)

    def test_a_region_that_is_cut_off(self) -> None:
        """When the parent lives, and loses every way to the root, its children leave it for others, one after the other."""
        for other in ("root", "south"):
            self.tree.network.partition("north", other)
        self.assertLessEqual(self.until(self.away, 120), 60.0)

    def test_a_restart_from_disk(self) -> None:
        """A site that is started while its parent is dead finds another one from its disk (F39)."""
        self.tree.node("n1").crash()
        self.tree.node("north").crash()
        self.tree.settle(30)
        self.tree.node("n1").start()
        self.assertLessEqual(self.until(lambda: "n1" in self.parents()), 5.0)

    def test_a_broken_link_moves_nobody(self) -> None:
        """When only the link breaks the same parent has the child again at once."""
        self.tree.network.reset("n1", "north")
        self.tree.settle(2)
        self.assertEqual((self.parents()["n1"], self.events("n1", "MovedToParent")), ("north", 0))


class ReturnTests(HealingTestCase):
    """The parent comes back."""

    def test_back_once_without_a_gap(self) -> None:
        """Every child goes back, once; from then on nobody moves; tasks meanwhile are performed once each (F40)."""
        self.tree.node("north").crash()
        self.until(self.away)
        self.tree.node("north").start()
        tasks, rounds = 0, 0
        while not self.home():
            self.tree.node("root").submit(f"t{tasks}", "n1,n2,n3", "PUT", f"/t{tasks}", "x")
            tasks += 1
            self.tree.settle(2)
            rounds += 1
            self.assertLess(rounds, 40)
        self.tree.settle(120)
        self.assertTrue(self.home())
        for site in ("n1", "n2", "n3"):
            performed = sorted(self.tree.node(site).performed)
            self.assertEqual(performed, sorted(f"/t{number}" for number in range(tasks)))
            self.assertEqual((self.events(site, "ReturnedToParent"), self.events(site, "MovedToParent")), (1, 1))
        for number in range(tasks):
            self.assertEqual(self.condition("root", f"t{number}")[0], "True")

    def test_a_flapping_parent_moves_nobody(self) -> None:
        """While the parent comes for moments only its children stay where they are (F43)."""
        self.tree.node("north").crash()
        self.until(self.away)
        for _ in range(6):
            self.tree.node("north").start()
            self.tree.settle(5)
            self.tree.node("north").crash()
            self.tree.settle(5)
            self.assertTrue(self.away())
        moved = [self.events(site, "MovedToParent") + self.events(site, "ReturnedToParent") for site in ("n1", "n2", "n3")]
        self.assertEqual(moved, [1, 1, 1])
