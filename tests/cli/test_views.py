"""Clusters as people see them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.tables import plain
from ote_twisted.cli.views import ClusterView, branches, change_line, cluster_view, flat, tree_table, tree_value

ROOT = ClusterView("root", depth=0, online=True)
NORTH = ClusterView("north", "root", 1, True, 100.0, labels={"tier": "region", "region": "north"})
SITE = ClusterView(
    "north-1", "north", 2, False, 50.0, "its link was lost", tags=("camera", "dusty"), performs=True, via="north-1"
)


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
                "asOf": "1970-01-01T00:00:50Z",
                "kind": "k3s",
                "nodes": 3,
                "conditions": [{"type": "Ready", "status": "True", "message": "fine"}],
            },
        }
        known: dict[str, Any] = {"performs": True, "ready": "True", "as_of": 50.0, "kind": "k3s", "nodes": 3}
        self.assertEqual(cluster_view(value), ClusterView("a", "root", 1, True, 60.0, "", {"gpu": "true"}, ("camera",), **known))

    def test_unreachable(self) -> None:
        """A cluster that cannot be reached is so since its status says, through the hop that is broken, whatever Ready was."""
        status = {"status": "offline", "lastSeen": "1970-01-01T00:01:00Z", "brokenHop": "bj", "reason": "cut"}
        view = cluster_view({"metadata": {"name": "a"}, "status": status})
        self.assertEqual((view.state, view.via, view.since, view.why), ("unreachable", "bj", 60.0, "cut"))

    def test_not_ready(self) -> None:
        """A cluster that can be reached and cannot perform is not ready, for the reason that it gives."""
        conditions = [{"type": "Ready", "status": "False", "message": "no API"}]
        view = cluster_view({"metadata": {"name": "a"}, "status": {"status": "online", "conditions": conditions}})
        self.assertEqual((view.state, view.why), ("not ready", "no API"))

    def test_bare(self) -> None:
        """A cluster of which nothing is known cannot be reached."""
        self.assertEqual(cluster_view({"metadata": {"name": "a"}}), ClusterView("a"))


class TreeTests(SynchronousTestCase):
    """Put into a tree."""

    def test_picture(self) -> None:
        """The tree is drawn in the first column, children by name, everything else beside it."""
        views = [SITE, ClusterView("south", "root", 1, True, 100.0), NORTH, ROOT]
        self.assertEqual(
            plain(tree_table(branches(views), 160.0)).splitlines(),
            [
                "NAME              STATE                           DEPTH   LINK AGE   LABELS                     TAGS",
                "root              online                              0   -          -                          -",
                "├── north         online                              1   60s        region=north,tier=region   -",
                "│   └── north-1   unreachable via north-1, 110s       2   -          -                          camera,dusty",
                "└── south         online                              1   60s        -                          -",
            ],
        )

    def test_wide(self) -> None:
        """A wide table has the shim, kind, nodes, address, version, how old all that is, and the reason as well."""
        last = plain(tree_table(branches([SITE]), 160.0, wide=True)).splitlines()[1]
        self.assertTrue(last.endswith("yes    -          -   -        -         -       its link was lost"), last)

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
        site = north["children"][0]
        told = [site[key] for key in ("status", "via", "unreachableSeconds", "reason", "ready")]
        self.assertEqual(told, ["unreachable", "north-1", 110, "its link was lost", None])


class ChangeTests(SynchronousTestCase):
    """A change as a line."""

    def test_lines(self) -> None:
        """A line tells who is where in which state, and why."""
        self.assertEqual(change_line("ADDED", NORTH), "north below root is online")
        self.assertEqual(change_line("MODIFIED", SITE), "north-1 below north is unreachable via north-1: its link was lost")
        self.assertEqual(change_line("DELETED", ROOT), "root is gone")
