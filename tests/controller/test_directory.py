"""What a controller knows of clusters, the objects that say so, and the answers that are computed from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.directory import Directory
from ote_twisted.controller.objects import ANNOUNCED, NAMESPACE, Known, cluster_object, key_of, known_of, own_labels
from ote_twisted.controller.records import CONCURRENCY, RETRY, ClusterRecords
from ote_twisted.controller.reviews import ControllerStatuses, SelectionReviews
from ote_twisted.errors import InvalidSelector, NotFound, StoreUnavailable
from ote_twisted.interfaces import IVirtualResource
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON, Key, StoredObject
from ote_twisted.topology.causes import Cause
from ote_twisted.topology.difference import Difference
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.entry import ClusterEntry
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import Ancestry, encode_ancestry
from tests.controller.building import WALL, ControllerTestCase, announcement, entry


def present(*entries: ClusterEntry) -> Difference:
    """These came or changed."""
    difference = Difference()
    for each in entries:
        difference.appears(each)
    return difference


def gone(*names: str, cause: Cause | None = None) -> Difference:
    """These went."""
    difference = Difference()
    for name in names:
        difference.disappears(name, cause)
    return difference


class DirectoryTests(SynchronousTestCase):
    """Known clusters, online or not."""

    def setUp(self) -> None:
        """A controller ``north``."""
        self.time = WALL
        self.directory = Directory(entry("north"), lambda: self.time, lambda: self.time - WALL)

    def known(self, name: str) -> Known:
        """What is known of a name."""
        known = self.directory.known(name)
        assert known is not None
        return known

    def test_whoever_is_back_has_said_it_when_it_says(self) -> None:
        """A cluster that comes back and tells the same of itself is known as of when it told it, not as of long before."""
        self.directory.apply(present(entry("a", "north")))
        self.time += 5
        self.directory.apply(gone("a", cause=Cause("a", "the link was cut", 5.0)))
        self.time += 60
        self.directory.apply(present(entry("a", "north", age=2.0)))
        self.assertEqual(self.known("a").as_of, WALL + 63)

    def test_a_cluster_that_went_stays_known(self) -> None:
        """A cluster that is gone is known as offline, since when and why, and is still selected."""
        self.directory.apply(present(entry("a", "north")))
        self.time += 5
        self.directory.apply(gone("a", cause=Cause("a", "the link was cut", 5.0)))
        known = self.known("a")
        self.assertEqual((known.online, known.since, known.reason), (False, WALL + 5, "the link was cut"))
        self.assertEqual((self.directory.select("a"), self.directory.online_count()), (["a"], 1))

    def test_a_quick_return_is_online(self) -> None:
        """A cluster that goes and comes within one second is online (F37)."""
        self.directory.apply(present(entry("a", "north")))
        self.directory.apply(gone("a"))
        self.directory.apply(present(entry("a", "north")))
        self.assertTrue(self.known("a").online)

    def test_being_announced_again_is_no_news(self) -> None:
        """A cluster whose labels change while it is online is online since before."""
        self.directory.apply(present(entry("a", "north")))
        self.time += 60
        self.directory.apply(present(entry("a", "north", labels={"x": "y"})))
        self.assertEqual((self.known("a").since, self.directory.select("[x=y]")), (WALL, ["a"]))

    def test_only_those_that_perform_are_selected(self) -> None:
        """A cluster without a shim is explained but not selected, and is selected once it has one (F57)."""
        self.directory.apply(present(ClusterEntry("a", "north")))
        self.assertEqual((self.directory.select("*"), "a" in self.directory.explain("*").chosen), (["north"], True))
        self.directory.apply(present(entry("a", "north")))
        self.assertEqual(sorted(self.directory.select("*")), ["a", "north"])
        self.directory.apply(present(ClusterEntry("a", "north")))
        self.assertEqual(self.directory.select("*"), ["north"])

    def test_selectors_see_tags_labels_and_the_tree(self) -> None:
        """Names, tags, labels, depth and subtrees choose (F45)."""
        self.directory.apply(
            present(entry("a", "north", labels={"gpu": "yes"}), entry("a1", "a", tags=("camera",)), entry("b", "north"))
        )
        texts = ("[gpu]", "cam*", "under(a)", "at(1)", "*,!under(a)", "/^b/")
        chosen = [sorted(self.directory.select(text)) for text in texts]
        self.assertEqual(chosen, [["a"], ["a1"], ["a1"], ["a", "b"], ["a", "b", "north"], ["b"]])
        self.assertEqual([self.known(name).depth for name in ("north", "a", "a1")], [0, 1, 2])

    def test_a_bad_selector_is_refused(self) -> None:
        """A selector out of grammar is an error with its column (F5)."""
        self.assertRaises(InvalidSelector, self.directory.select, "[x")

    def test_any_order_of_news_makes_the_same_tree(self) -> None:
        """A cluster announced before its parent finds its place when that is known; a tree may turn over."""
        self.directory.apply(present(entry("a1", "a"), entry("a", "north")))
        self.assertEqual(self.directory.select("under(a)"), ["a1"])
        self.directory.apply(present(entry("a", "a1"), entry("a1", "north")))
        self.assertEqual((self.directory.select("under(a1)"), self.known("a").depth), (["a"], 2))

    def test_users_labels_choose_too(self) -> None:
        """Labels that users put on the object are seen by selectors; the cluster's own win (F45)."""
        self.directory.apply(present(entry("a", "north", labels={"tier": "site"})))
        self.assertTrue(self.directory.label("a", {"team": "red", "tier": "mine"}))
        self.assertFalse(self.directory.label("a", {"team": "red"}))
        self.assertEqual((self.directory.select("[team=red,tier=site]"), self.directory.label("x", {})), (["a"], False))
        self.directory.apply(present(entry("a", "north")))
        self.assertEqual(dict(self.known("a").labels), {"team": "red"})

    def test_forgetting(self) -> None:
        """A user's deletion forgets a cluster that is offline; one that is online gets its object back (F36)."""
        self.directory.apply(present(entry("a", "north"), entry("b", "north")))
        self.directory.apply(gone("a"))
        self.assertEqual([self.directory.object_deleted(name) for name in ("a", "b", "nobody")], [False, True, False])
        self.assertEqual((sorted(self.directory.select("*")), self.directory.known("a")), (["b", "north"], None))

    def test_what_a_restart_brings_back(self) -> None:
        """Clusters read from objects are known and offline; news that came first stands, users' labels are added."""
        self.directory.apply(present(entry("a", "north", labels={"v": "2"})))
        self.directory.load(Known(entry("a", "north", labels={"v": "1"}), {"v": "1", "team": "red"}, False, 1.0))
        self.directory.load(Known(entry("b", "a"), {}, False, 2.0, reason="not seen since the restart"))
        self.assertEqual((self.known("a").online, dict(self.known("a").labels)), (True, {"v": "2", "team": "red"}))
        self.assertEqual((self.known("b").online, self.directory.select("under(a)")), (False, ["b"]))


NAMES = st.from_regex("[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
LABELS = st.dictionaries(NAMES, st.one_of(st.just(""), NAMES), max_size=4)
ENTRIES = st.builds(
    ClusterEntry,
    NAMES,
    NAMES,
    st.sampled_from(["", "host:8287"]),
    LABELS,
    st.lists(NAMES, max_size=3),
    st.booleans(),
    NAMES,
    st.sampled_from(["", "1.0"]),
)


class ObjectTests(SynchronousTestCase):
    """Cluster objects."""

    @given(ENTRIES, LABELS, st.booleans(), st.integers(0, 2**31))
    @settings(max_examples=60, deadline=None)
    def test_an_object_is_read_back(self, one: ClusterEntry, users: dict[str, str], online: bool, since: int) -> None:
        """What is written for a cluster is what a restart reads."""
        known = Known(one, {**users, **one.labels}, online, float(since), 3)
        value = cluster_object(known, None, "uid", 1.0)
        value["metadata"]["labels"].update({key: text for key, text in users.items() if key not in one.labels})
        back = known_of(orjson.loads(orjson.dumps(value)))
        self.assertEqual(
            (back.entry, dict(back.labels), back.online, back.since), (one, dict(known.labels), online, float(since))
        )
        self.assertEqual(own_labels(value), {key: text for key, text in users.items() if key not in one.labels})

    def test_users_parts_stay(self) -> None:
        """Labels, annotations, finalizers and unknown fields of users survive; labels no longer announced go (T65)."""
        first = cluster_object(Known(entry("a", labels={"x": "1", "y": "2"}), {}, True, 5.0), None, "u1", 1.0)
        first["metadata"]["labels"]["mine"] = "yes"
        first["metadata"]["annotations"]["note"] = "n"
        first["metadata"]["finalizers"] = ["keep"]
        first["spec"]["extra"] = 1
        second = cluster_object(Known(entry("a", labels={"x": "9"}), {}, True, 5.0), first, "u2", 99.0)
        metadata = second["metadata"]
        self.assertEqual(metadata["labels"], {"mine": "yes", "x": "9"})
        self.assertEqual((metadata["annotations"]["note"], metadata["finalizers"], metadata["uid"]), ("n", ["keep"], "u1"))
        self.assertEqual((second["spec"]["extra"], metadata["creationTimestamp"], metadata["generation"]), (1, rfc3339(1.0), 1))

    def test_the_generation_counts_the_spec(self) -> None:
        """Other tags are another generation; another status is not."""
        first = cluster_object(Known(entry("a"), {}, True, 5.0), None, "u1", 1.0)
        offline = cluster_object(Known(entry("a"), {}, False, 6.0, reason="gone"), first, "", 1.0)
        tagged = cluster_object(Known(entry("a", tags=("t",)), {}, True, 5.0), first, "", 1.0)
        self.assertEqual([each["metadata"]["generation"] for each in (offline, tagged)], [1, 2])

    def test_the_status_says_it_all(self) -> None:
        """Online and offline are told in the original's words, and as a condition with the reason."""
        online = cluster_object(Known(entry("a", "north", listen="a:1"), {}, True, 5.0, 2), None, "u", 1.0)["status"]
        self.assertEqual(
            [online.get(key) for key in ("listen", "parentName", "status", "timestamp", "depth", "linkedAt", "lastSeen")],
            ["a:1", "north", "online", 5, 2, rfc3339(5.0), None],
        )
        offline = cluster_object(Known(entry("a"), {}, False, 5.0, reason="gone"), None, "u", 1.0)["status"]
        self.assertEqual([offline.get(key) for key in ("status", "lastSeen", "linkedAt")], ["offline", rfc3339(5.0), None])
        told = {each["type"]: (each["status"], each["reason"], each["message"]) for each in offline["conditions"]}
        sentence = "Unreachable since 1970-01-01T00:00:05Z: gone"
        self.assertEqual(told, {"Ready": ("Unknown", "Unreachable", sentence), "Reachable": ("False", "NotAnnounced", sentence)})

    def test_odd_objects_are_read_as_far_as_they_go(self) -> None:
        """An object that a user made or broke is read without what is wrong with it."""
        annotations = {ANNOUNCED: "not json"}
        value: JSON = {
            "metadata": {"name": "a", "labels": {"x": "y"}, "annotations": annotations},
            "spec": {"tags": [1, "t"], "name": 7},
            "status": {"listen": 3, "timestamp": "soon", "performs": "yes"},
        }
        back = known_of(value)
        self.assertEqual((back.entry, dict(back.labels), back.since), (ClusterEntry("a", tags=("t",)), {"x": "y"}, 0.0))
        annotations[ANNOUNCED] = '{"x":1}'
        self.assertEqual(own_labels(value), {"x": "y"})
        self.assertEqual(known_of({"metadata": {"name": "a"}}).entry, ClusterEntry("a"))
        empty: JSON = {"metadata": {"name": "a"}, "spec": None, "status": None}
        self.assertEqual(cluster_object(Known(entry("a"), {}, True, 1.0), empty, "", 1.0)["status"]["status"], "online")


class FullDisk(MemoryObjectStore):
    """A store whose writes fail while ``full``, or hang while ``waiting`` is a list."""

    full = False
    waiting: list[Deferred[None]] | None = None

    def create(self, key: Key, value: JSON) -> Deferred[StoredObject]:
        """See IObjectStore."""
        return self._gate(lambda: super(FullDisk, self).create(key, value))

    def update(self, key: Key, value: JSON, expected: Any) -> Deferred[StoredObject]:
        """See IObjectStore."""
        return self._gate(lambda: super(FullDisk, self).update(key, value, expected))

    def _gate(self, call: Any) -> Deferred[StoredObject]:
        turn: Deferred[Any] = Deferred()
        turn.addCallback(lambda _: self._call(call))
        if self.waiting is None:
            turn.callback(None)
        else:
            self.waiting.append(turn)
        return turn

    def _call(self, call: Any) -> Any:
        if self.full:
            raise StoreUnavailable("the disk is full")
        return call()


class RecordTests(SynchronousTestCase):
    """Objects are kept true, and nothing is written that is true already."""

    def setUp(self) -> None:
        """Records over a directory."""
        self.clock = Clock()
        self.store = FullDisk(self.clock)
        self.directory = Directory(entry("north"), lambda: WALL + self.clock.seconds(), self.clock.seconds)
        self.records = self.make()

    def make(self) -> ClusterRecords:
        """Started records."""
        records = ClusterRecords(
            self.store,
            self.clock,
            lambda: WALL,
            lambda: "uid",
            self.directory.known,
            self.labelled,
            self.directory.object_deleted,
        )
        loaded = self.successResultOf(Deferred.fromCoroutine(records.load()))
        for known in loaded:
            self.directory.load(known)
        records.start()
        self.addCleanup(records.stop)
        return records

    def labelled(self, name: str, labels: Mapping[str, str]) -> None:
        """A user wrote labels."""
        self.directory.label(name, labels)

    def learn(self, difference: Difference) -> None:
        """Something changed."""
        self.records.changed(self.directory.apply(difference))
        self.clock.advance(0)

    def stored(self, name: str) -> JSON:
        """The object of a name."""
        value: JSON = orjson.loads(self.successResultOf(self.store.get(key_of(name))).value)
        return value

    def test_a_change_is_one_write(self) -> None:
        """A new cluster is one create; saying the same again writes nothing (T22)."""
        self.learn(present(entry("a", "north")))
        version = self.store.version()
        self.learn(present(entry("a", "north")))
        self.clock.advance(1)
        self.assertEqual((self.records.writes, self.store.version()), (1, version))

    def test_what_users_write_is_learnt(self) -> None:
        """Labels that a user puts on an object reach the selectors, and are not taken away."""
        self.learn(present(entry("a", "north")))
        value = self.stored("a")
        value["metadata"]["labels"]["team"] = "red"
        self.store.update(key_of("a"), value, None)
        self.clock.advance(1)
        self.assertEqual(self.directory.select("[team=red]"), ["a"])
        self.assertEqual(self.stored("a")["metadata"]["labels"], {"team": "red"})

    def test_what_is_not_true_is_put_right(self) -> None:
        """An object whose status or announced labels somebody changed is written again, once."""
        self.learn(present(entry("a", "north", labels={"tier": "site"})))
        value = self.stored("a")
        value["status"]["status"] = "offline"
        value["metadata"]["labels"]["tier"] = "wrong"
        self.store.update(key_of("a"), value, None)
        self.clock.pump([0.1] * 20)
        now = self.stored("a")
        self.assertEqual((now["status"]["status"], now["metadata"]["labels"]), ("online", {"tier": "site"}))
        self.assertEqual(self.records.writes, 2)

    def test_deleted_objects(self) -> None:
        """The object of a cluster that is online comes back; that of one that is offline is gone for good (F36)."""
        self.learn(present(entry("a", "north"), entry("b", "north")))
        self.learn(gone("b"))
        for name in ("a", "b"):
            self.store.delete(key_of(name), None)
        self.clock.advance(1)
        self.assertEqual(self.stored("a")["status"]["status"], "online")
        self.failureResultOf(self.store.get(key_of("b")), NotFound)
        self.assertIsNone(self.directory.known("b"))

    def test_objects_elsewhere_are_not_ours(self) -> None:
        """An object of the kind in another namespace is left alone."""
        value = cluster_object(Known(entry("a"), {"team": "red"}, True, 1.0), None, "u", 1.0)
        self.store.create(Key(key_of("a").resource, "default", "a"), value)
        self.clock.advance(1)
        self.assertIsNone(self.directory.known("a"))

    def test_a_full_disk_is_waited_for(self) -> None:
        """What the store refused is written when it can, with the newest state, and counted."""
        self.store.full = True
        self.learn(present(entry("a", "north")))
        self.clock.advance(RETRY * 3)
        self.assertEqual((self.records.pending, self.records.writes), (1, 0))
        self.assertGreaterEqual(self.records.failures, 2)
        self.directory.apply(gone("a"))
        self.store.full = False
        self.clock.advance(RETRY)
        self.assertEqual((self.stored("a")["status"]["status"], self.records.pending), ("offline", 0))

    def test_a_conflict_is_tried_again(self) -> None:
        """When somebody else writes between our read and our write, both survive (F51)."""
        self.learn(present(entry("a", "north")))
        self.store.waiting = []
        self.learn(gone("a"))
        waiting, self.store.waiting = self.store.waiting, None
        value = self.stored("a")
        value["metadata"]["annotations"]["note"] = "theirs"
        self.store.update(key_of("a"), value, None)
        waiting[0].callback(None)
        self.clock.advance(1)
        now = self.stored("a")
        self.assertEqual((now["status"]["status"], now["metadata"]["annotations"]["note"]), ("offline", "theirs"))

    def test_writes_are_bounded_and_newest_wins(self) -> None:
        """Of thousands of changes a bounded number is under way; one that changes meanwhile is written again."""
        self.store.waiting = []
        self.learn(present(*(entry(f"c{number}", "north") for number in range(1000))))
        self.assertEqual(len(self.store.waiting), CONCURRENCY)
        self.learn(gone("c0"))
        while self.store.waiting:
            self.store.waiting.pop(0).callback(None)
        self.clock.advance(1)
        self.assertEqual((self.records.pending, self.stored("c0")["status"]["status"]), (0, "offline"))

    def test_a_restart_reads_them(self) -> None:
        """After a restart every cluster is known, offline until it is announced, and its object says so (F26)."""
        self.learn(present(entry("a", "north", labels={"tier": "site"})))
        self.records.stop()
        self.directory = Directory(entry("north"), lambda: WALL + 100, self.clock.seconds)
        self.records = self.make()
        self.records.changed(self.directory.names())
        self.clock.advance(1)
        self.assertEqual(self.directory.select("[tier=site]"), ["a"])
        status = self.stored("a")["status"]
        self.assertEqual((status["status"], status["reason"]), ("offline", "not seen since the restart of north"))


class ReviewTests(ControllerTestCase):
    """Answers that are computed."""

    def review(self, selector: str) -> JSON:
        """A dry run."""
        reviews = SelectionReviews(self.controller)
        status: JSON = self.successResultOf(reviews.create_object({"spec": {"selector": selector}}))["status"]
        return status

    def test_a_dry_run_names_targets_hops_and_reasons(self) -> None:
        """A selection review gives every chosen cluster with its next hop and why, offline ones and bystanders too."""
        a = self.child("a", "a1")
        a.receive(announcement("a", [entry("a", "north"), entry("a1", "a"), ClusterEntry("a2", "a")]))
        self.child("b").end("gone")
        status = self.review("a*,b,north")
        self.assertEqual((status["valid"], status["count"], status["nextHops"]), (True, 4, {"": 1, "a": 2, "north": 1}))
        rows = {row["name"]: (row["nextHop"], row["online"], row["performs"]) for row in status["clusters"]}
        self.assertEqual(
            rows,
            {
                "a": ("a", True, True),
                "a1": ("a", True, True),
                "b": ("", False, True),
                "north": ("north", True, True),
                "a2": ("a", True, False),
            },
        )
        self.assertEqual({row["name"]: row["why"] for row in status["clusters"]}["a1"], "a*")

    def test_a_bad_selector_has_its_column(self) -> None:
        """A dry run of a selector out of grammar says where the fault is (F5)."""
        status = self.review("a,[x")
        self.assertEqual((status["valid"], status["count"]), (False, 0))
        self.assertGreater(status["error"]["column"], 2)

    def test_nobody_is_no_error(self) -> None:
        """A dry run that chooses nobody is valid and says 0 (F7)."""
        self.assertEqual([self.review("nobody")[key] for key in ("valid", "count", "clusters")], [True, 0, []])

    def test_reviews_are_not_kept(self) -> None:
        """Reviews can be neither listed nor read."""
        reviews = SelectionReviews(self.controller)
        self.failureResultOf(reviews.list_objects(), NotFound)
        self.failureResultOf(reviews.get_object("x"), NotFound)
        self.assertTrue(IVirtualResource.providedBy(reviews))

    def statuses(self) -> ControllerStatuses:
        """How this controller stands."""
        return ControllerStatuses(
            self.controller, self.clock, lambda: WALL, WALL, "memory", lambda: {"state": "connected"}, lambda: ["parent: none"]
        )

    def test_a_controller_tells_how_it_stands(self) -> None:
        """The status has the way to the root, every link, the queues and what is missing for readiness."""
        parent = self.parent()
        self.child("a", "a1")
        status = self.successResultOf(self.statuses().get_object("north"))["status"]
        self.assertEqual([link["peer"] for link in status["links"]], ["", "a"])
        self.assertEqual((status["counts"]["reachable"], status["counts"]["known"], status["path"]), (2, 3, ["north"]))
        parent.receive(message(pb.Ancestry, encode_ancestry(Ancestry(("root",), True))))
        told = self.successResultOf(self.statuses().get_object("north"))["status"]
        self.assertEqual(([link["peer"] for link in told["links"]], told["parent"]), (["root", "a"], "root"))
        self.assertEqual(
            (status["ready"], status["notReady"], status["uplink"]), (False, ["parent: none"], {"state": "connected"})
        )
        listed = self.successResultOf(self.statuses().list_objects())
        self.assertEqual([each["metadata"]["name"] for each in listed], ["north"])

    def test_others_and_writes_are_not_found(self) -> None:
        """A controller knows its own status alone, and it cannot be written."""
        self.failureResultOf(self.statuses().get_object("a"), NotFound)
        self.failureResultOf(self.statuses().create_object({}), NotFound)

    def test_the_namespace_is_the_originals(self) -> None:
        """Objects of clusters live where the original keeps them."""
        self.assertEqual((NAMESPACE, self.object("north")["metadata"]["namespace"]), ("kube-system", "kube-system"))
