"""A controller some of whose clusters move from one child to another, or change their parent further down."""

from __future__ import annotations

from ote_twisted.testing.links import MemoryLink
from tests.controller.building import ControllerTestCase, announced, announcement, answer_to, entry, refusals, request


class SeenFromAboveTests(ControllerTestCase):
    """``x`` with ``d`` below it leaves child ``a`` for child ``b``."""

    is_root = True
    name = "root"

    def setUp(self) -> None:
        """Join a and b, and x below a."""
        super().setUp()
        self.a, self.b = self.child("a"), self.child("b")
        self.say(self.a, entry("x", "a", instance="i", epoch=1), entry("d", "x", instance="j", epoch=1))
        self.owner.appeared.clear()

    def say(self, link: MemoryLink, *present: object, absent: tuple[str, ...] = ()) -> None:
        """A child announces what changed."""
        link.receive(announcement(link.peer, present, absent, (), complete=False, digest=0))  # type: ignore[arg-type]

    def move(self) -> None:
        """The new parent announces x."""
        self.say(self.b, entry("x", "b", instance="i", epoch=2), entry("d", "x", instance="j", epoch=1))

    def test_tasks_go_the_new_way_and_are_sent_again(self) -> None:
        """The owner of tasks hears of whatever moved, because what was under way to it may be lost, and sends the new way."""
        self.move()
        self.assertEqual(set(self.owner.appeared), {"x", "d"})
        self.assertEqual(self.owner.vanished, [])
        self.controller.downward.send(request("x", "d"), ["x", "d"])
        self.assertEqual(list(self.b.take()[-1].Head.Targets), ["x", "d"])

    def test_answers_under_way_count(self) -> None:
        """Answers that come through the former parent are taken as long as that claims the cluster, and then no more."""
        self.move()
        self.a.receive(answer_to(request("x"), "x"), answer_to(request("d"), "d"))
        self.b.receive(answer_to(request("x"), "x"))
        self.assertEqual([cluster for _, _, cluster, _ in self.owner.answers], ["x", "d", "x"])
        self.assertEqual(self.controller.upward.spoofed, 0)
        self.say(self.a, absent=("x", "d"))
        self.a.receive(answer_to(request("x"), "x"))
        self.assertEqual((len(self.owner.answers), self.controller.upward.spoofed), (3, 1))

    def test_nobody_is_refused(self) -> None:
        """Neither the former parent nor the new one is told anything, and the objects stay online with the new parent (F33)."""
        self.a.take(), self.b.take()
        self.move()
        self.clock.advance(1)
        self.assertEqual((refusals(self.a.take()), refusals(self.b.take())), ([], []))
        for name, parent in (("x", "b"), ("d", "x")):
            status = self.object(name)["status"]
            self.assertEqual((status["status"], status["parentName"]), ("online", parent), name)
        told = [each.told for each in self.events.happenings() if each.told.reason == "ClusterMoved"]
        self.assertEqual([(each.about, each.message) for each in told], [("x", "It is below b now and was below a before.")])

    def test_a_move_further_down_is_looked_at_too(self) -> None:
        """When a cluster gets another parent below the same child, tasks for it and all below it are looked at again."""
        self.say(self.a, entry("x", "other", instance="i", epoch=2))
        self.assertEqual(set(self.owner.appeared), {"x", "d"})
        self.owner.appeared.clear()
        self.say(self.a, entry("x", "other", instance="i", epoch=2, labels={"k": "v"}))
        self.assertEqual(self.owner.appeared, ["x"])


class TwinTests(ControllerTestCase):
    """``x`` is below child ``a``, and a copy of it below child ``b``."""

    is_root = True
    name = "root"

    def setUp(self) -> None:
        """Join a and b, and x below both."""
        super().setUp()
        self.a, self.b = self.child("a"), self.child("b")
        for link, epoch in ((self.a, 1), (self.b, 2)):
            present = [entry("x", link.peer, instance="i", epoch=epoch), entry("d", "x", instance="j", epoch=1)]
            link.receive(announcement(link.peer, present, (), (), complete=False, digest=0))
        self.a.take(), self.b.take()

    def test_people_and_the_copy_are_told(self) -> None:
        """What goes on to be claimed where it has moved from is another machine: it hears of that, and people do, once."""
        self.clock.pump([60.0] * 6)
        (event,) = [each.told for each in self.events.happenings() if each.told.reason == "DuplicateIdentity"]
        self.assertIn("it is reached through b, and claimed through a as well", event.message)
        self.assertEqual(set(refusals(self.a.take())), {("x", "a copy of its state folder is in use, and reached through b")})
        self.assertEqual(refusals(self.b.take()), [])

    def test_the_copy_that_is_left_is_taken(self) -> None:
        """When the other one is gone the copy has the route, and hears that it is refused no more."""
        self.clock.pump([60.0] * 3)
        self.a.take()
        self.b.end("lost")
        self.assertEqual((refusals(self.a.take()), self.online()), ([("x", "")], ["a", "d", "x"]))

    def test_a_move_is_no_copy(self) -> None:
        """A cluster that has left its old parent within a minute has moved."""
        self.clock.advance(59)
        self.a.receive(announcement("a", (), ("x", "d"), (), complete=False, digest=0))
        self.clock.pump([60.0] * 6)
        self.assertNotIn("DuplicateIdentity", self.events.reasons())
        self.assertEqual(refusals(self.a.take()), [])


class PassedOnTests(ControllerTestCase):
    """The same in the middle of a tree."""

    def test_only_what_changed_is_announced(self) -> None:
        """A move is announced as the cluster's new entry alone; that others came along follows from it."""
        parent = self.parent()
        a, b = self.child("a"), self.child("b")
        below = [entry("x", "a", instance="i", epoch=1), *(entry(f"d{number}", "x") for number in range(50))]
        a.receive(announcement("a", below, (), (), complete=False, digest=0))
        self.clock.advance(1)
        parent.take()
        moved = [entry("x", "b", instance="i", epoch=2), *below[1:]]
        b.receive(announcement("b", moved, (), (), complete=False, digest=0))
        self.clock.advance(1)
        told = announced(parent.take())
        self.assertEqual([[each.name for each in part.present] for part in told], [["x"]])
        self.assertEqual([part.absent for part in told], [()])
        self.assertEqual(set(self.owner.appeared) >= {"x", "d0", "d49"}, True)
