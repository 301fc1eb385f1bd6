"""What every object store must do.

    class MyStoreTests(make_object_store_tests(build_mine)):
        \"\"\"My store keeps the contract.\"\"\"

``build_mine`` gets the running test and gives a :class:`StoreUnderTest` with an empty store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.errors import AlreadyExists, Conflict, Expired, NotFound, StoreError
from ote_twisted.interfaces import IObjectStore
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.model import JSON, EventType, Key, Page, ResourceVersion, StoredObject, StoreEvent

CONTRACT_LIMITS = Limits(kept_versions=40, recent_events=10, snapshot_versions=20, snapshots=4)
"""Bounds that a store under test must be built with."""

MAPS = "configmaps"


@frozen
class StoreUnderTest:
    """An empty store and how to let its time pass.

    :ivar settle: returns when nothing is under way and every reactor turn asked for was taken.
    """

    store: IObjectStore
    settle: Callable[[], None]


Build = Callable[[SynchronousTestCase], StoreUnderTest]


def make_object_store_tests(build: Build) -> Any:
    """A test case for the stores that ``build`` makes."""

    class ObjectStoreTests(_Writing, _Listing, _Watching):
        """The contract of IObjectStore."""

        def under_test(self) -> StoreUnderTest:
            return build(self)

    return ObjectStoreTests


def key(name: str, namespace: str = "default", resource: str = MAPS) -> Key:
    """A key for tests."""
    return Key(resource, namespace, name)


def config_map(name: str, labels: dict[str, str] | None = None, **data: Any) -> JSON:
    """An object for tests."""
    metadata: JSON = {"name": name, "namespace": "default"}
    if labels is not None:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def told(events: Sequence[StoreEvent]) -> list[tuple[str, str, int]]:
    """Type, name and version of each event."""
    return [(event.type.value, event.object.key.name, event.object.version) for event in events]


class _Base(SynchronousTestCase):
    def under_test(self) -> StoreUnderTest:
        raise NotImplementedError

    def setUp(self) -> None:
        made = self.under_test()
        self.store = made.store
        self.settle = made.settle

    def result(self, waiting: Deferred[Any]) -> Any:
        self.settle()
        return self.successResultOf(waiting)

    def refused(self, waiting: Deferred[Any], *errors: type[StoreError]) -> str:
        self.settle()
        return str(self.failureResultOf(waiting, *errors).value)

    def create(self, name: str, labels: dict[str, str] | None = None, **data: Any) -> StoredObject:
        stored: StoredObject = self.result(self.store.create(key(name), config_map(name, labels, **data)))
        return stored

    def update(self, name: str, **data: Any) -> StoredObject:
        stored: StoredObject = self.result(self.store.update(key(name), config_map(name, **data), None))
        return stored

    def delete(self, name: str) -> StoredObject:
        stored: StoredObject = self.result(self.store.delete(key(name), None))
        return stored

    def watched(self, since: ResourceVersion | None = None) -> list[StoreEvent]:
        """The list that a watch of config maps fills."""
        events: list[StoreEvent] = []
        self.store.watch(MAPS, self.store.version() if since is None else since, events.extend)
        return events


class _Writing(_Base):
    def test_provides_the_interface(self) -> None:
        """The store provides IObjectStore."""
        verifyObject(IObjectStore, self.store)

    def test_created_object_is_read_back(self) -> None:
        """A created object is read back with its version in its metadata."""
        made = self.create("a", colour="red")
        found = self.result(self.store.get(key("a")))
        self.assertEqual((found.key, found.version, found.value), (key("a"), made.version, made.value))
        self.assertEqual(
            orjson.loads(found.value),
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "a", "namespace": "default", "resourceVersion": str(made.version)},
                "data": {"colour": "red"},
            },
        )

    def test_value_given_is_left_alone(self) -> None:
        """The caller's object is neither changed nor kept: changing it afterwards changes nothing stored."""
        value = config_map("a", colour="red")
        waiting = self.store.create(key("a"), value)
        self.assertNotIn("resourceVersion", value["metadata"])
        value["data"]["colour"] = "blue"
        self.assertEqual(orjson.loads(self.result(waiting).value)["data"], {"colour": "red"})

    def test_version_grows_by_one_with_each_write(self) -> None:
        """Each write gets the next version and version() tells the newest."""
        before = self.store.version()
        versions = [self.create("a").version, self.update("a").version, self.delete("a").version, self.create("a").version]
        self.assertEqual(versions, [before + 1, before + 2, before + 3, before + 4])
        self.assertEqual(self.store.version(), before + 4)

    def test_missing_object(self) -> None:
        """Reading, replacing or removing what is not there is NotFound and names the object."""
        for waiting in (
            self.store.get(key("x")),
            self.store.update(key("x"), config_map("x"), None),
            self.store.delete(key("x"), None),
        ):
            self.assertEqual(self.refused(waiting, NotFound), "configmaps default/x not found")

    def test_second_create_is_refused(self) -> None:
        """Creating what is there is AlreadyExists and leaves the first as it was."""
        made = self.create("a", colour="red")
        self.refused(self.store.create(key("a"), config_map("a")), AlreadyExists)
        self.assertEqual(self.result(self.store.get(key("a"))).value, made.value)
        self.assertEqual(self.store.version(), made.version)

    def test_update_with_the_expected_version(self) -> None:
        """An update that expects the stored version replaces the object."""
        made = self.create("a", colour="red")
        new = self.result(self.store.update(key("a"), config_map("a", colour="blue"), made.version))
        self.assertEqual(self.result(self.store.get(key("a"))).value, new.value)
        self.assertEqual(orjson.loads(new.value)["data"], {"colour": "blue"})

    def test_update_with_another_version_is_a_conflict(self) -> None:
        """An update that expects an older version is a Conflict and changes nothing."""
        made = self.create("a")
        newer = self.update("a", colour="blue")
        self.refused(self.store.update(key("a"), config_map("a"), made.version), Conflict)
        self.assertEqual(self.result(self.store.get(key("a"))).value, newer.value)

    def test_one_of_two_racing_updates_wins(self) -> None:
        """Of two updates that expect the same version, made in the same turn, the first wins."""
        made = self.create("a")
        first = self.store.update(key("a"), config_map("a", by="first"), made.version)
        second = self.store.update(key("a"), config_map("a", by="second"), made.version)
        self.refused(second, Conflict)
        self.assertEqual(orjson.loads(self.successResultOf(first).value)["data"], {"by": "first"})

    def test_delete_gives_the_last_state(self) -> None:
        """Removing gives the last state with the deletion's version, also in its metadata."""
        made = self.create("a", {"tier": "site"}, colour="red")
        last = self.delete("a")
        self.assertEqual(last.version, made.version + 1)
        self.assertEqual(last.labels, {"tier": "site"})
        value = orjson.loads(last.value)
        self.assertEqual((value["metadata"]["resourceVersion"], value["data"]), (str(last.version), {"colour": "red"}))
        self.refused(self.store.get(key("a")), NotFound)

    def test_delete_with_another_version_is_a_conflict(self) -> None:
        """A removal that expects another version is a Conflict and removes nothing."""
        made = self.create("a")
        self.refused(self.store.delete(key("a"), ResourceVersion(made.version + 7)), Conflict)
        self.assertEqual(self.result(self.store.get(key("a"))).version, made.version)

    def test_a_refused_write_leaves_its_neighbours(self) -> None:
        """Writes of one turn succeed or fail each by itself and fire in the order made."""
        fired: list[str] = []

        def note(outcome: StoredObject | Failure) -> None:
            fired.append(type(outcome.value).__name__ if isinstance(outcome, Failure) else outcome.key.name)

        self.create("taken")
        for name in ("a", "taken", "b"):
            self.store.create(key(name), config_map(name)).addBoth(note)
        self.settle()
        self.assertEqual(fired, ["a", "AlreadyExists", "b"])

    def test_labels_are_told(self) -> None:
        """The labels of an object stand beside its value, those that are text."""
        self.create("a", {"tier": "site", "odd": 3})  # type: ignore[dict-item]
        self.assertEqual(self.result(self.store.get(key("a"))).labels, {"tier": "site"})

    def test_value_that_is_no_json_is_refused(self) -> None:
        """What JSON cannot express is a StoreError; nothing is written."""
        before = self.store.version()
        self.refused(self.store.create(key("a"), {"metadata": {}, "data": object()}), StoreError)
        self.refused(self.store.create(key("a"), {"metadata": "none"}), StoreError)
        self.assertEqual(self.store.version(), before)


class _Listing(_Base):
    def page(self, **how: Any) -> Page:
        page: Page = self.result(self.store.list(MAPS, **how))
        return page

    def names(self, **how: Any) -> list[str]:
        return [stored.key.name for stored in self.page(**how).items]

    def test_empty_list(self) -> None:
        """A list of nothing has the store's version and no next page."""
        page = self.page()
        self.assertEqual((page.items, page.version, page.continue_key), ([], self.store.version(), None))

    def test_order_is_namespace_then_name(self) -> None:
        """Objects come in order of namespace, then name, of one resource only."""
        for namespace, name in (("b", "a"), ("a", "z"), ("a", "Z"), ("a", "é"), ("", "c")):
            self.result(self.store.create(key(name, namespace), config_map(name)))
        self.result(self.store.create(key("s", "a", "secrets"), config_map("s")))
        found = [(stored.key.namespace, stored.key.name) for stored in self.page().items]
        self.assertEqual(found, [("", "c"), ("a", "Z"), ("a", "z"), ("a", "é"), ("b", "a")])

    def test_one_namespace(self) -> None:
        """A namespace narrows the list; the empty one holds what has none."""
        for namespace in ("", "a", "ab"):
            self.result(self.store.create(key(f"in-{namespace}", namespace), config_map("x")))
        self.assertEqual(self.names(namespace="a"), ["in-a"])
        self.assertEqual(self.names(namespace=""), ["in-"])

    def test_pages_cover_the_list(self) -> None:
        """Pages follow each other without gap or repetition and tell how many remain."""
        for number in range(7):
            self.create(f"m{number}")
        first = self.page(limit=3)
        second = self.page(limit=3, continue_key=first.continue_key)
        third = self.page(limit=3, continue_key=second.continue_key)
        names = [[stored.key.name for stored in page.items] for page in (first, second, third)]
        self.assertEqual(names, [["m0", "m1", "m2"], ["m3", "m4", "m5"], ["m6"]])
        self.assertEqual([page.remaining for page in (first, second, third)], [4, 1, None])
        self.assertIsNone(third.continue_key)

    def test_page_that_is_just_full_is_the_last(self) -> None:
        """A list that ends with its page has no next one."""
        self.create("a")
        self.create("b")
        self.assertIsNone(self.page(limit=2).continue_key)

    def test_later_pages_belong_to_the_first_pages_version(self) -> None:
        """What is written while a list is paged through is not seen by it."""
        for number in range(4):
            self.create(f"m{number}", colour="red")
        first = self.page(limit=2)
        self.update("m2", colour="blue")
        self.delete("m3")
        self.create("m4")
        rest = self.page(limit=10, continue_key=first.continue_key)
        self.assertEqual([stored.key.name for stored in rest.items], ["m2", "m3"])
        self.assertEqual(orjson.loads(rest.items[0].value)["data"], {"colour": "red"})
        self.assertEqual(rest.version, first.version)

    def test_two_lists_at_a_time(self) -> None:
        """Lists that are paged through at once do not disturb each other."""
        for number in range(4):
            self.create(f"m{number}")
        one, two = self.page(limit=1), self.page(limit=2)
        self.delete("m1")
        three = self.page(limit=2)
        rest = [[stored.key.name for stored in self.page(continue_key=page.continue_key).items] for page in (one, two, three)]
        self.assertEqual(rest, [["m1", "m2", "m3"], ["m2", "m3"], ["m3"]])

    def test_continued_list_expires_with_its_version(self) -> None:
        """After too many writes the next page is Expired."""
        for number in range(3):
            self.create(f"m{number}")
        token = self.page(limit=1).continue_key
        for _ in range(CONTRACT_LIMITS.snapshot_versions + 1):
            self.update("m0")
        self.refused(self.store.list(MAPS, limit=1, continue_key=token), Expired)

    def test_foreign_continue_token(self) -> None:
        """A continue token that the store did not make is Expired, whatever it is."""
        for token in ("", "nonsense", "[]", "[1]", '["1","a","b"]', "[1,2,3]", "null", '[99,"a","b"]', '[true,"a","b"]'):
            self.refused(self.store.list(MAPS, continue_key=token), Expired)

    def test_label_narrows(self) -> None:
        """``label_equals`` gives at least the objects with that label, in order, as the label is now."""
        self.create("b", {"tier": "site"})
        self.create("a", {"tier": "site", "gpu": "true"})
        self.create("c", {"tier": "region"})
        self.assertEqual(self.names(label_equals=("tier", "site")), ["a", "b"])
        self.result(self.store.update(key("b"), config_map("b", {"tier": "region"}), None))
        self.delete("a")
        self.assertEqual(self.names(label_equals=("tier", "site")), [])
        self.assertEqual(self.names(label_equals=("tier", "region"), namespace="default", limit=1), ["b"])
        self.assertEqual(self.names(label_equals=("gpu", "true")), [])


class _Watching(_Base):
    def test_changes_arrive_in_order_once(self) -> None:
        """A watch tells each change after its version, in order, with the previous state of what changed."""
        self.create("before")
        events = self.watched()
        start = self.store.version()
        made = self.create("a")
        self.update("a")
        self.delete("a")
        self.assertEqual(told(events), [("ADDED", "a", start + 1), ("MODIFIED", "a", start + 2), ("DELETED", "a", start + 3)])
        self.assertEqual(events[0].object.value, made.value)

    def test_nothing_is_delivered_in_the_turn_of_the_call(self) -> None:
        """Neither watch() nor a write calls the consumer from within itself."""
        self.create("a")
        events = self.watched(ResourceVersion(0))
        self.assertEqual(events, [])
        self.store.create(key("b"), config_map("b"))
        self.assertEqual(events, [])
        self.settle()
        self.assertEqual([event.object.key.name for event in events], ["a", "b"])

    def test_write_seen_by_its_deferred_is_seen_by_reads(self) -> None:
        """When a write's Deferred fires, get, list and version see it, and a watch from before will tell it."""
        seen: list[Any] = []
        events = self.watched()

        def look(stored: StoredObject) -> None:
            seen.append(self.successResultOf(self.store.get(stored.key)).version)
            seen.append(len(self.successResultOf(self.store.list(MAPS)).items))
            seen.append(self.store.version())

        self.store.create(key("a"), config_map("a")).addCallback(look)
        self.settle()
        version = self.store.version()
        self.assertEqual(seen, [version, 1, version])
        self.assertEqual(told(events), [("ADDED", "a", version)])

    def test_list_then_watch_leaves_no_gap(self) -> None:
        """A watch from a list's version tells exactly what came after the list."""
        self.create("a")
        page = self.result(self.store.list(MAPS))
        self.create("b")
        events = self.watched(page.version)
        self.create("c")
        self.assertEqual([event.object.key.name for event in events], ["b", "c"])

    def test_other_resources_are_not_told(self) -> None:
        """A watch tells its own resource only, in all namespaces."""
        events = self.watched()
        self.result(self.store.create(key("s", resource="secrets"), config_map("s")))
        self.result(self.store.create(key("a", "other"), config_map("a")))
        self.assertEqual([event.object.key for event in events], [key("a", "other")])

    def test_stopped_watch_is_silent(self) -> None:
        """After stop() nothing is delivered, not even what had happened before; stopping twice is harmless."""
        events: list[StoreEvent] = []
        self.create("a")
        early = self.store.watch(MAPS, ResourceVersion(0), events.extend)
        early.stop()
        early.stop()
        watch = self.store.watch(MAPS, self.store.version(), events.extend)
        self.settle()
        self.store.create(key("b"), config_map("b")).addCallback(lambda _: watch.stop())
        self.settle()
        self.create("c")
        self.assertEqual(events, [])

    def test_consumer_that_stops_another(self) -> None:
        """A watch stopped by another's consumer gets nothing more in that turn."""
        second: list[StoreEvent] = []
        self.store.watch(MAPS, self.store.version(), lambda events: other.stop())
        other = self.store.watch(MAPS, self.store.version(), second.extend)
        self.settle()
        self.create("a")
        self.assertEqual(second, [])

    def test_consumer_may_write(self) -> None:
        """A consumer may write; its change is told later, in order."""
        events = self.watched()
        self.store.watch(MAPS, self.store.version(), self._echo)
        self.create("a")
        self.settle()
        self.assertEqual([event.object.key.name for event in events], ["a", "a-echo"])

    def _echo(self, events: Sequence[StoreEvent]) -> None:
        for event in events:
            name = event.object.key.name
            if not name.endswith("-echo"):
                self.store.create(key(f"{name}-echo"), config_map(f"{name}-echo"))

    def test_failing_consumer_harms_itself_only(self) -> None:
        """A consumer that raises is logged; the others are served."""

        def broken(events: Sequence[StoreEvent]) -> None:
            raise RuntimeError("broken consumer")

        self.store.watch(MAPS, self.store.version(), broken)
        events = self.watched()
        self.create("a")
        self.assertEqual([event.object.key.name for event in events], ["a"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_changes_of_one_turn_come_as_one_batch(self) -> None:
        """Changes made together are delivered together."""
        batches: list[int] = []
        self.store.watch(MAPS, self.store.version(), lambda events: batches.append(len(events)))
        self.settle()
        for number in range(5):
            self.store.create(key(f"m{number}"), config_map("m"))
        self.settle()
        self.assertEqual(sum(batches), 5)

    def test_old_watch_converges(self) -> None:
        """A watch from an older version, however far back within what is kept, ends with the present state of every key."""
        for number in range(6):
            self.create(f"m{number}")
        since = self.store.version()
        for number in range(4):
            self.update(f"m{number % 2}", turn=str(number))
        self.delete("m2")
        self.create("m6")
        self.delete("m3")
        self.create("m3", colour="new")
        for number in range(12):
            self.update("m5", turn=str(number))
        events = self.watched(since)
        self.settle()
        versions = [event.object.version for event in events]
        self.assertEqual(versions, sorted(set(versions)))
        self.assertTrue(all(version > since for version in versions))
        last = {event.object.key.name: event for event in events}
        self.assertEqual(sorted(last), ["m0", "m1", "m2", "m3", "m5", "m6"])
        self.assertEqual(last["m2"].type, EventType.DELETED)
        for name in ("m0", "m1", "m3", "m5", "m6"):
            self.assertEqual(last[name].object.value, self.result(self.store.get(key(name))).value)
        self.assertIn(("DELETED", "m3"), [(event.type.value, event.object.key.name) for event in events])

    def test_watch_from_a_forgotten_version_is_expired(self) -> None:
        """A version older than what is kept is Expired; what must be kept can be watched from."""
        self.create("a")
        first = self.store.version()
        for _ in range(2 * CONTRACT_LIMITS.kept_versions):
            self.update("a")
        self.assertRaises(Expired, self.store.watch, MAPS, first, list)
        oldest = ResourceVersion(self.store.version() - CONTRACT_LIMITS.kept_versions)
        events = self.watched(oldest)
        self.settle()
        self.assertEqual(events[-1].object.version, self.store.version())

    def test_watch_from_the_future_is_expired(self) -> None:
        """A version that has not been is Expired: its owner knows another store, or this one before a restore."""
        self.assertRaises(Expired, self.store.watch, MAPS, ResourceVersion(self.store.version() + 1), list)
