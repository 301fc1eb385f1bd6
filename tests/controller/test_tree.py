"""Whole trees over in-memory transports with the real protocol classes, in virtual time."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.testing.tree import MemoryTree
from tests.controller.trees import demo_tree


class SelectionTests(SynchronousTestCase):
    """One object, exactly the selected clusters."""

    def setUp(self) -> None:
        self.tree = demo_tree()
        self.addCleanup(self.tree.stop)

    def performers(self, selector: str, at: str = "root") -> list[str]:
        uri = f"/{len(self.tree.node(at).store.feed.__dict__)}{abs(hash(selector))}"
        self.tree.node(at).submit(f"t{abs(hash((selector, at)))}", selector, "PUT", uri, "x")
        self.tree.settle()
        performers = self.tree.performers(uri)
        self.assertEqual(set(performers.values()) or {1}, {1})
        return sorted(performers)

    def test_every_cluster_is_known_at_the_root(self) -> None:
        """The root has an online Cluster object for itself and every descendant."""
        clusters = self.tree.node("root").clusters()
        self.assertEqual(set(clusters), set(self.tree.nodes))
        self.assertEqual(set(clusters.values()), {"online"})

    def test_any_name_may_be_the_root(self) -> None:
        """Whoever has no parent is the root, and a cluster called root may be below it (T3)."""
        tree = MemoryTree()
        self.addCleanup(tree.stop)
        cloud = tree.add("cloud")
        tree.add("root", ["cloud"])
        tree.settle()
        self.assertEqual((cloud.controller.settings.is_root, cloud.clusters()), (True, {"cloud": "online", "root": "online"}))

    def test_labels_select_across_tiers(self) -> None:
        """A label selector reaches exactly the clusters that carry the labels, two tiers down."""
        self.assertEqual(self.performers("[tier=site,gpu=true]"), ["north-1", "south-1"])

    def test_tags_select(self) -> None:
        """A tag pattern reaches the tagged clusters."""
        self.assertEqual(self.performers("camera*"), ["north-2", "north-3", "south-2", "south-3"])

    def test_names_are_exact(self) -> None:
        """A plain name addresses exactly that cluster, not those whose name contains it (F2, F3)."""
        self.assertEqual(self.performers("north"), ["north"])

    def test_a_region_reaches_its_subtree_only_and_completes_there(self) -> None:
        """A task written at a region is performed in that region's subtree and completed at the region (F54)."""
        self.assertEqual(self.performers("*", at="north"), ["north", "north-1", "north-2", "north-3"])

    def test_status_counts_answers(self) -> None:
        """The task's status shows every answer and is Complete when all targets answered."""
        self.tree.node("root").submit("all", "*", "PUT", "/all", "x")
        self.tree.settle()
        status = self.tree.node("root").status("all")
        self.assertEqual(len(status["clusters"]), 9)
        self.assertEqual(status["done"], "9/9")
        self.assertIn(("Complete", "True"), [(c["type"], c["status"]) for c in status["conditions"]])
