"""Trees that lose parts and get them back, in virtual time."""

from __future__ import annotations

from itertools import permutations
from typing import cast

from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher

from ote_twisted.failover.status import Connected
from ote_twisted.testing.tree import PORT, MemoryTree
from tests.controller.trees import TreeTestCase, demo_tree, go_child
from tests.tunnel.builders import RawPeer

SHAPE = {"root": [], "mid": ["root"], "leaf": ["mid"], "other": ["root"]}


class StartTests(TreeTestCase):
    """Trees come together."""

    def test_any_start_order_makes_the_same_tree(self) -> None:
        """Whatever the order in which its controllers start, the tree is the same (F27)."""
        for order in permutations(SHAPE):
            tree = self.tree = self.watched(MemoryTree())
            for name in order:
                tree.add(name, SHAPE[name])
                tree.settle(0.5)
            self.until(lambda: self.online() == ["leaf", "mid", "other"])
            self.assertEqual([self.parent_of(name) for name in ("leaf", "mid", "other")], ["mid", "root", "root"], order)

    def test_two_trees_in_one_process_do_not_mix(self) -> None:
        """Trees with the same names live side by side in one process and share nothing (F12, F13, F14)."""
        first, second = self.watched(demo_tree()), self.watched(demo_tree())
        first.node("root").submit("t", "*", "PUT", "/here", "x")
        first.settle()
        second.settle()
        self.assertEqual((len(first.performers("/here")), second.performers("/here")), (9, {}))

    def test_a_mass_join_is_told_in_few_messages(self) -> None:
        """When many originals join at once each hears of all the others in a few messages, not in one per join (F10, F11)."""
        self.tree.add("root")
        for number in range(60):
            self.tree.add(f"c{number}", ["root"], v2=False, performs=False)
        self.tree.settle()
        self.assertEqual(len(self.online()), 60)
        self.assertLessEqual(self.tree.node("root").cloud.counters.messages_sent, 3 * 60)

    def test_a_request_is_no_join(self) -> None:
        """A plain HTTP request with the headers of a child makes no cluster (F31)."""
        self.tree.add("root")
        peer = RawPeer()
        self.tree.network.client_endpoint("c1", "root", PORT).connect(Factory.forProtocol(lambda: peer))
        self.tree.network.flush()
        assert peer.transport is not None
        peer.transport.write(b"GET /access/c1 HTTP/1.1\r\nHost: root\r\nlisten-addr: c1:1\r\nname: c1\r\n\r\n")
        self.tree.settle(20)
        self.assertEqual((list(self.tree.node("root").clusters()), peer.lost), (["root"], True))
        self.assertNotIn(b" 101 ", peer.received)


class IdleTests(TreeTestCase):
    """Trees in which nothing happens."""

    def test_an_idle_tree_only_pings(self) -> None:
        """In ten quiet minutes no message is sent, nothing is written or logged, and bytes depend on the links alone (F8, F9)."""
        tree = self.tree = self.watched(demo_tree())
        tree.settle(20)
        nodes = list(tree.nodes.values())
        events: list[LogEvent] = []
        sent = [node.cloud.counters.messages_sent + node.edge.counters.messages_sent for node in nodes]
        versions = [node.store.version() for node in nodes]
        observer = cast(ILogObserver, events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        before = tree.network.delivered
        tree.network.advance(600, step=2.5)
        self.assertEqual([node.cloud.counters.messages_sent + node.edge.counters.messages_sent for node in nodes], sent)
        self.assertEqual(([node.store.version() for node in nodes], events), (versions, []))
        links, intervals = len(nodes) - 1, 600 / 5
        self.assertLess(tree.network.delivered - before, links * intervals * 24)

    def test_an_original_below_costs_nothing(self) -> None:
        """An original that reports the same each second makes no other link carry anything, and writes nothing (F8)."""
        self.chain("root", "mid")
        child = go_child(self.tree, "c1", "mid")
        child.report({f"d{number}": f"d{number}" for number in range(100)})
        self.tree.settle(5)
        self.assertEqual(len(self.online()), 102)
        mid = self.tree.node("mid")
        before = (mid.edge.counters.messages_sent, mid.store.version(), self.tree.node("root").store.version())
        for _ in range(60):
            child.report({f"d{number}": f"d{number}" for number in range(100)})
            self.tree.settle(1)
        self.assertEqual((mid.edge.counters.messages_sent, mid.store.version(), self.tree.node("root").store.version()), before)


class LossTests(TreeTestCase):
    """Parts that go and come."""

    def test_a_lost_subtree_is_offline_at_once_and_comes_back(self) -> None:
        """When a cluster dies everything below it is offline at once, and online again when it is back (F35)."""
        self.tree = self.watched(demo_tree())
        self.tree.node("north").crash()
        self.tree.settle(0.5)
        self.assertEqual(self.online(), ["south", "south-1", "south-2", "south-3"])
        reason = self.tree.node("root").cluster("north-2")["status"]["reason"]
        self.assertIn("the link to north was lost", reason)
        self.tree.node("north").start()
        self.until(lambda: len(self.online()) == 8)
        self.assertEqual(self.parent_of("north-2"), "north")

    def test_a_quick_reconnect_keeps_child_and_route(self) -> None:
        """A link that is cut and made again at once ends with child, routes and objects in place (F30, F37)."""
        self.tree = self.watched(demo_tree())
        for _ in range(5):
            self.tree.network.reset("north", "root")
            self.tree.settle(0.5)
        self.until(lambda: len(self.online()) == 8, 10)
        self.assertEqual(self.reached("root", "north*"), {"north": 1, "north-1": 1, "north-2": 1, "north-3": 1})

    def test_skewed_clocks_change_nothing(self) -> None:
        """Clocks that are an hour off either way keep nobody offline and no task from its end (F38, F50)."""
        for name, parents, skew in (("root", [], 0.0), ("fast", ["root"], 3600.0), ("slow", ["fast"], -3600.0)):
            self.tree.add(name, parents, skew=skew)
        self.tree.settle()
        for _ in range(2):
            self.tree.network.reset("slow")
            self.tree.network.reset("fast")
            self.tree.settle(1)
        self.until(lambda: self.online() == ["fast", "slow"])
        self.assertEqual(self.reached("root", "*", deadlineSeconds=60), {"root": 1, "fast": 1, "slow": 1})
        self.assertEqual(self.condition("root", "task-t")[0], "True")
        self.assertEqual(self.reached("slow", "*", "/s", deadlineSeconds=60), {"slow": 1})

    def test_what_joined_during_an_outage_is_announced(self) -> None:
        """After a reconnect everything below is known above, what joined or left meanwhile included, with its parent (F26)."""
        self.chain("root", "mid", "leaf")
        self.tree.network.partition("root", "mid")
        self.tree.settle(30)
        self.assertEqual(self.online(), [])
        self.tree.add("late", ["leaf"])
        self.tree.settle(5)
        self.tree.network.heal()
        self.until(lambda: self.online() == ["late", "leaf", "mid"])
        self.assertEqual([self.parent_of(name) for name in ("late", "leaf", "mid")], ["leaf", "mid", "root"])

    def test_a_silent_death_is_noticed(self) -> None:
        """A cluster that vanishes without a word is offline within the time for dead peers (F21)."""
        self.chain("root", "mid", "leaf")
        self.tree.network.partition("mid")
        taken = self.until(lambda: self.online() == [])
        self.assertLessEqual(taken, 5 * 3 + 5)

    def test_a_returning_cluster_takes_over_its_dead_session(self) -> None:
        """A cluster that comes back while its old link still seems to live has its name and routes at once (F21, F73)."""
        self.chain("root", "mid", "leaf")
        self.tree.network.partition("mid", "leaf")
        self.tree.node("leaf").stop()
        self.tree.settle(1)
        old = next(pair for pair in self.tree.network.connections if {end.host for end in pair} == {"mid", "leaf"})
        self.tree.network.connections.remove(old)
        self.tree.network.heal()
        self.tree.node("leaf").start()
        taken = self.until(lambda: isinstance(self.tree.node("leaf").failover.status, Connected))
        self.assertLessEqual(taken, 3.0)
        self.tree.settle()
        self.assertEqual((self.online(), self.reached("root", "leaf")), (["leaf", "mid"], {"leaf": 1}))

    def test_a_cluster_that_moved_is_online_below_its_new_parent(self) -> None:
        """When a parent dies silently its child ends online below the next one, whoever told the root first (F33, F34)."""
        self.tree.add("root")
        for name in ("mid1", "mid2"):
            self.tree.add(name, ["root"])
        self.tree.add("leaf", ["mid1", "mid2"])
        self.tree.settle()
        self.assertEqual(self.parent_of("leaf"), "mid1")
        self.tree.network.partition("mid1")
        self.until(lambda: self.online() == ["leaf", "mid2"])
        self.assertEqual(self.parent_of("leaf"), "mid2")
        self.tree.network.heal()
        self.until(lambda: self.online() == ["leaf", "mid1", "mid2"])
        self.tree.settle(20)
        self.assertEqual((self.parent_of("leaf"), self.reached("root", "leaf")), ("mid2", {"leaf": 1}))

    def test_a_late_farewell_of_the_old_parent_changes_nothing(self) -> None:
        """A cluster that moved while its old parent could not be heard stays online when that is heard again (F34)."""
        self.tree.add("root")
        for name in ("mid1", "mid2"):
            self.tree.add(name, ["root"])
        self.tree.add("leaf", ["mid1", "mid2"])
        self.tree.settle()
        self.tree.network.partition("mid1", "leaf")
        self.tree.network.partition("mid1", "root")
        self.until(lambda: "leaf" in self.tree.node("mid2").controller.links)
        self.tree.network.heal()
        self.tree.settle(40)
        self.assertEqual((self.online(), self.parent_of("leaf")), (["leaf", "mid1", "mid2"], "mid2"))

    def test_a_clean_stop_says_so(self) -> None:
        """A controller that is stopped closes its links with a close frame that says why (F46)."""
        self.chain("root", "mid", "leaf")
        self.tree.node("mid").stop()
        self.tree.settle(1)
        self.assertIn("the controller is stopping", self.tree.node("root").cluster("mid")["status"]["reason"])


class LoopTests(TreeTestCase):
    """Parents that are configured in a circle."""

    def test_a_circle_does_not_close(self) -> None:
        """Of three controllers that are each other's parents none is ever above itself for long (F44)."""
        for name, parent in (("a", "b"), ("b", "c"), ("c", "a")):
            self.tree.add(name, [parent])
        self.tree.settle(120)
        for name in "abc":
            node = self.tree.node(name).controller
            self.assertNotIn(name, node.neighbours.ancestry.path[1:])
            self.assertFalse(set(node.neighbours.ancestry.path[1:]) & set(node.table.via))
        self.assertEqual(sum(len(self.tree.node(name).controller.links) for name in "abc"), 2)

    def test_one_way_out_ends_it(self) -> None:
        """A circle in which one has a way to the root becomes a tree (F44)."""
        self.tree.add("root")
        for name, parents in (("a", ["b"]), ("b", ["c"]), ("c", ["a", "root"])):
            self.tree.add(name, parents)
        self.until(lambda: self.online() == ["a", "b", "c"], 300)
        self.assertEqual(self.reached("root", "a,b,c"), {"a": 1, "b": 1, "c": 1})

    def test_nobody_joins_itself(self) -> None:
        """A controller that is told to join itself has no link, and goes on trying politely (F29)."""
        self.tree.add("a", ["a"])
        self.tree.settle(120)
        node = self.tree.node("a")
        self.assertEqual((node.controller.links, node.controller.uplink.link), ({}, None))
        self.assertIn("a is the name of this controller", getattr(node.failover.status, "last_error", ""))
        self.assertLess(node.edge.counters.dials, 40)


class DuplicateTests(TreeTestCase):
    """Two clusters of one name."""

    def test_below_the_same_parent_the_second_is_refused(self) -> None:
        """A second cluster of a name that is connected is told so in the answer to its join; the first stays (F32)."""
        self.chain("root", "dup")
        twin = self.tree.add("dup", ["root"], host="twin")
        self.tree.settle(10)
        self.assertIn("dup is connected already", getattr(twin.failover.status, "last_error", ""))
        self.assertEqual(self.reached("root", "dup"), {"dup": 1})

    def test_elsewhere_in_the_tree_the_second_is_told(self) -> None:
        """A second cluster of a name that is reached elsewhere is told by the tree, and gets no task (F2, F32)."""
        self.tree.add("root")
        for name in ("mid1", "mid2"):
            self.tree.add(name, ["root"])
        self.tree.add("dup", ["mid1"])
        self.tree.settle()
        twin = self.tree.add("dup", ["mid2"], host="twin")
        self.tree.settle()
        self.assertEqual(twin.controller.from_parent.refusal, "dup is already reached through mid1")
        self.assertEqual(self.reached("root", "*"), {"root": 1, "mid1": 1, "mid2": 1, "dup": 1})
        self.tree.node("dup").stop()
        self.until(lambda: self.parent_of("dup") == "mid2")
        self.assertEqual((twin.controller.from_parent.refusal, self.online()), ("", ["dup", "mid1", "mid2"]))
        self.assertEqual(self.reached("root", "dup", "/second"), {"twin": 1})
