"""Events as people read them."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.happenings import about, event_line, event_view, events_table, in_order
from ote_twisted.cli.tables import plain


def event(name: str, cluster: str, last: str, **more: Any) -> dict[str, Any]:
    """An event object."""
    return {
        "metadata": {"name": name},
        "involvedObject": {"kind": "Cluster", "name": cluster},
        "type": "Warning",
        "reason": "ChildLost",
        "message": "The link to it\nwas lost.",
        "firstTimestamp": "1970-01-01T00:00:10Z",
        "lastTimestamp": last,
        "count": 2,
        "source": {"host": "root"},
        **more,
    }


LOST = event("a", "north", "1970-01-01T00:01:00Z")


class ReadingTests(SynchronousTestCase):
    """From an object."""

    def test_whole(self) -> None:
        """The last time, the number and who tells it are read; a message is one line."""
        view = event_view(LOST)
        self.assertEqual((view.cluster, view.kind, view.reason, view.count), ("north", "Warning", "ChildLost", 2))
        self.assertEqual((view.first, view.last, view.source), (10.0, 60.0, "root"))
        self.assertEqual(view.message, "The link to it was lost.")

    def test_bare(self) -> None:
        """An event in which little stands is shown with what stands in it."""
        view = event_view({"metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:05Z"}, "count": "many"})
        self.assertEqual((view.kind, view.count, view.first, view.last, view.cluster), ("Normal", 1, 5.0, 5.0, ""))

    def test_wanted(self) -> None:
        """Events about clusters are wanted: all of them, those of the clusters named, the warnings."""
        normal = event("b", "south", "1970-01-01T00:01:00Z", type="Normal")
        other = event("c", "pod", "1970-01-01T00:01:00Z", involvedObject={"kind": "Pod", "name": "north"})
        for clusters, warnings, expected in (((), False, [1, 1, 0]), (("north",), False, [1, 0, 0]), ((), True, [1, 0, 0])):
            self.assertEqual([about(value, clusters, warnings) for value in (LOST, normal, other)], expected)
        self.assertFalse(about({"metadata": {"name": "d"}}, (), False))

    def test_order(self) -> None:
        """The one that happened last is the last."""
        earlier = event("z", "north", "1970-01-01T00:00:59Z")
        never = {"metadata": {"name": "n"}}
        self.assertEqual(in_order([LOST, never, earlier]), [never, earlier, LOST])


class WritingTests(SynchronousTestCase):
    """For people."""

    def test_table(self) -> None:
        """A table as kubectl's; a wide one has number, first time and source."""
        views = [event_view(LOST)]
        self.assertEqual(
            plain(events_table(views, 102.0)).splitlines(),
            [
                "LAST SEEN   TYPE      REASON      CLUSTER   MESSAGE",
                "42s         Warning   ChildLost   north     The link to it was lost.",
            ],
        )
        self.assertRegex(plain(events_table(views, 102.0, wide=True)), r"COUNT   FIRST SEEN   SOURCE\n.*2   92s          root")

    def test_line(self) -> None:
        """A line has it all; a number only where it happened more than once."""
        self.assertEqual(
            event_line(event_view(LOST), 102.0), "42s    Warning  ChildLost            north: The link to it was lost. (2 times)"
        )
        self.assertNotIn("times", event_line(event_view({**LOST, "count": 1}), 102.0))
