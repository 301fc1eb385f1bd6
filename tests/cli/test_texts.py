"""Reviews of selectors and standings of controllers, for people."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.cli.errors import CommandError, WrongUsage
from ote_twisted.cli.review import fault_text, require_chosen, review_table, summary
from ote_twisted.cli.standing import links_table, queues_table, summary_table
from ote_twisted.cli.tables import plain
from ote_twisted.errors import InvalidSelector
from ote_twisted.topology.selection.parser import parse


def row(name: str, hop: str, online: bool = True, performs: bool = True) -> dict[str, Any]:
    """Give one chosen cluster."""
    away = {} if online else {"brokenHop": "n", "since": "1970-01-01T00:01:00Z"}
    return {"name": name, "nextHop": hop, "why": "n*", "online": online, "performs": performs, **away}


def review(*rows: dict[str, Any], **hops: int) -> dict[str, Any]:
    """Give a review that north answers."""
    count = sum(one["performs"] for one in rows)
    return {"status": {"valid": True, "controller": "north", "count": count, "nextHops": hops, "clusters": list(rows)}}


class ReviewTests(SynchronousTestCase):
    """A dry run."""

    def test_table(self) -> None:
        """The controller's own cluster is here; others are reached by a next hop, or not at all; some have no shim."""
        rows = (row("north", "north"), row("n-1", "n-1"), row("n-2", "", online=False), row("n-3", "n-1", performs=False))
        self.assertEqual(
            plain(review_table(review(*rows), 72.0)).splitlines()[1:],
            [
                "north     (here)     n*    online",
                "n-1       n-1        n*    online",
                "n-2       -          n*    unreachable via n, 12s",
                "n-3       n-1        n*    no shim",
            ],
        )

    def test_summary(self) -> None:
        """The sentence counts who would perform, by which way, and who would not."""
        rows = (row("north", "north"), row("n-1", "n-1"), row("n-2", "", online=False), row("n-3", "n-1", performs=False))
        expected = "3 clusters would perform a task, by next hop: here 1, n-1 1; 1 when back online."
        self.assertEqual(
            summary(review(*rows, **{"": 1, "north": 1, "n-1": 1})), expected + " 1 chosen cluster without a shim would not."
        )
        self.assertEqual(summary(review()), "No cluster would perform a task.")

    def test_caret(self) -> None:
        """The caret stands below the column that the parser names."""
        selector = "north-1,[gpu in (a"
        fault = self.assertRaises(InvalidSelector, parse, selector)
        lines = fault_text(selector, {"column": fault.column, "message": fault.rule}).splitlines()
        self.assertEqual(lines[1], "  " + selector)
        self.assertEqual(lines[2].index("^"), fault.column - 1 + 2)

    def test_caret_below_odd_characters(self) -> None:
        """Characters that a terminal would act on are shown as blanks, so that the caret stays right."""
        self.assertEqual(fault_text("a\tb\x1b[", {"column": 4, "message": "no"}).splitlines()[1:], ["  a b [", "     ^"])

    def test_requirements(self) -> None:
        """A malformed selector is wrong usage; one that chooses nobody sends nothing."""
        malformed = {"status": {"valid": False, "error": {"column": 1, "message": "what?"}}}
        self.assertRaises(WrongUsage, require_chosen, "[", malformed)
        self.assertIn("nothing was sent", self.assertRaises(CommandError, require_chosen, "x", review()).message)
        require_chosen("n*", review(row("n-1", "n-1")))


class StandingTests(SynchronousTestCase):
    """A controller's status."""

    status: dict[str, Any]

    def setUp(self) -> None:
        link = {"peer": "", "direction": "parent", "protocol": "ote.v2", "address": "ws://a:1", "ageSeconds": 7.5}
        self.status = {
            "name": "north",
            "isRoot": False,
            "parent": "root",
            "path": ["root", "north"],
            "uplink": {"state": "connected", "address": "ws://a:1", "seconds": 7.5},
            "links": [{**link, "queuedBytes": 9, "congested": True}],
            "queues": {"uplinkMessages": 3, "later": 1},
            "counts": {"known": 4, "online": 3, "children": 1},
            "shim": "embedded",
            "shimReady": True,
            "labels": {"tier": "region"},
            "tags": ["x", "y"],
            "version": "1",
            "ready": True,
        }

    def told(self) -> dict[str, str]:
        """Give the summary by name."""
        lines = plain(summary_table(self.status)).splitlines()
        return {line.split("   ")[0]: line.split("   ", 1)[1].strip() for line in lines}

    def test_summary(self) -> None:
        """Parent, path, shim, clusters and readiness are told."""
        told = self.told()
        self.assertEqual(told["Parent"], "root at ws://a:1 since 7s")
        self.assertEqual((told["Path"], told["Ready"], told["Shim"]), ("root > north", "yes", "embedded, ready"))
        self.assertEqual((told["Clusters"], told["Tags"]), ("3 of 4 online, 1 child linked", "x,y"))
        self.assertNotIn("Refusal", told)

    def test_not_ready(self) -> None:
        """What is missing for readiness is told, and why the parent is not reached."""
        uplink = {"state": "waiting", "address": "ws://a:1", "nextAttemptSeconds": 2.4, "lastError": "refused"}
        self.status |= {"ready": False, "notReady": ["parent: none"], "uplink": uplink, "shimReady": False, "shimReason": "gone"}
        told = self.told()
        self.assertEqual(told["Ready"], "no: parent: none")
        self.assertEqual(told["Parent"], "none, waiting ws://a:1, next attempt in 2s (refused)")
        self.assertEqual(told["Shim"], "embedded, not ready: gone")

    def test_away_from_the_preferred_parent(self) -> None:
        """Below another parent than the preferred one it is told when that is tried again, or for how long it stands by."""
        away = {**self.status["uplink"], "better": "ws://b:1", "nextAttemptSeconds": 4.2, "lastError": "refused"}
        self.status["uplink"] = away
        self.assertEqual(self.told()["Parent"], "root at ws://a:1 since 7s; ws://b:1 is tried again in 4s (refused)")
        away["standby"] = {"address": "ws://b:1", "name": "bj", "seconds": 3.0, "rooted": True}
        self.assertEqual(self.told()["Parent"], "root at ws://a:1 since 7s; bj stands by since 3s")
        away["standby"]["rooted"] = False
        self.assertIn("bj stands by since 3s, without a way to the root", self.told()["Parent"])

    def test_root(self) -> None:
        """A root has no parent, and a controller may have no shim."""
        self.status |= {"isRoot": True, "shim": "none"}
        self.assertEqual(self.told()["Parent"], "none, it is the root")
        self.assertEqual(self.told()["Shim"], "none, tasks pass through only")

    def test_links(self) -> None:
        """The link to the parent bears the parent's name, and congestion is marked."""
        self.assertEqual(
            plain(links_table(self.status)).splitlines()[1].split(),
            ["root", "parent", "ote.v2", "ws://a:1", "7s", "9", "(congested)"],
        )

    def test_queues(self) -> None:
        """Queues are told in words; one that is not known keeps its name."""
        lines = plain(queues_table(self.status)).splitlines()
        self.assertEqual(lines[1].split("   ")[0], "messages waiting for the parent")
        self.assertEqual(lines[2].split(), ["later", "1"])
