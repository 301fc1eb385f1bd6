"""Clusters as people see them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.tables import plain
from ote_twisted.cli.views import ClusterView, branches, change_line, cluster_view, flat, tree_table, tree_value

ROOT = ClusterView("root", depth=0, online=True)
NORTH = ClusterView("north", "root", 1, True, 100.0, labels={"tier": "region", "region": "north"})
SITE = ClusterView("north-1", "north", 2, False, 50.0, "its link was lost", tags=("camera", "dusty"), performs=True)


class ReadingTests(SynchronousTestCase):
    """From an object."""

    def test_online(self) -> None:
        """An online cluster is as old as its link."""
        value = {
            "metadata": {"name": "a", "labels": {"gpu": "true"}},
            "spec": {"tags": ["camera"]},
            "status": {
                "parentName": "root",
                "status": "online",
                "linkedAt": "1970-01-01T00:01:00Z",
                "lastSeen": "1970-01-01T00:00:07Z",
                "depth": 1,
                "performs": True,
            },
        }
        view = cluster_view(value)
        self.assertEqual(view, ClusterView("a", "root", 1, True, 60.0, "", {"gpu": "true"}, ("camera",), True))

    def test_bare(self) -> None:
        """A cluster of which nothing is known is offline."""
        self.assertEqual(cluster_view({"metadata": {"name": "a"}}), ClusterView("a"))


class TreeTests(SynchronousTestCase):
    """Put into a tree."""

    def test_picture(self) -> None:
        """The tree is drawn in the first column, children by name, everything else beside it."""
        views = [SITE, ClusterView("south", "root", 1, True, 100.0), NORTH, ROOT]
        self.assertEqual(
            plain(tree_table(branches(views), 160.0)).splitlines(),
            [
                "NAME              STATE     DEPTH   LINK AGE   LABELS                     TAGS",
                "root              online        0   -          -                          -",
                "├── north         online        1   60s        region=north,tier=region   -",
                "│   └── north-1   offline       2   -          -                          camera,dusty",
                "└── south         online        1   60s        -                          -",
            ],
        )

    def test_wide(self) -> None:
        """A wide table has the shim, the address, the version and the reason as well."""
        last = plain(tree_table(branches([SITE]), 160.0, wide=True)).splitlines()[1]
        self.assertTrue(last.endswith("yes    -        -         its link was lost"), last)

    def test_unknown_parent(self) -> None:
        """A cluster whose parent is not known stands at the top."""
        self.assertEqual([branch.view.name for branch in branches([SITE, ROOT])], ["north-1", "root"])

    def test_circle(self) -> None:
        """Remembered parents that make a circle are each at the top, with what hangs on them below."""
        views = [ClusterView("a", "b"), ClusterView("b", "a"), ClusterView("c", "a"), ClusterView("d", "d")]
        tops = branches(views)
        self.assertEqual([branch.view.name for branch in tops], ["a", "b", "d"])
        self.assertEqual([branch.view.name for branch in tops[0].below], ["c"])

    @given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=12, unique_by=lambda pair: pair[0]))
    def test_nobody_is_lost(self, pairs: list[tuple[int, int]]) -> None:
        """Whatever parents the clusters name, each is in the picture exactly once."""
        views = [ClusterView(str(name), str(parent)) for name, parent in pairs]
        self.assertEqual(sorted(view.name for view in flat(branches(views))), sorted(view.name for view in views))

    def test_value(self) -> None:
        """As JSON the tree is nested, with ages in seconds and null for what is not known."""
        value = tree_value(branches([ROOT, NORTH, SITE])[0], 160.0)
        self.assertEqual((value["name"], value["linkAgeSeconds"]), ("root", None))
        north = value["children"][0]
        self.assertEqual((north["linkAgeSeconds"], north["status"], north["labels"]["region"]), (60, "online", "north"))
        self.assertEqual(north["children"][0]["reason"], "its link was lost")


class ChangeTests(SynchronousTestCase):
    """A change as a line."""

    def test_lines(self) -> None:
        """A line tells who is where in which state, and why."""
        self.assertEqual(change_line("ADDED", NORTH), "north below root is online")
        self.assertEqual(change_line("MODIFIED", SITE), "north-1 below north is offline: its link was lost")
        self.assertEqual(change_line("DELETED", ROOT), "root is gone")
