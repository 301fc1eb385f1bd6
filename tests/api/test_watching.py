"""Watches through the engine, and their stream."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.api.stream import WatchStream
from ote_twisted.api.watching import OpenWatch
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.testing.api import MemoryApi
from tests.api.samples import CONFIGMAPS, TASKS, configmap, task
from tests.api.test_objects import ApiTests

MERGE = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class WatchTests(ApiTests):
    """What watchers see."""

    def label(self, name: str, value: str | None) -> None:
        """Change the label x of a ConfigMap."""
        patch: dict[str, Any] = {"metadata": {"labels": {"x": value}}}
        self.ok(self.api.call("PATCH", f"{CONFIGMAPS}/{name}", patch, content_type=MERGE))

    def test_begins_with_what_is_there(self) -> None:
        """Without a version a watch begins with the present objects."""
        self.api.call("POST", CONFIGMAPS, configmap("a"))
        for query in ("watch=true", "watch=1&resourceVersion=0"):
            watch = self.api.watch(f"{CONFIGMAPS}?{query}")
            self.assertEqual(watch.seen, [("ADDED", "a")])

    def test_changes(self) -> None:
        """A watch shows every change after its version, in order, of its namespace only."""
        watch = self.api.watch(f"{CONFIGMAPS}?watch=true")
        self.api.call("POST", CONFIGMAPS, configmap("a"))
        self.api.call("POST", "/api/v1/namespaces/kube-system/configmaps", configmap("b"))
        self.label("a", "1")
        self.api.call("DELETE", f"{CONFIGMAPS}/a")
        self.assertEqual(watch.seen, [])
        self.api.turn()
        self.assertEqual(watch.seen, [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")])
        versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in watch.events]
        self.assertEqual(versions, sorted(versions))

    def test_from_a_version(self) -> None:
        """A watch from a list's version shows what came after it."""
        self.api.call("POST", CONFIGMAPS, configmap("a"))
        version = self.ok(self.api.call("GET", CONFIGMAPS))["metadata"]["resourceVersion"]
        self.api.call("POST", CONFIGMAPS, configmap("b"))
        self.api.turn()
        watch = self.api.watch(f"{CONFIGMAPS}?watch=true&resourceVersion={version}")
        self.api.turn()
        self.assertEqual(watch.seen, [("ADDED", "b")])

    def test_one_object(self) -> None:
        """A watch may be of one name, in the path or by a field selector."""
        for uri in (f"{CONFIGMAPS}/a?watch=true", f"{CONFIGMAPS}?watch=true&fieldSelector=metadata.name%3Da"):
            watch = self.api.watch(uri)
            for name in ("a", "b"):
                self.api.call("POST", CONFIGMAPS, configmap(name))
                self.api.call("DELETE", f"{CONFIGMAPS}/{name}")
            self.api.turn()
            self.assertEqual(watch.seen, [("ADDED", "a"), ("DELETED", "a")])

    def test_old_paths(self) -> None:
        """The old form with watch in the path still works."""
        watch = self.api.watch("/api/v1/watch/namespaces/default/configmaps")
        self.api.call("POST", CONFIGMAPS, configmap("a"))
        self.api.turn()
        self.assertEqual(watch.seen, [("ADDED", "a")])

    def test_a_selection_is_entered_and_left(self) -> None:
        """For a watcher with a selector an object that begins or ceases to match is added or deleted."""
        watch = self.api.watch(f"{CONFIGMAPS}?watch=true&labelSelector=x%3D1")
        self.api.call("POST", CONFIGMAPS, configmap("a"))
        for value in ("1", "1", "2", "1", None):
            self.label("a", value)
        self.ok(self.api.call("PATCH", f"{CONFIGMAPS}/a", {"data": {"k": "v"}}, content_type=MERGE))
        self.label("a", "1")
        self.ok(self.api.call("PATCH", f"{CONFIGMAPS}/a", {"data": {"k": "w"}}, content_type=MERGE))
        self.api.call("DELETE", f"{CONFIGMAPS}/a")
        self.api.turn()
        kinds = [kind for kind, _ in watch.seen]
        self.assertEqual(kinds, ["ADDED", "DELETED", "ADDED", "DELETED", "ADDED", "MODIFIED", "DELETED"])

    def test_initial_events_end_with_a_bookmark(self) -> None:
        """A streamed list ends with a marked bookmark of its version."""
        self.api.call("POST", CONFIGMAPS, configmap("a"))
        query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&resourceVersion=2"
        watch = self.api.watch(f"{CONFIGMAPS}?{query}")
        self.assertEqual([event["type"] for event in watch.events], ["ADDED", "BOOKMARK"])
        metadata = watch.events[1]["object"]["metadata"]
        self.assertEqual(metadata["annotations"], {"k8s.io/initial-events-end": "true"})
        self.assertEqual(metadata["resourceVersion"], str(self.api.store.version()))

    def test_too_old(self) -> None:
        """A version that the store no longer keeps is 410."""
        self.api = MemoryApi(store=lambda clock: MemoryObjectStore(clock, Limits(kept_versions=3)))
        for number in range(9):
            self.api.call("POST", CONFIGMAPS, configmap(f"c{number}"))
            self.api.clock.advance(0)
        watch = self.api.watch(f"{CONFIGMAPS}?watch=true&resourceVersion=1")
        self.assertEqual((watch.refused["code"], watch.refused["reason"]), (410, "Expired"))

    def test_refused(self) -> None:
        """A watch with a malformed version, selector or form is refused; one on what is not served too."""
        for uri, code in (
            (f"{CONFIGMAPS}?watch=true&resourceVersion=x", 400),
            (f"{CONFIGMAPS}?watch=true&labelSelector=(", 400),
            (f"{CONFIGMAPS}?watch=true&timeoutSeconds=-1", 400),
            ("/api/v1/nothings?watch=true", 404),
            ("/apis/ote-twisted.dev/v1alpha1/controllerstatuses?watch=true", 405),
        ):
            self.assertEqual(self.api.watch(uri).refused["code"], code, uri)
        self.assertEqual(self.api.watch(f"{CONFIGMAPS}?watch=true", accept="application/yaml").refused["code"], 406)

    def test_calls_with_one_answer_cannot_watch(self) -> None:
        """A watch asked through ``handle`` is 400."""
        self.refused(self.api.call("GET", f"{CONFIGMAPS}?watch=true"), 400, "BadRequest")

    def test_tables(self) -> None:
        """A watcher of tables gets a row per event."""
        watch = self.api.watch(f"{TASKS}?watch=true", accept=TABLE)
        self.api.call("POST", TASKS, task())
        self.api.turn()
        row = watch.events[0]["object"]["rows"][0]
        self.assertEqual(row["cells"][:4], ["t1", "c1", "GET", "/api/v1/nodes"])

    def test_encoded_once(self) -> None:
        """An event is encoded once for all watchers of one form."""
        watches = [self.api.watch(f"{CONFIGMAPS}?watch=true") for _ in range(50)]
        watches += [self.api.watch(f"{CONFIGMAPS}?watch=true&labelSelector=x") for _ in range(50)]
        before = self.api.engine.encoded_events
        self.api.call("POST", CONFIGMAPS, configmap("a", {"x": "1"}))
        self.api.turn()
        self.assertTrue(all(watch.seen == [("ADDED", "a")] for watch in watches))
        self.assertEqual(self.api.engine.encoded_events - before, 1)

    def test_stopped(self) -> None:
        """Nothing is delivered after a watch is stopped."""
        watch = self.api.watch(f"{CONFIGMAPS}?watch=true")
        assert watch.watch is not None
        self.api.call("POST", CONFIGMAPS, configmap("a"))
        watch.watch.stop()
        watch.watch.stop()
        self.api.turn()
        self.assertEqual(watch.seen, [])


class KeptWire:
    """A wire that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.over = ""

    def send(self, data: bytes) -> None:
        """Keep it."""
        self.sent.append(data)

    def finish(self) -> None:
        """Remember it."""
        self.over = "finished"

    def abort(self) -> None:
        """Remember it."""
        self.over = "aborted"


class StreamTests(SynchronousTestCase):
    """A watch on its connection."""

    def setUp(self) -> None:
        """A stream over a wire."""
        self.api = MemoryApi()
        self.wire = KeptWire()
        self.clock = Clock()
        self.ended: list[WatchStream] = []
        self.stream = WatchStream(self.wire, self.clock, 30.0, 100, self.ended.append)

    def begin(self, query: str = "") -> OpenWatch:
        """Begin a watch of ConfigMaps."""
        watch = self.api.watch(f"{CONFIGMAPS}?watch=true&{query}").watch
        assert watch is not None
        self.stream.begin(watch)
        return watch

    def test_lines_of_a_turn_are_one_write(self) -> None:
        """Lines delivered together are written together."""
        self.begin()
        self.stream.deliver([b"a\n", b"b\n"])
        self.assertEqual(self.wire.sent, [b"a\nb\n"])
        self.assertEqual(self.stream.lines, 2)

    def test_a_full_wire_is_waited_for(self) -> None:
        """While the wire is full lines wait, then leave in order."""
        self.begin()
        self.stream.pauseProducing()
        self.stream.deliver([b"a"])
        self.stream.deliver([b"b"])
        self.assertEqual(self.wire.sent, [])
        self.stream.resumeProducing()
        self.assertEqual(self.wire.sent, [b"ab"])

    def test_a_slow_watcher_is_cut_off(self) -> None:
        """A watcher that leaves too much unread loses its connection, and its watch ends."""
        watch = self.begin("timeoutSeconds=9&allowWatchBookmarks=true")
        self.stream.pauseProducing()
        self.stream.deliver([b"x" * 99])
        self.assertEqual(self.wire.over, "")
        self.stream.deliver([b"xx"])
        self.assertEqual((self.wire.over, self.stream.cut, self.ended), ("aborted", True, [self.stream]))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.stream.resumeProducing()
        self.stream.deliver([b"more"])
        self.assertEqual(self.wire.sent, [])
        watch.stop()

    def test_time_out(self) -> None:
        """A watch ends in good order when the time that its client named is over."""
        self.begin("timeoutSeconds=9")
        self.clock.advance(8.9)
        self.assertEqual(self.wire.over, "")
        self.clock.advance(0.1)
        self.assertEqual((self.wire.over, self.stream.cut, len(self.ended)), ("finished", False, 1))
        self.stream.end()
        self.assertEqual(len(self.ended), 1)

    def test_bookmarks(self) -> None:
        """Bookmarks come at their interval with a version that the watch has certainly passed."""
        before = self.api.store.version()
        self.begin("allowWatchBookmarks=true")
        self.api.call("POST", TASKS, task())
        after = self.api.store.version()
        self.clock.advance(30)
        self.clock.advance(30)
        self.assertEqual(len(self.wire.sent), 2)
        self.assertIn(b'"type":"BOOKMARK"', self.wire.sent[0])
        self.assertIn(b'"resourceVersion":"%d"' % before, self.wire.sent[0])
        self.assertIn(b'"resourceVersion":"%d"' % after, self.wire.sent[1])
        self.stream.lost()
        self.assertEqual(self.clock.getDelayedCalls(), [])
