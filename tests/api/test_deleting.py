"""Deletion through the engine."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from ote_twisted.api.engine import ApiEngine
from ote_twisted.declarations.load import load_kinds
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.testing.api import MemoryApi, outcome, request
from tests.api.samples import CONFIGMAPS, TASKS, configmap, task
from tests.api.test_objects import ApiTests

MERGE = "application/merge-patch+json"


class DeleteTests(ApiTests):
    """DELETE of one object."""

    def test_answers_with_a_status(self) -> None:
        """A deletion answers who was deleted, and the object is gone."""
        uid = self.ok(self.api.call("POST", TASKS, task()), 201)["metadata"]["uid"]
        status = self.ok(self.api.call("DELETE", f"{TASKS}/t1"))
        self.assertEqual((status["kind"], status["status"]), ("Status", "Success"))
        details = {"name": "t1", "group": "ote.baidu.com", "kind": "clustercontrollers", "uid": uid}
        self.assertEqual(status["details"], details)
        self.refused(self.api.call("GET", f"{TASKS}/t1"), 404, "NotFound")
        self.refused(self.api.call("DELETE", f"{TASKS}/t1"), 404, "NotFound")

    def test_preconditions(self) -> None:
        """A deletion that means another object or version is a conflict."""
        created = self.ok(self.api.call("POST", TASKS, task()), 201)["metadata"]
        for wanted in ({"uid": "another"}, {"resourceVersion": "1"}):
            self.refused(self.api.call("DELETE", f"{TASKS}/t1", {"preconditions": wanted}), 409, "Conflict")
        wanted = {"uid": created["uid"], "resourceVersion": created["resourceVersion"]}
        self.ok(self.api.call("DELETE", f"{TASKS}/t1", {"preconditions": wanted}))

    def test_dry_run(self) -> None:
        """A dry run deletes nothing, whether asked in the path or in the body."""
        self.api.call("POST", TASKS, task())
        self.ok(self.api.call("DELETE", f"{TASKS}/t1?dryRun=All"))
        self.ok(self.api.call("DELETE", f"{TASKS}/t1", {"dryRun": ["All"]}))
        self.ok(self.api.call("GET", f"{TASKS}/t1"))

    def test_finalizers_hold_an_object(self) -> None:
        """An object with finalizers is marked, takes no new ones, and goes with the last."""
        value = configmap()
        value["metadata"]["finalizers"] = ["a.b/c"]
        self.ok(self.api.call("POST", CONFIGMAPS, value), 201)
        marked = self.ok(self.api.call("DELETE", f"{CONFIGMAPS}/cm"))
        self.assertEqual(marked["metadata"]["deletionTimestamp"], "2027-01-15T08:00:00Z")
        self.assertEqual(self.ok(self.api.call("DELETE", f"{CONFIGMAPS}/cm")), marked)
        more: dict[str, Any] = {"metadata": {"finalizers": ["a.b/c", "d.e/f"]}}
        self.refused(self.api.call("PATCH", f"{CONFIGMAPS}/cm", more, content_type=MERGE), 422, "Invalid")
        none: dict[str, Any] = {"metadata": {"finalizers": None}}
        self.ok(self.api.call("PATCH", f"{CONFIGMAPS}/cm", none, content_type=MERGE))
        self.refused(self.api.call("GET", f"{CONFIGMAPS}/cm"), 404, "NotFound")

    def test_collection(self) -> None:
        """A collection's deletion removes what it selects and answers with it."""
        for name in ("a", "b", "c"):
            self.api.call("POST", CONFIGMAPS, configmap(name, {"x": name}))
        gone = self.ok(self.api.call("DELETE", f"{CONFIGMAPS}?labelSelector=x!%3Db"))
        self.assertEqual([item["metadata"]["name"] for item in gone["items"]], ["a", "c"])
        left = self.ok(self.api.call("GET", CONFIGMAPS))["items"]
        self.assertEqual([item["metadata"]["name"] for item in left], ["b"])
        self.ok(self.api.call("DELETE", f"{CONFIGMAPS}?dryRun=All"))
        self.assertEqual(len(self.ok(self.api.call("GET", CONFIGMAPS))["items"]), 1)


class NamespaceTests(ApiTests):
    """Namespaces."""

    def make(self, *finalizers: str) -> None:
        """A namespace with a ConfigMap and a task."""
        self.ok(self.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}}), 201)
        value = configmap()
        value["metadata"]["finalizers"] = list(finalizers)
        self.ok(self.api.call("POST", "/api/v1/namespaces/n/configmaps", value), 201)
        self.ok(self.api.call("POST", "/apis/ote.baidu.com/v1/namespaces/n/clustercontrollers", task()), 201)

    def test_two_are_always_there(self) -> None:
        """default and kube-system exist from the beginning and cannot be deleted."""
        names = [item["metadata"]["name"] for item in self.ok(self.api.call("GET", "/api/v1/namespaces"))["items"]]
        self.assertEqual(names, ["default", "kube-system"])
        for name in names:
            self.refused(self.api.call("DELETE", f"/api/v1/namespaces/{name}"), 403, "Forbidden")

    def test_active_with_its_name_as_label(self) -> None:
        """A new namespace is active and can be selected by its name."""
        self.make()
        found = self.ok(self.api.call("GET", "/api/v1/namespaces?labelSelector=kubernetes.io/metadata.name%3Dn"))
        self.assertEqual([item["status"]["phase"] for item in found["items"]], ["Active"])

    def test_deletion_removes_the_content(self) -> None:
        """A namespace goes with everything in it."""
        self.make()
        self.ok(self.api.call("DELETE", "/api/v1/namespaces/n"))
        self.refused(self.api.call("GET", "/api/v1/namespaces/n"), 404, "NotFound")
        self.assertEqual(self.ok(self.api.call("GET", "/api/v1/namespaces/n/configmaps"))["items"], [])
        self.refused(self.api.call("POST", "/api/v1/namespaces/n/configmaps", configmap("x")), 404, "NotFound")

    def test_deletion_waits_for_finalizers(self) -> None:
        """A namespace with held content is terminating, takes nothing new, and goes with the last finalizer."""
        self.make("a.b/c")
        marked = self.ok(self.api.call("DELETE", "/api/v1/namespaces/n"))
        self.assertEqual(marked["status"]["phase"], "Terminating")
        self.refused(self.api.call("POST", "/api/v1/namespaces/n/configmaps", configmap("x")), 403, "Forbidden")
        none: dict[str, Any] = {"metadata": {"finalizers": None}}
        self.ok(self.api.call("PATCH", "/api/v1/namespaces/n/configmaps/cm", none, content_type=MERGE))
        self.refused(self.api.call("GET", "/api/v1/namespaces/n"), 404, "NotFound")

    def test_a_stop_during_deletion(self) -> None:
        """A deletion that a stop interrupted is finished at the next start."""
        self.make("a.b/c")
        self.ok(self.api.call("DELETE", "/api/v1/namespaces/n"))
        assert isinstance(self.api.store, MemoryObjectStore)
        again = ApiEngine(self.api.store, load_kinds(), self.api.now)
        outcome(again.start())
        none: dict[str, Any] = {"metadata": {"finalizers": None}}
        patch = request("PATCH", "/api/v1/namespaces/n/configmaps/cm", none, content_type=MERGE)
        self.assertEqual(outcome(again.handle(patch)).code, 200)
        self.assertEqual(outcome(again.handle(request("GET", "/api/v1/namespaces/n"))).code, 404)

    def test_namespaces_made_by_others(self) -> None:
        """A namespace that another writer of the store made is known from the next turn on."""
        other = ApiEngine(self.api.store, load_kinds(), self.api.now)
        outcome(other.start())
        self.make()
        self.api.turn()
        answer = outcome(other.handle(request("POST", "/api/v1/namespaces/n/configmaps", configmap("x"))))
        self.assertEqual(answer.code, 201)
        self.ok(self.api.call("DELETE", "/api/v1/namespaces/n"))
        self.api.turn()
        answer = outcome(other.handle(request("POST", "/api/v1/namespaces/n/configmaps", configmap("y"))))
        self.assertEqual(answer.code, 404)

    def test_stop_leaves_nothing(self) -> None:
        """A stopped engine leaves nothing on the clock."""
        api = MemoryApi()
        api.turn()
        api.engine.stop()
        api.turn()
        self.assertIsInstance(api.clock, Clock)
        self.assertEqual(api.clock.getDelayedCalls(), [])
