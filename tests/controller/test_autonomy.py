"""Clusters that are cut off, crash, restart meanwhile, and come back: every task once, every answer once, in order."""

from __future__ import annotations

from ote_twisted.tasks.model import Answer
from ote_twisted.testing.tree import MemoryNode
from tests.controller.trees import TreeTestCase


def recorded(node: MemoryNode) -> list[tuple[str, str, int]]:
    """Let a node's owner remember each answer that arrives: uid, cluster, code."""
    arrived: list[tuple[str, str, int]] = []
    answered = node.owner.answered

    def remember(uid: str, name: str, cluster: str, answer: Answer, timestamp: int) -> None:
        arrived.append((name, cluster, answer.code))
        answered(uid, name, cluster, answer, timestamp)

    node.owner.answered = remember
    return arrived


class AutonomyTestCase(TreeTestCase):
    """A root, a region, a site."""

    def setUp(self) -> None:
        """Build it."""
        super().setUp()
        self.chain("root", "mid", "leaf")
        self.root, self.mid, self.leaf = (self.tree.node(name) for name in ("root", "mid", "leaf"))

    def cut(self, one: str = "mid", other: str = "leaf") -> None:
        """Break a link, for both its ends."""
        self.tree.network.partition(one, other)
        self.tree.network.reset(one, other)
        self.tree.settle(1)

    def complete(self, *tasks: str, at: MemoryNode | None = None) -> bool:
        """All of these tasks are done with."""
        node = at or self.root
        return all(node.status(task).get("done", "").split("/")[0] == "1" for task in tasks)

    def quiet(self) -> bool:
        """Nobody owes anything."""
        return not any(len(node.controller.outbox) for node in self.tree.nodes.values())


class CutOffTests(AutonomyTestCase):
    """A site without its uplink."""

    def test_minutes(self) -> None:
        """What a site performed while it was cut off for minutes is answered when it is back, each once, in order."""
        for number in range(5):
            self.leaf.shim.script(delay=10 + number)
            self.root.submit(f"t{number}", "leaf", "DELETE", f"/{number}")
        self.tree.settle(1)
        self.cut()
        arrived = recorded(self.root)
        self.tree.settle(300)
        self.assertEqual((arrived, len(self.leaf.controller.outbox)), ([], 5))
        self.tree.network.heal()
        self.until(lambda: self.complete(*(f"t{number}" for number in range(5))))
        self.assertEqual(arrived, [(f"t{number}", "leaf", 404) for number in range(5)])
        self.until(self.quiet, 5)
        self.assertEqual(self.leaf.performed, [f"/{number}" for number in range(5)])

    def test_restart_meanwhile(self) -> None:
        """A site that restarts while it is cut off answers afterwards from its disk alone, and performs nothing twice."""
        for number in range(3):
            self.leaf.shim.script(delay=5 + number)
            self.root.submit(f"t{number}", "leaf", "DELETE", f"/{number}")
        self.tree.settle(1)
        self.cut()
        self.tree.settle(60)
        self.leaf.crash()
        self.tree.settle(10)
        self.leaf.start()
        self.tree.settle(60)
        arrived = recorded(self.root)
        self.tree.network.heal()
        self.until(lambda: self.complete("t0", "t1", "t2"))
        self.assertEqual([name for name, _, _ in arrived][:3], ["t0", "t1", "t2"])
        self.assertEqual(self.leaf.performed, ["/0", "/1", "/2"])
        self.until(self.quiet, 5)

    def test_killed_in_the_middle_of_a_task(self) -> None:
        """A task that must not be done twice and was interrupted fails, and the status says that nobody knows, and where."""
        self.leaf.shim.script(delay=60)
        self.root.submit("t", "leaf", "DELETE", "/t")
        self.tree.settle(1)
        self.leaf.crash()
        self.leaf.start()
        self.until(lambda: self.complete("t"))
        status = self.root.status("t")
        target = status["clusters"]["leaf"]
        self.assertEqual((target["state"], target["code"], target["unknown"], status["unknown"]), ("failed", 500, True, 1))
        self.assertIn("nobody knows whether", target["why"])
        self.assertEqual(self.condition("root", "t", "Failed"), ("True", "OutcomeUnknown"))
        self.assertEqual(self.leaf.performed, ["/t"])

    def test_own_tasks(self) -> None:
        """Tasks written at a site that is cut off are performed and completed there; the heal disturbs them not."""
        self.cut()
        self.leaf.submit("own", "*", "PUT", "/own", "x")
        self.tree.settle(2)
        self.assertTrue(self.complete("own", at=self.leaf))
        self.leaf.crash()
        self.leaf.start()
        self.leaf.submit("later", "leaf", "PUT", "/later", "x")
        self.tree.settle(2)
        self.assertTrue(self.complete("own", "later", at=self.leaf))
        self.tree.network.heal()
        self.tree.settle(30)
        self.assertEqual(self.leaf.performed, ["/own", "/later"])
        self.assertEqual(self.online(), ["leaf", "mid"])

    def test_a_region_keeps_its_sites(self) -> None:
        """A region that is cut off gives tasks to its sites, also after a restart of both, and the root takes all of it back."""
        self.cut("root", "mid")
        for node in (self.leaf, self.mid):
            node.crash()
            node.start()
        self.until(lambda: self.online("mid") == ["leaf"])
        self.mid.submit("t", "*", "PUT", "/t", "x")
        self.until(lambda: self.mid.status("t").get("done") == "2/2")
        self.tree.network.heal()
        self.until(lambda: self.online() == ["leaf", "mid"])
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1, "mid": 1})

    def test_reports(self) -> None:
        """Reports of a time without a link arrive, each once, in spite of a crash; of the cluster's status only the newest."""
        self.cut()
        status = b'[{"resourceType": 7, "body": ""}]'
        for body in (b"[]", status, b"[]", status):
            self.leaf.controller.shim_report(body)
        self.leaf.crash()
        self.leaf.start()
        self.tree.network.heal()
        self.until(self.quiet)
        self.assertEqual(self.root.controller.reports, 3)


class ColdStartTests(TreeTestCase):
    """A start without any parent in reach."""

    def test_offline_from_the_start(self) -> None:
        """A site that never reached a parent serves its tasks; when its parent is there at last it joins and owes nothing."""
        leaf = self.tree.add("leaf", ["root"])
        self.tree.settle(60)
        leaf.submit("own", "*", "PUT", "/own", "x")
        self.tree.settle(2)
        self.assertEqual(leaf.status("own")["done"], "1/1")
        leaf.controller.shim_report(b"[]")
        root = self.tree.add("root")
        self.until(lambda: self.online() == ["leaf"])
        self.until(lambda: root.controller.reports == 1 and not len(leaf.controller.outbox))

    def test_offline_restart_with_debts(self) -> None:
        """A site that owes something, and starts while its parent is dead, owes it still and pays when the parent lives."""
        self.chain("root", "leaf")
        root, leaf = self.tree.node("root"), self.tree.node("leaf")
        leaf.shim.script(delay=2)
        root.submit("t", "leaf", "DELETE", "/t")
        self.tree.settle(1)
        root.crash()
        self.tree.settle(10)
        leaf.crash()
        leaf.start()
        self.assertEqual(len(leaf.controller.outbox), 1)
        self.tree.settle(60)
        root.start()
        self.until(lambda: root.status("t")["done"] == "1/1")
        self.until(lambda: not len(leaf.controller.outbox), 5)
        self.assertEqual(leaf.performed, ["/t"])


class HopTests(AutonomyTestCase):
    """Crashes of the others."""

    def test_the_hop_that_carried_the_answer(self) -> None:
        """An answer that a hop had acknowledged and took into its grave is sent again over the hop's next life."""
        self.leaf.shim.script(delay=2)
        self.root.submit("t", "leaf", "DELETE", "/t")
        self.tree.settle(1)
        self.tree.network.partition("root", "mid")
        self.tree.settle(3)
        self.mid.crash()
        self.tree.network.heal()
        self.mid.start()
        self.until(lambda: self.complete("t"))
        self.assertEqual(self.leaf.performed, ["/t"])
        self.until(self.quiet, 60)

    def test_the_owner_before_it_had_written(self) -> None:
        """An owner that dies with an answer that it could not write gets it again."""
        self.leaf.shim.script(delay=2)
        self.root.submit("t", "leaf", "DELETE", "/t")
        self.tree.settle(1)
        self.root.broken = True
        self.tree.settle(3)
        self.assertEqual(len(self.leaf.controller.outbox), 1)
        self.root.crash()
        self.root.start()
        self.until(lambda: self.complete("t"))
        self.assertEqual(self.leaf.performed, ["/t"])
        self.until(self.quiet, 5)

    def test_an_owner_whose_disk_is_full_for_a_while(self) -> None:
        """While the owner cannot write the answer is owed; it is confirmed when it is written."""
        self.root.submit("t", "leaf", "PUT", "/t", "x")
        self.root.ledger.broken = True
        self.leaf.shim.script(delay=1)
        self.tree.settle(10)
        self.root.ledger.broken = False
        self.until(lambda: self.complete("t"), 120)
        self.until(self.quiet, 120)
        self.assertEqual(self.leaf.performed, ["/t"])

    def test_a_site_whose_disk_is_full(self) -> None:
        """A task that cannot be noted waits at its owner, with the reason, and is performed when there is room."""
        self.leaf.broken = True
        self.root.submit("t", "leaf", "DELETE", "/t")
        self.tree.settle(2)
        target = self.root.status("t")["clusters"]["leaf"]
        self.assertEqual((target["state"], target["why"], self.leaf.performed), ("pending", "the store takes no writes", []))
        self.leaf.broken = False
        self.until(lambda: self.complete("t"), 120)
        self.assertEqual(self.leaf.performed, ["/t"])

    def test_every_hop_in_turn(self) -> None:
        """Kills of every controller, one after the other, while tasks run: none is lost and none is performed twice."""
        tasks = [f"t{number}" for number in range(12)]
        for number, task in enumerate(tasks):
            self.leaf.shim.script(delay=1)
            self.root.submit(task, "leaf", "PUT", f"/{number}", "x")
            self.tree.settle(0.5)
            victim = (self.mid, self.leaf, self.root)[number % 3]
            victim.crash()
            self.tree.settle(0.5)
            victim.start()
        self.until(lambda: self.complete(*tasks), 120)
        self.until(self.quiet, 120)
        self.assertEqual({self.root.status(task)["succeeded"] for task in tasks}, {1})

    def test_withdrawn_while_away(self) -> None:
        """The answer to a task that was deleted meanwhile is confirmed all the same, so that it is not sent for ever."""
        self.leaf.shim.script(delay=5)
        self.root.submit("t", "leaf", "DELETE", "/t")
        self.tree.settle(1)
        self.cut()
        self.tree.settle(10)
        self.root.withdraw("t")
        self.tree.network.heal()
        self.until(self.quiet)


class ClockTests(AutonomyTestCase):
    """Clocks that are wrong."""

    def test_an_hour_ahead_and_back(self) -> None:
        """A site whose clock is set back and forth between its lives performs nothing twice and answers."""
        for number, skew in enumerate((0.0, 3600.0, -3600.0, 86_400.0)):
            self.leaf.shim.script(delay=2)
            self.root.submit(f"t{number}", "leaf", "DELETE", f"/{number}")
            self.tree.settle(1)
            self.cut()
            self.tree.settle(2)
            self.leaf.crash()
            self.leaf.skew = skew
            self.leaf.start()
            self.tree.network.heal()
            self.until(lambda number=number: self.complete(f"t{number}"))  # type: ignore[misc]
        self.assertEqual(self.leaf.performed, [f"/{number}" for number in range(4)])
