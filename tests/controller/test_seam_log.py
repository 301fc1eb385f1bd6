"""The log of a tree: who joined and who left, no line for a task, and never what a task says."""

from __future__ import annotations

from typing import cast

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher

from ote_twisted.errors import ShimUnavailable
from ote_twisted.observability.logging import json_line, text_line
from ote_twisted.storage.model import Key, ResourceVersion, StoredObject
from ote_twisted.tasks.model import Answer, LedgerEntry, TargetState, Task
from tests.controller.trees import TreeTestCase

SECRET = "hunter2hunter2"


class LogTests(TreeTestCase):
    """Everything that is logged."""

    def setUp(self) -> None:
        """A chain, and an observer of everything that it logs from then on."""
        super().setUp()
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.chain("root", "mid", "leaf")

    def lines(self) -> list[str]:
        """The messages at info and above."""
        return [formatEvent(event) for event in self.events if event["log_level"].name != "debug"]

    def test_joins_and_leaves_are_told_at_the_parent(self) -> None:
        """A child that joins and a child that leaves are one line each, with address, wire and reason."""
        self.assertTrue([line for line in self.lines() if line.startswith("leaf joined from leaf:") and "ote.v2" in line])
        self.tree.node("leaf").stop()
        self.tree.settle()
        self.assertTrue([line for line in self.lines() if line.startswith("leaf left: ") and "stopping" in line])

    def test_tasks_are_not_logged(self) -> None:
        """A hundred tasks through three tiers are not one line."""
        self.events.clear()
        for number in range(100):
            self.tree.node("root").submit(f"t{number}", "*", "PUT", f"/{number}", "x")
        self.tree.settle()
        self.assertEqual(self.lines(), [])

    def test_what_tasks_say_is_never_logged(self) -> None:
        """Bodies of tasks and answers are in no line, where a shim crashes, is away or answers an error neither."""
        leaf, root = self.tree.node("leaf"), self.tree.node("root")
        leaf.shim.script(outcome=RuntimeError("the shim's own fault"))
        leaf.shim.script(outcome=ShimUnavailable("away"))
        leaf.shim.script(outcome=Answer(500, SECRET.encode()))
        for number in range(4):
            root.submit(f"t{number}", "leaf", "PUT", f"/{number}", SECRET)
        root.submit("bad", "[", "PUT", "/", SECRET)
        self.tree.settle(10)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        written = "".join(line(event) for event in self.events for line in (text_line, json_line))
        self.assertIn("the shim failed on PUT /0", written)
        self.assertNotIn(SECRET, written)

    def test_values_do_not_show_bodies(self) -> None:
        """The text form of a task, an answer, a target's entry or an object leaves the body out."""
        body = SECRET.encode()
        for value in (
            Task("api", "PUT", "/", body, "u1"),
            Answer(200, body),
            LedgerEntry("u1", "c1", TargetState.DONE, 200, body),
            StoredObject(Key("secrets", "default", "s"), ResourceVersion(1), body),
        ):
            self.assertNotIn(SECRET, repr(value))
