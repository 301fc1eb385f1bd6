"""Tables, discovery, OpenAPI, computed resources."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ote_twisted.api.accept import PLAIN, negotiate
from ote_twisted.api.status import ApiError
from ote_twisted.api.tables import duration, parse_time
from ote_twisted.declarations.load import TREE, load_kinds
from ote_twisted.errors import NotFound
from ote_twisted.interfaces import IVirtualResource
from ote_twisted.storage.model import JSON
from ote_twisted.testing.api import MemoryApi
from tests.api.samples import TASKS, task
from tests.api.test_objects import ApiTests

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
REVIEWS = "/apis/ote-twisted.dev/v1alpha1/selectionreviews"
STATUSES = "/apis/ote-twisted.dev/v1alpha1/controllerstatuses"


class AcceptTests(SynchronousTestCase):
    """Which form a client gets."""

    def test_the_first_that_we_have(self) -> None:
        """The first form of a client's list that we have is taken."""
        self.assertEqual(negotiate(""), PLAIN)
        self.assertEqual(negotiate("*/*"), PLAIN)
        self.assertEqual(negotiate("text/html, application/json;q=0.5"), PLAIN)
        self.assertEqual(negotiate(TABLE).transform, "Table")
        self.assertEqual(negotiate("application/json;as=Table;v=v9,application/json"), PLAIN)
        self.assertTrue(negotiate("application/yaml").yaml)

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=60))
    def test_any_header_is_understood_or_refused(self, accept: str) -> None:
        """Any header gives a form or 406."""
        try:
            negotiate(accept)
        except ApiError as error:
            self.assertEqual(error.code, 406)


class TableTests(ApiTests):
    """Rows for people."""

    def test_ages(self) -> None:
        """Ages have the words of kubectl."""
        cases = {
            0: "0s",
            119: "119s",
            120: "2m",
            185: "3m5s",
            599: "9m59s",
            600: "10m",
            10_799: "179m",
            10_800: "3h",
            27_000: "7h30m",
            28_800: "8h",
            172_799: "47h",
            172_800: "2d",
            180_000: "2d2h",
            691_200: "8d",
            63_071_999: "729d",
            63_072_000: "2y",
            70_000_000: "2y80d",
            300_000_000: "9y",
            -1: "0s",
            -2: "<invalid>",
        }
        for seconds, text in cases.items():
            self.assertEqual(duration(seconds), text, seconds)

    def test_times(self) -> None:
        """Times are read with and without fractions; other text is no time."""
        self.assertEqual(parse_time("1970-01-01T00:00:05Z"), 5)
        self.assertEqual(parse_time("1970-01-01T01:00:05.123456789+01:00"), 5)
        self.assertIsNone(parse_time("yesterday"))

    def test_columns_and_cells(self) -> None:
        """A table has the manifest's columns, a row per object, and the object's metadata in each."""
        self.api.call("POST", TASKS, task())
        self.api.clock.advance(125)
        table = self.ok(self.api.call("GET", TASKS, accept=TABLE))
        self.assertEqual((table["kind"], table["apiVersion"]), ("Table", "meta.k8s.io/v1"))
        names = [column["name"] for column in table["columnDefinitions"]]
        self.assertEqual(names[:6], ["Name", "Selector", "Method", "URL", "Done", "Complete"])
        row = dict(zip(names, table["rows"][0]["cells"], strict=True))
        self.assertEqual((row["Name"], row["Method"], row["Age"], row["Done"]), ("t1", "GET", "2m5s", None))
        self.assertEqual(table["rows"][0]["object"]["kind"], "PartialObjectMetadata")

    def test_included_object(self) -> None:
        """Rows carry the whole object or nothing when asked."""
        self.api.call("POST", TASKS, task())
        whole = self.ok(self.api.call("GET", f"{TASKS}/t1?includeObject=Object", accept=TABLE))
        self.assertEqual(whole["rows"][0]["object"]["spec"]["url"], "/api/v1/nodes")
        bare = self.ok(self.api.call("GET", f"{TASKS}?includeObject=None", accept=TABLE))
        self.assertNotIn("object", bare["rows"][0])


class DiscoveryTests(ApiTests):
    """What is served, told to clients."""

    def test_groups(self) -> None:
        """Groups and versions are listed, one by one and together."""
        groups = self.ok(self.api.call("GET", "/apis"))["groups"]
        self.assertIn("ote.baidu.com", [group["name"] for group in groups])
        self.assertEqual(self.ok(self.api.call("GET", "/api"))["versions"], ["v1"])
        group = self.ok(self.api.call("GET", "/apis/ote.baidu.com"))
        self.assertEqual(group["preferredVersion"], {"groupVersion": "ote.baidu.com/v1", "version": "v1"})
        self.assertIn("/apis/ote.baidu.com/v1", self.ok(self.api.call("GET", "/"))["paths"])

    def test_resources(self) -> None:
        """Resources are listed with scope, verbs, short names and subresources."""
        found = {entry["name"]: entry for entry in self.ok(self.api.call("GET", "/apis/ote.baidu.com/v1"))["resources"]}
        tasks = found["clustercontrollers"]
        self.assertEqual((tasks["namespaced"], tasks["kind"]), (True, "ClusterController"))
        self.assertIn("watch", tasks["verbs"])
        self.assertEqual(found["clustercontrollers/status"]["verbs"], ["get", "patch", "update"])
        self.assertEqual(found["clustercontrollers/results"]["kind"], "ClusterControllerResult")

    def test_aggregated(self) -> None:
        """One document holds everything for clients that take it."""
        answer = self.api.call("GET", "/apis", accept=AGGREGATED)
        self.assertEqual(self.ok(answer)["kind"], "APIGroupDiscoveryList")
        names = {item["metadata"]["name"] for item in answer.value["items"]}
        self.assertTrue({"apps", "ote.baidu.com", "ote-twisted.dev"} <= names)
        core = self.ok(self.api.call("GET", "/api", accept=AGGREGATED))["items"]
        resources = [entry["resource"] for entry in core[0]["versions"][0]["resources"]]
        self.assertIn("configmaps", resources)

    def test_only_what_was_given(self) -> None:
        """An engine without the kinds of a cluster serves none of them."""
        self.api = MemoryApi(load_kinds(TREE))
        self.refused(self.api.call("GET", "/api/v1/namespaces/default/configmaps"), 404, "NotFound")
        self.assertEqual(self.api.call("GET", "/apis/apps/v1").code, 404)
        self.ok(self.api.call("GET", TASKS))

    def test_kinds_may_come_and_go(self) -> None:
        """A kind added to the catalogue is served from then on, and no more once removed."""
        api = MemoryApi(load_kinds(TREE))
        kind = next(kind for kind in load_kinds() if kind.kind == "ConfigMap")
        before = api.call("GET", "/openapi/v3").value["paths"]["api/v1"]
        api.engine.catalogue.add(kind)
        self.assertEqual(api.call("GET", "/api/v1/namespaces/default/configmaps").code, 200)
        self.assertNotEqual(api.call("GET", "/openapi/v3").value["paths"]["api/v1"], before)
        api.engine.catalogue.remove(kind)
        self.assertEqual(api.call("GET", "/api/v1/namespaces/default/configmaps").code, 404)

    def test_version(self) -> None:
        """The version is the API's, ours is its build part."""
        version = self.ok(self.api.call("GET", "/version"))
        self.assertEqual((version["major"], version["gitVersion"]), ("1", "v1.37.0+ote-twisted.1.2.3"))


class OpenApiTests(ApiTests):
    """OpenAPI v3."""

    def test_every_document_can_be_had(self) -> None:
        """Each document of the index is there, under its digest, and is not sent twice to who has it."""
        index = self.ok(self.api.call("GET", "/openapi/v3"))["paths"]
        self.assertIn("apis/ote.baidu.com/v1", index)
        for entry in index.values():
            answer = self.api.call("GET", entry["serverRelativeURL"])
            self.assertEqual(self.ok(answer)["openapi"], "3.0.0")
            again = self.api.call("GET", entry["serverRelativeURL"], if_none_match=answer.headers["etag"])
            self.assertEqual((again.code, again.value), (304, None))

    def test_references_resolve(self) -> None:
        """Every reference in a document is to a schema in it."""
        document = self.ok(self.api.call("GET", "/openapi/v3/api/v1"))
        schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        self.assertTrue(set(_references(document)) <= schemas)

    def test_patches_can_be_validated(self) -> None:
        """PATCH has the parameter by which kubectl knows that the server validates fields."""
        paths = self.ok(self.api.call("GET", "/openapi/v3/apis/ote.baidu.com/v1"))["paths"]
        patch = paths["/apis/ote.baidu.com/v1/namespaces/{namespace}/clusters/{name}"]["patch"]
        self.assertIn("fieldValidation", [parameter["name"] for parameter in patch["parameters"]])
        self.assertEqual(patch["x-kubernetes-group-version-kind"]["kind"], "Cluster")


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in _references(part)]
    return [found for part in value for found in _references(part)] if isinstance(value, list) else []


@implementer(IVirtualResource)
class Computed:
    """A virtual resource with one object, that answers reviews."""

    def list_objects(self) -> Deferred[list[JSON]]:
        """The one."""
        return succeed([{"metadata": {"name": "root"}, "status": {"parent": "", "path": ["root"]}}])

    def get_object(self, name: str) -> Deferred[JSON]:
        """The one."""
        return succeed({"metadata": {"name": name}}) if name == "root" else fail(NotFound("only root"))

    def create_object(self, value: JSON) -> Deferred[JSON]:
        """Its selector is valid."""
        return succeed({**value, "status": {"valid": True, "count": len(value["spec"]["selector"])}})


class ComputedTests(ApiTests):
    """Objects that are computed."""

    def setUp(self) -> None:
        """With both virtual resources and a list of results."""
        self.asked: list[tuple[str, str, int | None, str | None]] = []
        virtual = {name: Computed() for name in ("selectionreviews.ote-twisted.dev", "controllerstatuses.ote-twisted.dev")}

        def results(namespace: str, name: str, limit: int | None, token: str | None) -> Deferred[JSON]:
            self.asked.append((namespace, name, limit, token))
            return succeed({"kind": "ClusterControllerResultList", "items": []}) if name == "t1" else fail(NotFound("none"))

        self.api = MemoryApi(virtual=virtual, subresources={("clustercontrollers.ote.baidu.com", "results"): results})

    def test_reviews(self) -> None:
        """A review is answered with its status and kept nowhere."""
        review = self.ok(self.api.call("POST", REVIEWS, {"spec": {"selector": "abc"}, "status": {"count": 9}}), 201)
        self.assertEqual((review["kind"], review["status"]), ("SelectionReview", {"valid": True, "count": 3}))
        self.assertEqual(self.api.store.version(), 3)

    def test_reviews_are_validated(self) -> None:
        """A review without its selector is refused by its schema."""
        self.refused(self.api.call("POST", REVIEWS, {"spec": {}}), 422, "Invalid")
        odd = {"spec": {"selector": "", "x": 1}}
        self.refused(self.api.call("POST", f"{REVIEWS}?fieldValidation=Strict", odd), 400, "BadRequest")

    def test_statuses(self) -> None:
        """A computed object is got, listed and shown as a table."""
        self.assertEqual(self.ok(self.api.call("GET", f"{STATUSES}/root"))["kind"], "ControllerStatus")
        self.refused(self.api.call("GET", f"{STATUSES}/other"), 404, "NotFound")
        self.assertEqual(len(self.ok(self.api.call("GET", STATUSES))["items"]), 1)
        self.assertEqual(self.ok(self.api.call("GET", f"{STATUSES}?fieldSelector=metadata.name=x"))["items"], [])
        row = self.ok(self.api.call("GET", STATUSES, accept=TABLE))["rows"][0]["cells"]
        self.assertEqual(row[:3], ["root", "", '["root"]'])

    def test_results(self) -> None:
        """A subresource is answered by its provider, which gets namespace, name and page."""
        self.ok(self.api.call("GET", f"{TASKS}/t1/results?limit=5&continue=abc"))
        self.refused(self.api.call("GET", f"{TASKS}/t2/results"), 404, "NotFound")
        self.assertEqual(self.asked, [("kube-system", "t1", 5, "abc"), ("kube-system", "t2", None, None)])

    def test_nobody_provides(self) -> None:
        """Declared resources that nobody computes are not there."""
        api = MemoryApi()
        self.assertEqual(api.call("GET", STATUSES).code, 404)
        self.assertEqual(api.call("GET", f"{TASKS}/t1/results").code, 404)
