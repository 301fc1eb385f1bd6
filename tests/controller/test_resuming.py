"""Announcements that go on where an earlier link ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller import shelf
from ote_twisted.controller.revisions import LEAST, MOST, Revisions
from ote_twisted.controller.shelf import KEEP, Shelf, Version
from ote_twisted.tasks.model import Task
from ote_twisted.testing.links import MemoryLink
from ote_twisted.topology.claims import Claim
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, ClusterStatus, subtree_digest
from ote_twisted.wire.join import V2, Accept, JoinRequest, Resume
from tests.controller.building import ControllerTestCase, announced, commands, entry
from tests.controller.trees import TreeTestCase

ONE, OTHER = "1" * 32, "2" * 32
STREAM = "a" * 32


class RevisionTests(SynchronousTestCase):
    """What changed since when."""

    @given(st.lists(st.sets(st.sampled_from("abcdef"), max_size=3), max_size=12), st.integers(0, 12))
    def test_exactly_what_changed_is_told(self, story: list[set[str]], known: int) -> None:
        """Whoever knows a revision is told every name that changed after it, once, and no other."""
        revisions = Revisions("life")
        for names in story:
            revisions.note(names, 6)
        told = revisions.since(Resume(revisions.stream, known))
        if known > len(story):
            self.assertIsNone(told)
        else:
            assert told is not None
            self.assertEqual(sorted(told), sorted(set().union(*story[known:])))

    def test_memory_is_bounded(self) -> None:
        """Of a million changes as many are remembered as fit into one announcement; what is forgotten is not guessed."""
        revisions = Revisions("life")
        for number in range(20_000):
            revisions.note([f"c{number}"], 1_000_000)
        self.assertEqual(len(revisions), MOST)
        told = revisions.since(Resume(revisions.stream, 10_000))
        self.assertEqual(told and len(told), MOST)
        self.assertIsNone(revisions.since(Resume(revisions.stream, 9_999)))

    def test_a_small_tree_remembers_little(self) -> None:
        """Where everything is little, little is remembered."""
        revisions = Revisions("life")
        for number in range(2 * LEAST):
            revisions.note([f"c{number}"], 10)
        self.assertEqual(len(revisions), LEAST)

    def test_another_life_is_another_stream(self) -> None:
        """Nothing is resumed from what an earlier life had numbered, or without an offer."""
        first, second = Revisions("one"), Revisions("two")
        self.assertIsNone(second.since(Resume(first.stream, 0)))
        self.assertIsNone(second.since(None))


class ShelfTests(SynchronousTestCase):
    """What is kept of children that are away."""

    def setUp(self) -> None:
        """An empty shelf."""
        self.shelf = Shelf()
        self.version = Version(ONE, Resume(STREAM, 3))
        self.claims = {"a": Claim(entry("a"), 1, 1)}

    def test_only_the_same_cluster_goes_on(self) -> None:
        """What is kept is offered to the same identity alone, and given to the same stream alone, once."""
        self.shelf.put("a", self.version, self.claims, 0.0)
        self.assertEqual([self.shelf.offer("a", who, 1.0) for who in (OTHER, "", ONE)], [None, None, Resume(STREAM, 3)])
        self.assertEqual(self.shelf.take("a", ONE, STREAM, 1.0), self.claims)
        self.assertIsNone(self.shelf.take("a", ONE, STREAM, 1.0))
        self.shelf.put("a", self.version, self.claims, 0.0)
        self.assertIsNone(self.shelf.take("a", ONE, "b" * 32, 1.0))
        self.assertEqual((len(self.shelf), self.shelf.claims), (0, 0))

    def test_it_is_kept_for_a_while(self) -> None:
        """After a while nothing is offered, and with the next child that is lost it goes."""
        self.shelf.put("a", self.version, self.claims, 0.0)
        self.assertIsNone(self.shelf.offer("a", ONE, KEEP))
        self.shelf.put("b", self.version, {"b": Claim(entry("b"), 1, 1)}, KEEP)
        self.assertEqual((len(self.shelf), self.shelf.claims), (1, 1))

    def test_memory_is_bounded(self) -> None:
        """Of more claims than are kept the oldest go, and a child with too many is not kept at all."""
        self.patch(shelf, "MOST", 10)
        for child in "abcdef":
            self.shelf.put(child, self.version, {f"{child}{n}": Claim(entry("x"), 1, 1) for n in range(4)}, 0.0)
        self.assertEqual((self.shelf.claims, self.shelf.offer("d", ONE, 1.0)), (8, None))
        self.shelf.put("g", self.version, {f"g{n}": Claim(entry("x"), 1, 1) for n in range(11)}, 0.0)
        self.assertIsNone(self.shelf.offer("g", ONE, 1.0))


class ChildTests(ControllerTestCase):
    """The end that announces."""

    def opened(self, resume: Resume | None = None) -> tuple[list[Announcement], int]:
        """What a parent that joins now is told, and the bytes of it."""
        if isinstance(self.controller.uplink.link, MemoryLink):
            self.controller.uplink.link.end("outage")
        link = MemoryLink("", self.controller, is_parent=True, resume=resume).open()
        size = sum(map(len, link.sent))
        return announced(link.take()), size

    def test_after_an_outage_only_changes_travel(self) -> None:
        """After an outage a subtree of 1,000 of which 1 % changed costs at most 3 % of the bytes of everything."""
        status = ClusterStatus(
            "k3s", "v1.30.1+k3s1", {"cpu": "4", "memory": "16Gi"}, {"cpu": "3500m"}, 1, 1, True, "ShimReady", "ok"
        )
        labels = {"region": "north", "tier": "site"}
        sites = [entry(f"site-{number}", "a", labels=labels, status=status, instance=ONE) for number in range(999)]
        a = self.child("a")
        whole = [entry("a", "north", listen="a:8287"), *sites]
        a.receive(self.say("a", whole))
        everything, bytes_of_all = self.opened()
        self.controller.uplink.link.end("outage")
        for number in range(10):
            whole[number + 1] = entry(f"site-{number}", "a", labels={**labels, "gpu": "true"}, status=status, instance=ONE)
        a.receive(self.say("a", whole[1:11], whole=whole))
        self.clock.advance(10)
        told, bytes_of_change = self.opened(Resume(everything[-1].stream, everything[-1].revision))
        self.assertEqual(([each.resumes for each in told], len(told[0].present), told[0].count), ([True], 11, 1001))
        self.assertLess(bytes_of_change, 0.03 * bytes_of_all)

    def say(self, child: str, present: list[ClusterEntry], whole: list[ClusterEntry] | None = None) -> pb.ClusterMessage:
        """An announcement of a child."""
        every = present if whole is None else whole
        body = Announcement(whole is None, tuple(present), (), subtree_digest(every), len(every))
        return pb.ClusterMessage(Head=pb.MessageHead(Command=pb.Announce, ClusterName=child), Body=encode_announcement(body))

    def test_nothing_changed_is_said_shortly(self) -> None:
        """A parent that still knows all is told the new epoch and the digest."""
        self.child("a", "a1")
        everything, _ = self.opened()
        told, size = self.opened(Resume(everything[-1].stream, everything[-1].revision))
        own = self.controller.table.own
        self.assertEqual([(each.name, each.epoch) for each in told[0].present], [("north", own.epoch)])
        self.assertEqual((told[0].resumes, told[0].digest), (True, self.controller.table.digest))
        self.assertLess(size, 300)

    def test_what_went_is_told_with_its_cause(self) -> None:
        """What was lost while there was no parent is told with the hop and the age, by name alone."""
        self.child("a", "a1")
        b = self.child("b")
        everything, _ = self.opened()
        self.controller.uplink.link.end("outage")
        b.end("cut")
        self.clock.advance(7)
        told, _ = self.opened(Resume(everything[-1].stream, everything[-1].revision))
        self.assertEqual([(each.names, each.hop, each.age) for each in told[0].absences], [(("b",), "b", 7.0)])

    def test_an_offer_that_is_none_of_ours(self) -> None:
        """An offer of another stream, or of a revision to come, is answered with everything."""
        self.child("a")
        everything, _ = self.opened()
        for resume in (Resume(STREAM, 0), Resume(everything[-1].stream, 10**6)):
            self.assertEqual([(each.complete, each.resumes) for each in self.opened(resume)[0]], [(True, False)])


class ParentTests(ControllerTestCase):
    """The end that keeps."""

    def join(self, *entries: ClusterEntry, instance: str = ONE, revision: int = 5) -> MemoryLink:
        """A child ``a`` that announced everything."""
        link = MemoryLink("a", self.controller, listen="a:8287", instance=instance).open()
        link.receive(self.said(entries, complete=True, revision=revision, whole=entries))
        return link

    def said(
        self,
        present: tuple[ClusterEntry, ...] = (),
        absent: tuple[str, ...] = (),
        whole: tuple[ClusterEntry, ...] = (),
        complete: bool = False,
        resumes: bool = False,
        revision: int = 9,
    ) -> pb.ClusterMessage:
        """An announcement of ``a``."""
        body = Announcement(complete, present, absent, subtree_digest(whole), len(whole), (), STREAM, revision, resumes)
        return message_of("a", body)

    def offer(self, instance: str = ONE) -> Resume | None:
        """What a child that joins is offered."""
        admission = self.controller.admit(JoinRequest("a", "a", "a:8287", "10.0.0.1:1", (V2,), instance, 0, True))
        assert isinstance(admission, Accept)
        return admission.resume

    def again(self, instance: str = ONE) -> MemoryLink:
        """The child's next link."""
        link = MemoryLink("a", self.controller, listen="a:9999", instance=instance).open()
        link.take()
        return link

    A, X, Y = entry("a", "north", listen="a:8287"), entry("x", "a"), entry("y", "x")

    def test_a_lost_child_goes_on(self) -> None:
        """A child that comes back says what changed; the rest is there as it was, below its new address, and the views agree."""
        self.join(self.A, self.X, self.Y).end("outage")
        self.assertEqual((self.online(), self.offer()), ([], Resume(STREAM, 5)))
        link = self.again()
        z = entry("z", "x")
        link.receive(self.said((z,), ("y",), (self.A, self.X, z), resumes=True))
        self.assertEqual((self.online(), link.take()), (["a", "x", "z"], []))
        self.assertEqual((self.controller.claims.resumed, self.controller.claims.mismatches), (1, 0))
        self.assertEqual(self.controller.table.entry("a").listen, "a:9999")
        self.clock.advance(1)
        self.assertEqual(
            [self.object(name)["status"]["status"] for name in ("a", "x", "y", "z")], ["online"] * 2 + ["offline", "online"]
        )
        self.assertEqual(self.owner.appeared[-3:], ["z", "a", "x"])

    def test_an_old_link_need_not_be_dead(self) -> None:
        """A child that reconnects before its loss is noticed is offered what its old link said."""
        self.join(self.A, self.X)
        self.assertEqual(self.offer(), Resume(STREAM, 5))
        link = self.again()
        link.receive(self.said((), (), (self.A, self.X), resumes=True))
        self.assertEqual((self.online(), link.take(), self.controller.claims.resumed), (["a", "x"], [], 1))

    def test_a_restarted_child_says_everything(self) -> None:
        """A child of another stream announces everything, and what was kept of it is forgotten."""
        self.join(self.A, self.X).end("kill -9")
        link = self.again()
        link.receive(self.said((self.A,), (), (self.A,), complete=True))
        self.assertEqual((self.online(), len(self.controller.claims.shelf)), (["a"], 0))

    def test_another_cluster_of_the_name_is_offered_nothing(self) -> None:
        """Who has another identity, or none, is offered nothing and given nothing."""
        self.join(self.A, self.X).end("outage")
        self.assertEqual([self.offer(OTHER), self.offer("")], [None, None])
        link = self.again(OTHER)
        link.receive(self.said((), (), (self.A, self.X), resumes=True))
        self.assertEqual((self.online(), commands(link.take())), ([], [pb.AnnounceRequest]))

    def test_a_restarted_parent_asks_for_everything(self) -> None:
        """A parent without anything kept asks for everything when a child goes on from what it does not have."""
        link = self.again()
        link.receive(self.said((self.A,), (), (self.A, self.X), resumes=True))
        self.assertEqual(commands(link.take()), [pb.AnnounceRequest])
        link.receive(self.said((self.A, self.X), (), (self.A, self.X), complete=True))
        self.assertEqual((self.online(), link.take()), (["a", "x"], []))

    def test_a_wrong_digest_is_repaired(self) -> None:
        """When the digest differs after a resumption everything is asked for, and nothing is offered until it agrees."""
        self.join(self.A, self.X).end("outage")
        link = self.again()
        link.receive(self.said((), (), (self.A, self.X, self.Y), resumes=True))
        self.assertEqual((commands(link.take()), self.offer()), ([pb.AnnounceRequest], None))
        link.receive(self.said((self.A, self.X, self.Y), (), (self.A, self.X, self.Y), complete=True, revision=11))
        self.assertEqual((self.online(), self.offer()), (["a", "x", "y"], Resume(STREAM, 11)))

    def test_what_moved_meanwhile_is_not_revived(self) -> None:
        """A cluster that is reached through another child by then stays there, whatever is kept of the first."""
        moved = entry("x", "a", instance=OTHER, epoch=1)
        self.join(self.A, moved).end("outage")
        b = self.child("b")
        newer = entry("x", "b", instance=OTHER, epoch=2)
        b.receive(message_of("b", Announcement(False, (newer,), (), 0, 0)))
        self.assertEqual(self.controller.table.via["x"], "b")
        self.again().receive(self.said((), (), (self.A, moved), resumes=True))
        self.assertEqual(self.controller.table.via, {"b": "b", "x": "b", "a": "a"})
        self.assertEqual(self.controller.table.entry("x"), newer)

    def test_only_once(self) -> None:
        """What was kept is given once: a second announcement that says it goes on from there changes what it names alone."""
        self.join(self.A, self.X).end("outage")
        link = self.again()
        link.receive(self.said((), (), (self.A, self.X), resumes=True))
        link.receive(self.said((), ("x",), (self.A,), resumes=True))
        self.assertEqual((self.online(), link.take()), (["a"], []))


class TableTests(SynchronousTestCase):
    """Claims that are claimed again."""

    def test_the_sum_is_kept(self) -> None:
        """Whatever is kept, named anew or gone, the digest of what the child said is that of what it has."""
        table = RoutingTable(entry("root"))
        table.open_child(entry("a"), announces=True)
        said = [entry("a", "elsewhere"), entry("x", "a"), entry("root", "a"), entry("y", "x")]
        table.announce("a", said, (), complete=True)
        kept = dict(table.children["a"].claims)
        table.close_child("a")
        table.open_child(entry("a"), announces=True)
        changed = entry("y", "x", labels={"k": "v"})
        difference = table.announce("a", [changed], ["x"], kept=kept)
        self.assertEqual(table.children["a"].said, subtree_digest([said[0], said[2], changed]))
        self.assertEqual((set(difference.present), [each.name for each in difference.refused]), ({"a", "y"}, ["root"]))


def message_of(child: str, body: Announcement) -> pb.ClusterMessage:
    """An announcement as a message."""
    head = pb.MessageHead(Command=pb.Announce, ClusterName=child)
    return pb.ClusterMessage(Head=head, Body=encode_announcement(body))


class ResumingTreeTests(TreeTestCase):
    """Both ends together, over real protocols."""

    def setUp(self) -> None:
        """root - mid - 30 leaves."""
        super().setUp()
        self.chain("root", "mid")
        for number in range(30):
            self.tree.add(f"leaf-{number}", ["mid"])
        self.tree.settle(5)
        self.names = sorted(name for name in self.tree.nodes if name != "root")

    def counts(self) -> tuple[int, int]:
        """How often the root's child went on, and how often digests differed there."""
        claims = self.tree.node("root").controller.claims
        return claims.resumed, claims.mismatches

    def test_an_outage_is_resumed(self) -> None:
        """After an outage what joined and what was lost meanwhile is known above, with its cause, and both ends agree at once."""
        self.tree.network.partition("root", "mid")
        self.tree.settle(30)
        self.tree.node("leaf-3").crash()
        self.tree.add("late", ["leaf-4"])
        self.tree.settle(2)
        self.tree.network.heal()
        expected = sorted({*self.names, "late"} - {"leaf-3"})
        self.until(lambda: self.online() == expected)
        self.assertEqual(self.counts(), (1, 0))
        self.assertEqual(self.tree.node("root").cluster("leaf-3")["status"]["brokenHop"], "leaf-3")
        self.assertEqual(self.reached("root", "leaf-4,late"), {"leaf-4": 1, "late": 1})

    def test_a_restart_of_the_child_is_no_resumption(self) -> None:
        """A child that restarted numbers anew, so it announces everything."""
        self.tree.node("mid").crash()
        self.tree.node("mid").start()
        self.until(lambda: self.online() == self.names)
        self.assertEqual(self.counts(), (0, 0))

    def test_a_restart_of_the_parent_is_no_resumption(self) -> None:
        """A parent that restarted has kept nothing, so everything is announced to it."""
        self.tree.node("root").crash()
        self.tree.node("root").start()
        self.until(lambda: self.online() == self.names)
        self.assertEqual(self.counts(), (0, 0))

    def slow_task(self) -> None:
        """A task for everybody, which three leaves take their time for, and a leaf that is away."""
        self.tree.node("leaf-9").stop()
        for number in (2, 5, 7):
            self.tree.node(f"leaf-{number}").shim.script(delay=60)
        self.tree.node("root").submit("t", "*", "PUT", "/t", "x")
        self.tree.settle()
        self.assertEqual(self.tree.node("root").status("t")["done"], "28/32")

    def sent_while(self, happens: Callable[[], None]) -> list[str]:
        """Whom the root sends the task to meanwhile, and until it is complete."""
        sent: list[str] = []
        controller = self.tree.node("root").controller
        dispatch = controller.dispatch

        def note(task: Task, name: str, targets: Sequence[str], left: float) -> Sequence[str]:
            sent.extend(targets)
            return dispatch(task, name, targets, left)

        self.patch(controller, "dispatch", note)
        happens()
        self.until(lambda: self.condition("root", "t")[0] == "True", 90)
        self.assertEqual({self.tree.node(name).performed.count("/t") for name in ("root", *self.names)}, {1})
        return sorted(set(sent))

    def test_unfinished_targets_alone_are_sent_again(self) -> None:
        """After an outage of a subtree a task goes once more to those that have not answered, and to nobody else (F48, F53)."""

        def outage() -> None:
            self.tree.network.partition("root", "mid")
            self.tree.settle(20)
            self.tree.node("leaf-9").start()
            self.tree.settle(2)
            self.tree.network.heal()

        self.slow_task()
        self.assertEqual(self.sent_while(outage), ["leaf-2", "leaf-5", "leaf-7", "leaf-9"])
        self.assertEqual(self.counts(), (1, 0))

    def test_answers_of_an_outage_are_asked_for_by_nobody(self) -> None:
        """What was answered during the outage arrives by itself; who is asked meanwhile answers, and performs nothing again."""

        def outage() -> None:
            self.tree.network.partition("root", "mid")
            self.tree.settle(70)
            self.tree.node("leaf-9").start()
            self.tree.settle(2)
            self.tree.network.heal()

        self.slow_task()
        self.assertIn("leaf-9", self.sent_while(outage))

    def test_the_hop_restarts_meanwhile(self) -> None:
        """When the middle dies during the outage, and announces everything anew, only what is missing is sent as well (F50)."""

        def outage() -> None:
            self.tree.network.partition("root", "mid")
            self.tree.settle(10)
            self.tree.node("mid").crash()
            self.tree.settle(1)
            self.tree.node("mid").start()
            self.tree.node("leaf-9").start()
            self.tree.settle(5)
            self.tree.network.heal()

        self.slow_task()
        self.assertEqual(self.sent_while(outage), ["leaf-2", "leaf-5", "leaf-7", "leaf-9"])
        self.assertEqual(self.counts(), (0, 0))
