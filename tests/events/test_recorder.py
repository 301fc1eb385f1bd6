"""Events in the store."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.controller.objects import NAMESPACE
from ote_twisted.events.model import EventLimits
from ote_twisted.events.objects import event_key
from tests.events.building import Place


class RecorderTestCase(SynchronousTestCase):
    """A started recorder."""

    limits: EventLimits | None = None

    def setUp(self) -> None:
        self.place = Place(self.limits)
        self.addCleanup(self.place.stop)
        self.place.recorder.startService()
        self.place.settle()

    def tell(self, reason: str = "ChildLost", message: str = "It is gone.", about: str = "c1", warning: bool = True) -> None:
        """Record."""
        self.place.recorder.record(reason, message, about, warning)

    def reasons(self) -> list[str]:
        """Of the events in the store."""
        return [event["reason"] for event in self.place.events()]


class ObjectTests(RecorderTestCase):
    """What is written."""

    def test_object(self) -> None:
        """An event is one of Kubernetes: about the Cluster object with its uid, from this controller, with its times."""
        self.place.cluster("c1", "uid-of-c1")
        self.tell()
        self.place.clock.advance(20)
        self.tell()
        self.place.settle()
        (event,) = self.place.events()
        self.assertRegex(event["metadata"]["name"], r"^c1\.[0-9a-f]+$")
        self.assertEqual(
            event["involvedObject"],
            {"apiVersion": "ote.baidu.com/v1", "kind": "Cluster", "namespace": NAMESPACE, "name": "c1", "uid": "uid-of-c1"},
        )
        self.assertEqual((event["type"], event["reason"], event["message"]), ("Warning", "ChildLost", "It is gone."))
        self.assertEqual((event["count"], event["source"]), (2, {"component": "ote-controller", "host": "here"}))
        self.assertEqual((event["reportingComponent"], event["reportingInstance"]), ("ote-controller", "here"))
        self.assertEqual((event["firstTimestamp"], event["lastTimestamp"]), ("2027-01-15T08:00:12Z", "2027-01-15T08:00:32Z"))
        self.assertEqual(event["metadata"]["creationTimestamp"], event["firstTimestamp"])

    def test_object_of_the_cluster_comes_later(self) -> None:
        """An event about a cluster that has no object yet refers to the object soon after there is one."""
        self.tell("ChildJoined")
        self.place.clock.advance(1)
        self.assertNotIn("uid", self.place.events()[0]["involvedObject"])
        self.place.cluster("c1", "uid-of-c1")
        self.place.settle()
        self.assertEqual(self.place.events()[0]["involvedObject"]["uid"], "uid-of-c1")

    def test_no_object_at_all(self) -> None:
        """An event about a cluster that never gets an object is written twice and no more."""
        self.tell("ChildRefused")
        self.place.clock.pump([1.0] * 100)
        self.assertEqual(self.place.store.asked, 2)

    def test_others_stay(self) -> None:
        """Events of others in the same namespace are left alone, however many and however old."""
        for number in range(5):
            old = {"metadata": {"name": f"x.{number}"}, "reason": "Theirs", "lastTimestamp": "2001-01-01T00:00:00Z"}
            self.place.put(event_key(f"x.{number}"), old)
        self.tell()
        self.place.clock.pump([60.0] * 65)
        self.assertEqual(self.reasons(), ["Theirs"] * 5)

    def test_deleted_by_a_user(self) -> None:
        """An event that a user deleted comes back when it happens again; that it is too old later is no failure."""
        self.tell()
        self.place.settle()
        self.place.store.delete(event_key(self.place.events()[0]["metadata"]["name"]), None)
        self.tell()
        self.place.settle()
        self.assertEqual([event["count"] for event in self.place.events()], [2])
        self.place.store.delete(event_key(self.place.events()[0]["metadata"]["name"]), None)
        self.place.clock.pump([60.0] * 65)
        self.assertEqual((self.place.events(), self.place.recorder.failures), ([], 0))


class CostTests(RecorderTestCase):
    """What events cost."""

    limits = EventLimits(kept=200, similar=150)

    def test_storm_of_one(self) -> None:
        """The same a thousand times in ten seconds is a handful of writes."""
        self.place.cluster("c1", "uid-of-c1")
        for _ in range(1000):
            self.tell()
            self.place.clock.advance(0.01)
        self.place.settle()
        self.assertEqual([event["count"] for event in self.place.events()], [1000])
        self.assertLessEqual(self.place.store.asked, 4)

    def test_storm_of_many(self) -> None:
        """A thousand children lost at once are as many writes as are told apart, not all at once."""
        for number in range(1000):
            self.tell(about=f"c{number}")
        self.assertEqual(self.place.store.asked, 0)
        self.place.clock.advance(0.6)
        self.assertLessEqual(self.place.store.asked, 50)
        self.place.settle()
        self.assertEqual(len(self.place.events()), 151)
        self.assertLessEqual(self.place.store.asked, 2 * 151)
        self.assertEqual(self.place.recorder.book.combined, 850)

    def test_at_rest(self) -> None:
        """When nothing happens nothing is written."""
        self.place.cluster("c1", "uid-of-c1")
        self.tell()
        self.place.settle()
        asked = self.place.store.asked
        self.place.clock.pump([10.0] * 300)
        self.assertEqual((asked, self.place.store.asked), (1, 1))


class RefusedTests(RecorderTestCase):
    """A store that refuses."""

    def test_written_later(self) -> None:
        """What the store refused is written when it takes it; meanwhile it is asked once in a while with one write."""
        self.place.store.full = True
        for number in range(100):
            self.tell(about=f"c{number}")
        self.place.clock.pump([1.0] * 600)
        self.assertLess(self.place.store.asked, 70)
        self.assertEqual(self.place.recorder.failures, self.place.store.asked)
        self.place.store.full = False
        self.place.clock.pump([1.0] * 120)
        self.assertEqual(len(self.place.events()), 100)

    def test_not_for_ever(self) -> None:
        """What could not be written within its time is given up and counted, with everything on the clock at rest."""
        self.place.store.full = True
        self.tell()
        self.place.clock.pump([10.0] * 400)
        self.assertEqual((self.place.recorder.book.pending, len(self.place.recorder.book)), (0, 0))
        asked = self.place.store.asked
        self.place.clock.pump([10.0] * 100)
        self.assertEqual(self.place.store.asked, asked)

    def test_unreadable(self) -> None:
        """While the earlier events cannot be read nothing is written; what happens meanwhile is written then."""
        self.place.stop()
        self.place.store.unreadable = True
        self.place.again().startService()
        self.tell()
        self.place.clock.pump([1.0] * 30)
        self.assertEqual(self.place.store.asked, 0)
        self.place.store.unreadable = False
        self.place.clock.pump([1.0] * 60)
        self.assertEqual(self.reasons(), ["ChildLost"])


class LifeTests(RecorderTestCase):
    """Begin and end."""

    limits = EventLimits(kept=10)

    def restart(self) -> None:
        """End the life and begin another."""
        self.place.recorder.stopService()
        self.place.again()
        self.place.recorder.startService()

    def test_stop_writes(self) -> None:
        """What is owed at the stop is written; what comes later is left out."""
        self.tell()
        self.successResultOf(self.place.recorder.stopService())
        self.tell("ParentLost")
        self.assertEqual(self.reasons(), ["ChildLost"])

    def test_stop_with_a_full_disk(self) -> None:
        """A store that refuses does not hold up the stop."""
        self.place.store.full = True
        self.tell()
        self.successResultOf(self.place.recorder.stopService())

    def test_before_the_start(self) -> None:
        """What is recorded before the start is written after it."""
        self.place.recorder.stopService()
        self.place.again()
        self.tell()
        self.assertEqual(self.reasons(), [])
        self.place.recorder.startService()
        self.place.settle()
        self.assertEqual(self.reasons(), ["ChildLost"])

    def test_counted_across_a_restart(self) -> None:
        """The same after a restart is counted in the event from before."""
        self.tell()
        self.place.settle()
        self.restart()
        self.place.settle()
        self.tell()
        self.place.settle()
        self.assertEqual([event["count"] for event in self.place.events()], [2])

    def test_bounds_across_a_restart(self) -> None:
        """Events from before a restart count for the number, and go at their age by whatever the wall clock shows then."""
        for number in range(10):
            self.tell(f"Reason{number}")
            self.place.clock.advance(1)
        self.place.settle()
        self.restart()
        self.tell("Newest")
        self.place.settle()
        self.assertEqual(self.reasons(), [*(f"Reason{number}" for number in range(1, 10)), "Newest"])
        self.place.skew = -86400.0
        self.restart()
        self.place.clock.pump([60.0] * 65)
        self.assertEqual(self.reasons(), [])

    def test_combined_across_a_restart(self) -> None:
        """An event that stands for several goes on counting after a restart."""
        self.place.stop()
        self.place = Place(EventLimits(similar=2))
        self.addCleanup(self.place.stop)
        self.place.recorder.startService()
        self.place.settle()
        for about in ("c1", "c2", "c3"):
            self.tell(about=about)
        self.place.settle()
        self.restart()
        self.place.settle()
        self.tell(about="c4")
        self.place.settle()
        self.assertEqual(
            [(event["involvedObject"]["name"], event["count"]) for event in self.place.events()],
            [("c1", 1), ("c2", 1), ("here", 2)],
        )

    def test_nonsense(self) -> None:
        """Events of ours of which a user made nonsense are read as something and go at their time."""
        self.tell()
        self.place.settle()
        (event,) = self.place.events()
        nonsense = {
            **event,
            "involvedObject": 7,
            "count": "x",
            "firstTimestamp": "yesterday",
            "lastTimestamp": None,
            "reason": None,
        }
        self.place.store.update(event_key(event["metadata"]["name"]), nonsense, None)
        self.restart()
        self.place.settle()
        self.assertEqual(len(self.place.recorder.book), 1)
        self.place.clock.pump([60.0] * 65)
        self.assertEqual(len(self.place.recorder.book), 0)


class BookTests(SynchronousTestCase):
    """Bounds of what waits to be written."""

    def test_dropped(self) -> None:
        """Events that the bound takes before they are written are counted."""
        place = Place(EventLimits(kept=10))
        self.addCleanup(place.stop)
        for number in range(15):
            place.recorder.record(f"Reason{number}", "x")
        self.assertEqual((len(place.recorder.book), place.recorder.book.dropped), (10, 5))
