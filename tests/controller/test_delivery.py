"""Tasks through whole trees: exactly the selected clusters, once each, whatever happens meanwhile."""

from __future__ import annotations

from itertools import product

from ote_twisted.tasks.model import Answer
from ote_twisted.testing.tree import MemoryTree
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import edge_report
from tests.controller.trees import TreeTestCase, demo_tree, states


class ExactTests(TreeTestCase):
    """Who gets a task."""

    def test_names_stay_exact_over_three_hops(self) -> None:
        """A plain name is that cluster alone three hops down, whichever of the hops speak the original's wire (F2, F3)."""
        for wires in product((True, False), repeat=3):
            tree = self.tree = self.watched(MemoryTree())
            tree.add("root")
            tree.add("c10", ["root"], v2=wires[0])
            tree.add("xc1", ["c10"], v2=wires[1])
            for name in ("c1", "c11", "1c1", "a.b", "axb"):
                tree.add(name, ["xc1"], v2=wires[2])
            tree.settle()
            self.assertEqual(self.reached("root", "c1", "/1"), {"c1": 1}, wires)
            self.assertEqual(self.reached("root", "a.b,c10", "/2"), {"a.b": 1, "c10": 1}, wires)
            self.assertEqual(self.reached("root", "*", "/3"), dict.fromkeys(tree.nodes, 1), wires)

    def test_a_root_performs_only_if_selected(self) -> None:
        """A root with a cluster of its own performs what selects it, and still routes everything else (F57, T10, T11)."""
        self.chain("root", "c1", "c2")
        self.assertEqual(self.reached("root", "c1", "/1"), {"c1": 1})
        self.assertEqual(self.reached("root", "root", "/2"), {"root": 1})
        self.assertEqual(self.reached("root", "*", "/3"), {"root": 1, "c1": 1, "c2": 1})

    def test_labels_and_tags_choose(self) -> None:
        """Labels and tags choose clusters at any depth, and a reload of them counts from the next task on (F45)."""
        self.tree = self.watched(demo_tree())
        self.assertEqual(sorted(self.reached("root", "[region=south],!camera*", "/1")), ["south", "south-1"])
        self.tree.node("south").controller.relabel({"region": "elsewhere"}, ("camera",))
        self.tree.settle()
        self.assertEqual(sorted(self.reached("root", "[region=south],!camera*", "/2")), ["south-1"])

    def test_each_layer_is_a_control_entry(self) -> None:
        """A task written in the middle is performed below it and completed there, whatever the wires (F54)."""
        for wires in product((True, False), repeat=2):
            tree = self.tree = self.watched(MemoryTree())
            tree.add("root")
            tree.add("mid", ["root"], v2=wires[0])
            tree.add("leaf", ["mid"], v2=wires[1])
            tree.settle()
            self.assertEqual(self.reached("mid", "*"), {"mid": 1, "leaf": 1}, wires)
            self.assertEqual(tree.node("mid").status("task-t")["done"], "2/2")
            self.assertEqual(tree.node("root").controller.unowned, 0)

    def test_nobody_selected_is_said(self) -> None:
        """A task that selects nobody says so in its status; it is done with when somebody joins and answers (F7, F48)."""
        self.chain("root", "mid")
        self.assertEqual(self.reached("root", "later"), {})
        self.assertIn("no", str(self.tree.node("root").status("task-t")["conditions"]).lower())
        self.tree.add("later", ["mid"])
        self.tree.settle()
        self.assertEqual(self.tree.performers("/t"), {"later": 1})
        self.assertEqual(self.condition("root", "task-t")[0], "True")

    def test_a_bad_selector_is_said(self) -> None:
        """A selector out of grammar fails the task with its column, and nobody gets it (F5)."""
        self.chain("root", "mid")
        self.assertEqual(self.reached("root", "mid,[x"), {})
        self.assertIn("column", str(self.tree.node("root").status("task-t")["conditions"]))


class UndeliveredTests(TreeTestCase):
    """What does not arrive at once."""

    def test_a_target_that_just_left_is_told_and_tried_again(self) -> None:
        """A hop that has lost a target tells the owner, for that target alone; it gets the task when it is back (F7)."""
        self.chain("root", "mid", "leaf")
        network = self.tree.network
        network.partition("leaf")
        network.reset("mid", "leaf")
        self.tree.node("root").submit("t", "leaf,mid", "PUT", "/t", "x")
        network.flush()
        self.assertEqual(states(self.tree.node("root"), "t")["leaf"], ("pending", "mid has no way to it"))
        self.tree.settle()
        self.assertEqual(self.tree.node("root").status("t")["done"], "1/2")
        network.heal()
        self.until(lambda: self.condition("root", "t")[0] == "True")
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1, "mid": 1})

    def test_a_task_right_after_a_deep_join_arrives(self) -> None:
        """A task that is written in the moment in which its target joins deep down reaches it (F16)."""
        self.chain("root", "a", "b", "c")
        self.tree.add("deep", ["c"])
        self.tree.node("root").submit("t", "deep", "PUT", "/t", "x")
        self.tree.settle(1)
        self.assertEqual(self.tree.performers("/t"), {"deep": 1})

    def test_a_subtree_that_changed_meanwhile_gets_it_by_names(self) -> None:
        """A task for a whole subtree that changes in that moment reaches exactly those selected, once each (F3)."""
        self.tree = self.watched(demo_tree())
        north = self.tree.node("north")
        north.controller.relabel({"region": "north", "moved": "yes"}, ())
        self.tree.node("root").submit("t", "[region=north]", "PUT", "/t", "x")
        self.tree.network.flush()
        self.tree.settle()
        self.assertEqual(self.tree.performers("/t"), {"north": 1, "north-1": 1, "north-2": 1, "north-3": 1})
        self.assertEqual(north.controller.downward.undeliverable, 1)

    def test_a_newcomer_in_that_moment_is_not_swept_along(self) -> None:
        """A cluster that joins while a task for a whole subtree travels does not get it unless selected (F2)."""
        self.tree = self.watched(demo_tree())
        self.tree.add("stranger", ["north"])
        self.tree.node("root").submit("t", "north*", "PUT", "/t", "x")
        self.tree.settle()
        self.assertEqual(sorted(self.tree.performers("/t")), ["north", "north-1", "north-2", "north-3"])

    def test_late_joiners_and_restarts(self) -> None:
        """A late joiner gets a task that is valid still; after a restart exactly the missing ones get it (F48, F49)."""
        self.chain("root", "mid", "leaf")
        self.assertEqual(self.reached("root", "*"), {"root": 1, "mid": 1, "leaf": 1})
        self.tree.node("leaf").stop()
        self.assertEqual(sorted(self.reached("root", "*", "/2")), ["mid", "root"])
        self.tree.node("root").crash()
        self.tree.add("late", ["mid"])
        self.tree.settle()
        self.tree.node("root").start()
        self.tree.node("leaf").start()
        self.until(lambda: self.condition("root", "task-t")[0] == self.condition("root", "task-2")[0] == "True")
        performed = {name: sorted(node.performed) for name, node in self.tree.nodes.items()}
        self.assertEqual(performed, {name: ["/2", "/t"] for name in ("root", "mid", "leaf", "late")})

    def test_answers_wait_for_the_way_back(self) -> None:
        """A task that is answered while the uplink is away is answered when it is back, and performed once (F22)."""
        self.chain("root", "mid", "leaf")
        self.tree.node("leaf").shim.script(delay=5)
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle(1)
        self.tree.network.partition("root", "mid")
        self.tree.network.reset("root", "mid")
        self.tree.settle(10)
        self.assertEqual(self.condition("root", "t")[0], "False")
        self.tree.network.heal()
        self.until(lambda: self.condition("root", "t")[0] == "True")
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1})

    def test_an_answer_that_is_lost_is_asked_for_again(self) -> None:
        """When the answer goes down with a link, the task comes again and is answered from memory (F22, F49)."""
        self.chain("root", "mid", "leaf")
        self.tree.node("leaf").shim.script(delay=2)
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle(1)
        self.tree.network.partition("mid", "leaf")
        self.tree.settle(5)
        self.tree.network.reset("mid", "leaf")
        self.tree.network.heal()
        self.until(lambda: self.condition("root", "t")[0] == "True")
        self.assertEqual(self.tree.performers("/t"), {"leaf": 1})

    def test_a_moments_absence_loses_nothing(self) -> None:
        """A task that met the restart of its target, too quick for the root to notice, is sent again and performed (F22, F37)."""
        for name, parents in (("root", []), ("a", ["root"]), ("b", ["root"]), ("c", ["a"]), ("d", ["b"])):
            self.tree.add(name, parents)
            self.tree.settle(0.25)
        self.tree.node("root").submit("t", "*", "PUT", "/t", "x")
        self.tree.node("c").stop()
        self.tree.network.flush()
        self.tree.node("c").start()
        self.until(lambda: self.condition("root", "t")[0] == "True")
        self.assertEqual(self.tree.performers("/t"), dict.fromkeys("abcd", 1) | {"root": 1})

    def test_an_expired_task_is_not_performed(self) -> None:
        """A target that comes after the deadline does not get the task, and the status says that it expired (F48)."""
        self.chain("root", "mid")
        self.tree.node("root").submit("t", "mid,late", "PUT", "/t", "x", deadlineSeconds=5)
        self.tree.node("mid").stop()
        self.tree.network.advance(10)
        self.tree.add("late", ["root"])
        self.tree.node("mid").start()
        self.tree.settle(30)
        self.assertEqual(self.tree.performers("/t").get("late"), None)


class ObjectLifeTests(TreeTestCase):
    """Objects that change and go."""

    def test_a_withdrawn_task_is_given_up(self) -> None:
        """Deleting a task cancels what runs three hops down, and its late answer disturbs nobody (F56)."""
        self.chain("root", "a", "b", "leaf")
        self.tree.node("leaf").shim.script(delay=60)
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle(1)
        self.tree.node("root").withdraw("t")
        self.tree.settle(1)
        shim = self.tree.node("leaf").shim
        self.assertEqual((shim.running, len(shim.cancelled)), (0, 1))

    def test_a_new_object_of_the_same_name_has_its_own_answers(self) -> None:
        """An answer to a deleted task is not attached to a new object of the same name (F53)."""
        self.chain("root", "mid", "leaf")
        leaf = self.tree.node("leaf")
        leaf.shim.script(delay=2, outcome=Answer(200, b"old"))
        self.tree.node("root").submit("t", "leaf", "PUT", "/old", "x")
        self.tree.settle(1)
        self.tree.network.partition("root", "mid")
        self.tree.node("root").withdraw("t")
        self.tree.node("root").submit("t", "leaf", "PUT", "/new", "new")
        self.tree.settle(3)
        self.tree.network.heal()
        self.until(lambda: self.condition("root", "t")[0] == "True", 120)
        self.assertEqual(self.tree.node("root").status("t")["clusters"]["leaf"]["body"], "new")

    def test_long_answers_are_cut_with_a_marker(self) -> None:
        """An answer of many megabytes arrives cut at the limit, with its length, and the object stays small (F59)."""
        self.chain("root", "leaf")
        self.tree.node("leaf").shim.script(outcome=Answer(200, b"y" * 8_000_000))
        self.tree.node("root").submit("t", "leaf", "PUT", "/t", "x")
        self.tree.settle()
        entry = self.tree.node("root").status("t")["clusters"]["leaf"]
        self.assertTrue(entry["truncated"])
        self.assertLess(len(entry["body"]), 1_100_000)

    def test_codes_survive_the_way(self) -> None:
        """404 and 405 of a cluster stand in the status as they were answered (F58)."""
        self.chain("root", "mid", "leaf")
        for name, method, code in (("t1", "GET", 404), ("t2", "POST", 405)):
            self.tree.node("root").submit(name, "leaf", method, "/nothing")
            self.tree.settle()
            self.assertEqual(self.tree.node("root").status(name)["clusters"]["leaf"]["code"], code)


class PressureTests(TreeTestCase):
    """Too much at once."""

    def test_a_flood_is_held_at_its_source(self) -> None:
        """A child that sends more than the uplink takes is paused, its sibling is not; in the end all arrives (F23, F24)."""
        self.tree.add("root")
        self.tree.add("mid", ["root"])
        for name in ("flood", "quiet"):
            self.tree.add(name, ["mid"])
        self.tree.settle()
        mid, network = self.tree.node("mid"), self.tree.network
        network.partition("root", "mid")
        for _ in range(40):
            self.tree.node("flood").controller.shim_report(b"r" * 100_000)
            network.flush()
        paused = {link.peer: link.silent_for(network.clock.seconds() + 100) == 0 for link in mid.cloud.factory.links.values()}
        self.assertEqual(paused, {"flood": True, "quiet": False})
        self.assertLess(mid.controller.uplink.link.queued_bytes if mid.controller.uplink.link else 0, 3_000_000)
        network.heal()
        self.tree.settle()
        self.assertEqual(self.tree.node("root").controller.reports, 40)
        self.assertEqual(self.online(), ["flood", "mid", "quiet"])

    def test_a_slow_reader_is_cut_and_comes_back(self) -> None:
        """A child that does not read what is sent to it loses its link at the bound; nobody else does (F24)."""
        self.tree.add("root")
        for name in ("slow", "good"):
            self.tree.add(name, ["root"])
        self.tree.settle()
        root = self.tree.node("root")
        self.tree.network.partition("root", "slow")
        for _ in range(70):
            root.controller.links["slow"].send(edge_report("root", b"x" * 1_000_000))
        self.tree.network.flush()
        self.assertEqual((root.cloud.counters.slow_readers, self.online()), (1, ["good"]))
        self.tree.network.heal()
        self.until(lambda: self.online() == ["good", "slow"])

    def test_a_message_in_circles_ends(self) -> None:
        """A request that two hops would pass to each other for ever ends at its hop limit."""
        self.chain("root", "a", "b")
        a, b = self.tree.node("a").controller, self.tree.node("b").controller
        b.table.via["ghost"] = "b"
        b.links["b"] = a.links["b"]
        a.table.via["ghost"] = "b"
        before = b.downward.forwarded
        head = pb.MessageHead(Command=pb.ControlReq, Targets=["ghost"], HopLimit=64, Uid="u.1", ParentClusterName="root")
        link = a.uplink.link
        assert link is not None
        a.messages_received(link, [pb.ClusterMessage(Head=head).SerializeToString()])
        self.tree.settle(1)
        self.assertEqual((b.downward.forwarded - before, b.downward.exhausted), (62, 1))
        del b.table.via["ghost"], b.links["b"], a.table.via["ghost"]
