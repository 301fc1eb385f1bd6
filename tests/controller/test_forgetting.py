"""Clusters that are gone for long."""

from __future__ import annotations

from ote_twisted.controller.objects import key_of
from ote_twisted.errors import NotFound
from ote_twisted.testing.links import MemoryLink
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Absence, Announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry
from tests.controller.building import ControllerTestCase, entry

ONE = "1" * 32


class ForgettingTests(ControllerTestCase):
    """A controller that forgets after 100 s."""

    forget_after = 100.0

    def there(self, name: str) -> bool:
        """There is an object of that name."""
        found: list[object] = []
        self.store.get(key_of(name)).addCallbacks(found.append, lambda failure: failure.trap(NotFound))
        return bool(found)

    def say(self, link: MemoryLink, *present: ClusterEntry, absent: tuple[Absence, ...] = ()) -> None:
        """An announcement of a child."""
        body = encode_announcement(Announcement(False, present, (), 0, 0, absent))
        link.receive(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.Announce, ClusterName=link.peer), Body=body))

    def test_what_is_gone_for_long_is_forgotten(self) -> None:
        """When its time is over object and record go, which is told; those that can be reached, or not for so long, stay."""
        self.child("a", "a1").end("cut")
        self.child("b")
        self.clock.advance(60)
        self.child("c").end("cut")
        self.clock.pump([5] * 7)
        self.assertTrue(self.there("a1"))
        self.clock.pump([5] * 4)
        self.assertEqual([self.there(name) for name in ("north", "a", "a1", "b", "c")], [True, False, False, True, True])
        self.assertEqual((self.controller.select("a*"), self.controller.select("c")), ([], ["c"]))
        told = [each.told.about for each in self.events.happenings() if each.told.reason == "ClusterForgotten"]
        self.assertEqual(sorted(told), ["a", "a1"])

    def test_a_return_in_time_is_kept(self) -> None:
        """A cluster that comes back begins anew when it is lost again."""
        for _ in range(3):
            self.child("a").end("cut")
            self.clock.pump([5] * 18)
        self.assertTrue(self.there("a"))

    def test_a_finalizer_keeps_the_object(self) -> None:
        """An object that somebody put a finalizer on is left to them."""
        self.child("a").end("cut")
        self.clock.advance(1)
        value = self.object("a")
        value["metadata"]["finalizers"] = ["keep/it"]
        self.store.update(key_of("a"), value, None)
        self.clock.pump([5] * 25)
        self.assertEqual((self.there("a"), self.controller.select("a")), (True, []))

    def test_late_news_does_not_revive_and_a_return_does(self) -> None:
        """Neither a cause nor an older way of it makes a forgotten cluster known again; a new link of its own does."""
        a = self.child("a")
        self.say(a, entry("x", "a", instance=ONE, epoch=5))
        self.say(a, absent=(Absence(("x",), "x", "cut", 0.0),))
        self.clock.pump([5] * 25)
        self.assertFalse(self.there("x"))
        self.say(a, absent=(Absence(("x",), "x", "cut", 60.0),))
        self.say(a, entry("x", "a", instance=ONE, epoch=4))
        self.clock.advance(1)
        self.assertEqual((self.there("x"), self.online()), (False, ["a"]))
        self.say(a, entry("x", "a", instance=ONE, epoch=6))
        self.clock.advance(1)
        self.assertEqual((self.online(), self.object("x")["status"]["status"]), (["a", "x"], "online"))
        self.assertEqual(len(self.controller.directory.tombstones), 0)

    def test_a_return_while_it_is_being_removed(self) -> None:
        """A cluster that is back before its object was removed keeps its object."""
        self.child("a").end("cut")
        self.clock.advance(1)
        self.controller.directory.forget(0.0)
        self.controller.records.stop()
        self.controller.records.remove(["a"])
        self.child("a")
        self.controller.records.start()
        self.clock.advance(1)
        self.assertEqual(self.object("a")["status"]["status"], "online")


class NeverTests(ControllerTestCase):
    """A controller that is told nothing of forgetting."""

    def test_everything_stays_known(self) -> None:
        """A cluster that is gone for a year is known, and nothing runs on the clock for it."""
        self.child("a").end("cut")
        self.clock.advance(31)
        self.assertEqual(self.controller.directory.forget(365 * 86400.0), [])
        self.clock.pump([86400.0] * 365)
        self.assertEqual((self.controller.select("a"), self.object("a")["status"]["status"]), (["a"], "offline"))
