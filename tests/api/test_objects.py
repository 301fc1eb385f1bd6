"""Objects through the engine: create, read, change."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.api import engine
from ote_twisted.api.status import Cause
from ote_twisted.errors import Conflict, StoreUnavailable
from ote_twisted.interfaces import IApiServer
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON, Key, ResourceVersion, StoredObject
from ote_twisted.testing.api import Answered, MemoryApi, outcome
from tests.api.samples import CONFIGMAPS, TASK_SPEC, TASKS, configmap, deployment, task

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


class ApiTests(SynchronousTestCase):
    """A memory API per test."""

    def setUp(self) -> None:
        """Start it."""
        self.api = MemoryApi()

    def ok(self, answer: Answered, code: int = 200) -> Any:
        """The value of an answer with this code."""
        self.assertEqual(answer.code, code, answer.value)
        return answer.value

    def refused(self, answer: Answered, code: int, reason: str) -> dict[str, Any]:
        """The Status of a refusal."""
        status: dict[str, Any] = answer.value
        self.assertEqual((answer.code, status.get("kind"), status.get("reason")), (code, "Status", reason), status)
        self.assertEqual(status["code"], code)
        self.assertEqual(status["status"], "Failure")
        return status


class CreateTests(ApiTests):
    """POST."""

    def test_engine_provides_its_interface(self) -> None:
        """The engine is an IApiServer."""
        verifyObject(IApiServer, self.api.engine)

    def test_server_sets_metadata(self) -> None:
        """A new object has uid, creation time, generation and version; what the client wrote there is ignored."""
        sent = task()
        sent["metadata"] |= {"uid": "mine", "generation": 7, "creationTimestamp": "2000-01-01T00:00:00Z"}
        metadata = self.ok(self.api.call("POST", TASKS, sent), 201)["metadata"]
        self.assertEqual(metadata["generation"], 1)
        self.assertEqual(metadata["creationTimestamp"], "2027-01-15T08:00:00Z")
        self.assertEqual(len(metadata["uid"]), 36)
        self.assertEqual(metadata["namespace"], "kube-system")
        self.assertEqual(metadata["resourceVersion"], str(self.api.store.version()))

    def test_read_back(self) -> None:
        """What was created is read as the creation answered it."""
        created = self.ok(self.api.call("POST", TASKS, task()), 201)
        self.assertEqual(self.ok(self.api.call("GET", f"{TASKS}/t1")), created)
        self.assertEqual(created["spec"], TASK_SPEC)

    def test_kind_may_be_left_out(self) -> None:
        """The path says version and kind, so the body need not."""
        created = self.ok(self.api.call("POST", CONFIGMAPS, {"metadata": {"name": "x"}}), 201)
        self.assertEqual((created["apiVersion"], created["kind"]), ("v1", "ConfigMap"))

    def test_another_kind_is_refused(self) -> None:
        """A body of another kind or version than the path's is refused."""
        self.refused(self.api.call("POST", CONFIGMAPS, task()), 400, "BadRequest")
        self.refused(self.api.call("POST", CONFIGMAPS, configmap() | {"kind": "Secret"}), 400, "BadRequest")

    def test_another_namespace_is_refused(self) -> None:
        """A body of another namespace than the path's is refused."""
        value = configmap()
        value["metadata"]["namespace"] = "kube-system"
        status = self.refused(self.api.call("POST", CONFIGMAPS, value), 400, "BadRequest")
        self.assertIn("does not match the namespace", status["message"])

    def test_generate_name(self) -> None:
        """A generated name is the prefix and five letters, another one each time."""
        value = {"metadata": {"generateName": "run-"}}
        names = {self.ok(self.api.call("POST", CONFIGMAPS, value), 201)["metadata"]["name"] for _ in range(3)}
        self.assertEqual(len(names), 3)
        for name in names:
            self.assertRegex(name, r"\Arun-[a-z0-9]{5}\Z")

    def test_generated_name_that_is_taken(self) -> None:
        """A made-up name that somebody has is made up anew, also among very many objects; not for ever, though."""
        suffixes = iter(["aaaaa", "aaaaa", "bbbbb"])
        self.patch(engine, "_suffix", lambda: next(suffixes, "aaaaa"))
        value = {"metadata": {"generateName": "run-"}}
        names = [self.ok(self.api.call("POST", CONFIGMAPS, value), 201)["metadata"]["name"] for _ in range(2)]
        self.assertEqual(names, ["run-aaaaa", "run-bbbbb"])
        self.refused(self.api.call("POST", CONFIGMAPS, value), 409, "AlreadyExists")

    def test_taken_name(self) -> None:
        """A second object of the same name gets AlreadyExists with the details."""
        self.api.call("POST", TASKS, task())
        status = self.refused(self.api.call("POST", TASKS, task()), 409, "AlreadyExists")
        self.assertEqual(status["message"], 'clustercontrollers.ote.baidu.com "t1" already exists')
        self.assertEqual(status["details"], {"name": "t1", "group": "ote.baidu.com", "kind": "clustercontrollers"})

    def test_missing_namespace(self) -> None:
        """Nothing is created in a namespace that does not exist."""
        status = self.refused(self.api.call("POST", "/api/v1/namespaces/nowhere/configmaps", configmap()), 404, "NotFound")
        self.assertEqual(status["message"], 'namespaces "nowhere" not found')

    def test_status_is_not_created(self) -> None:
        """A status in a new object is dropped: it has a resource of its own."""
        created = self.ok(self.api.call("POST", TASKS, task() | {"status": {"selected": 5}}), 201)
        self.assertNotIn("status", created)

    def test_version_in_a_new_object_is_refused(self) -> None:
        """A new object cannot have a resource version."""
        value = configmap()
        value["metadata"]["resourceVersion"] = "5"
        self.refused(self.api.call("POST", CONFIGMAPS, value), 400, "BadRequest")

    def test_defaults(self) -> None:
        """Fields with defaults are filled in."""
        created = self.ok(self.api.call("POST", DEPLOYMENTS, deployment()), 201)
        self.assertEqual(created["spec"]["replicas"], 1)

    def test_secret_texts_become_data(self) -> None:
        """A secret's ``stringData`` is kept as base64 in ``data``."""
        value = {"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "secret"}}
        created = self.ok(self.api.call("POST", "/api/v1/namespaces/default/secrets", value), 201)
        self.assertEqual(created["data"], {"a": "eA==", "b": base64.b64encode(b"secret").decode()})
        self.assertNotIn("stringData", created)
        self.assertEqual(created["type"], "Opaque")

    def test_dry_run(self) -> None:
        """A dry run answers as if, and changes nothing."""
        self.ok(self.api.call("POST", f"{CONFIGMAPS}?dryRun=All", configmap()), 201)
        self.refused(self.api.call("GET", f"{CONFIGMAPS}/cm"), 404, "NotFound")
        self.ok(self.api.call("POST", CONFIGMAPS, configmap()), 201)
        self.refused(self.api.call("POST", f"{CONFIGMAPS}?dryRun=All", configmap()), 409, "AlreadyExists")
        self.refused(self.api.call("POST", f"{CONFIGMAPS}?dryRun=Some", configmap()), 400, "BadRequest")

    def test_yaml(self) -> None:
        """YAML is taken, and given to who asks for it."""
        body = b"metadata: {name: y}\ndata: {k: v}\n"
        answer = self.api.call("POST", CONFIGMAPS, body, content_type="application/yaml", accept="application/yaml")
        self.assertEqual(answer.code, 201)
        self.assertIn(b"kind: ConfigMap\n", answer.value)


class ValidationTests(ApiTests):
    """Faults of objects."""

    def causes(self, value: dict[str, Any], path: str = TASKS) -> list[tuple[str, str]]:
        """Field and reason of each cause."""
        status = self.refused(self.api.call("POST", path, value), 422, "Invalid")
        return [(cause["field"], cause["reason"]) for cause in status["details"]["causes"]]

    def test_wrong_types_name_the_field(self) -> None:
        """A wrong type is told with the field's path and both types."""
        status = self.refused(self.api.call("POST", TASKS, task(url=5)), 422, "Invalid")
        self.assertEqual(
            status["message"],
            'ClusterController.ote.baidu.com "t1" is invalid: spec.url: Invalid value: "integer": '
            'spec.url in body must be of type string: "integer"',
        )
        self.assertEqual(status["details"]["causes"][0]["reason"], "FieldValueTypeInvalid")

    def test_every_fault_is_told(self) -> None:
        """All faults come in one answer, in order of fields."""
        found = self.causes(task(url=5, deadlineSeconds=0, method=["GET"]))
        self.assertEqual([field for field, _ in found], ["spec.deadlineSeconds", "spec.method", "spec.url"])

    def test_required(self) -> None:
        """A missing field is told by its own path."""
        value = deployment()
        del value["spec"]["selector"]
        del value["spec"]["template"]["spec"]["containers"][0]["name"]
        found = self.causes(value, DEPLOYMENTS)
        self.assertIn(("spec.selector", "FieldValueRequired"), found)
        self.assertIn(("spec.template.spec.containers[0].name", "FieldValueRequired"), found)

    def test_enums(self) -> None:
        """A word that is not supported is told with those that are."""
        value = {"metadata": {"name": "s"}, "spec": {"type": "Nope"}}
        status = self.refused(self.api.call("POST", "/api/v1/namespaces/default/services", value), 422, "Invalid")
        cause = status["details"]["causes"][0]
        self.assertEqual(cause["reason"], "FieldValueNotSupported")
        self.assertIn('"ClusterIP", "NodePort"', cause["message"])

    def test_int32(self) -> None:
        """Numbers are held to their format."""
        value = deployment()
        value["spec"]["replicas"] = 2**40
        self.assertEqual(self.causes(value, DEPLOYMENTS), [("spec.replicas", "FieldValueInvalid")])

    def test_names(self) -> None:
        """Names out of grammar are refused, each kind by its own grammar."""
        for name in ("", "A", "a_b", "-a", "a" * 254, "a..b", "a/b", "ä"):
            self.assertEqual(self.causes(task(name))[0][0], "metadata.name", name)
        self.assertEqual(self.causes(task(5))[0], ("metadata.name", "FieldValueTypeInvalid"))  # type: ignore[arg-type]
        namespace = {"metadata": {"name": "a.b"}}
        self.assertEqual(self.causes(namespace, "/api/v1/namespaces"), [("metadata.name", "FieldValueInvalid")])
        role = {"metadata": {"name": "system:node"}}
        self.ok(self.api.call("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", role), 201)

    def test_labels_and_annotations(self) -> None:
        """Labels and annotations out of grammar are refused."""
        for labels in ({"a b": "c"}, {"a": "b c"}, {"a/b/c": "d"}, {"a": "x" * 64}, {"": "x"}):
            self.assertEqual(self.causes(configmap(labels=labels), CONFIGMAPS), [("metadata.labels", "FieldValueInvalid")])
        value = configmap()
        value["metadata"]["annotations"] = {"a": "x" * 300_000}
        self.assertEqual(self.causes(value, CONFIGMAPS), [("metadata.annotations", "FieldValueTooLong")])
        value["metadata"]["annotations"] = {"a": 5}
        self.assertEqual(self.causes(value, CONFIGMAPS), [("metadata.annotations.a", "FieldValueTypeInvalid")])

    def test_metadata_that_is_none(self) -> None:
        """Metadata of another type is refused."""
        bad: tuple[Any, ...] = ([], "x", 5, None)
        for metadata in bad:
            self.refused(self.api.call("POST", CONFIGMAPS, {"metadata": metadata}), 400, "BadRequest")

    def test_admission_checks(self) -> None:
        """A check of ours adds its causes after the schema's, and sees old and new."""
        seen: list[tuple[JSON, JSON | None]] = []

        def check(new: JSON, old: JSON | None) -> list[Cause]:
            seen.append((new, old))
            bad = new["spec"]["clusterSelector"] == "("
            return [Cause("spec.clusterSelector", "FieldValueInvalid", "column 1: no")] if bad else []

        self.api = MemoryApi(admission={"clustercontrollers.ote.baidu.com": check})
        self.assertEqual(self.causes(task(clusterSelector="(")), [("spec.clusterSelector", "FieldValueInvalid")])
        self.ok(self.api.call("POST", TASKS, task()), 201)
        self.api.call("PATCH", f"{TASKS}/t1", {"spec": {"url": "/x"}}, content_type="application/merge-patch+json")
        new, old = seen[-1]
        self.assertEqual((new["spec"]["url"], old and old["spec"]["url"]), ("/x", "/api/v1/nodes"))


class UnknownFieldTests(ApiTests):
    """Fields that a kind does not know."""

    def test_pruned_with_a_warning(self) -> None:
        """They are removed, and the client is warned of each."""
        answer = self.api.call("POST", TASKS, task(colour="red"))
        self.assertNotIn("colour", self.ok(answer, 201)["spec"])
        self.assertEqual(answer.headers["warning"], '299 - "unknown field \\"spec.colour\\""')

    def test_ignored(self) -> None:
        """They are removed silently when asked."""
        answer = self.api.call("POST", f"{TASKS}?fieldValidation=Ignore", task(colour="red"))
        self.assertNotIn("colour", self.ok(answer, 201)["spec"])
        self.assertNotIn("warning", answer.headers)

    def test_strict(self) -> None:
        """They are refused when asked."""
        status = self.refused(self.api.call("POST", f"{TASKS}?fieldValidation=Strict", task(colour="red")), 400, "BadRequest")
        self.assertEqual(status["message"], 'strict decoding error: unknown field "spec.colour"')
        self.refused(self.api.call("POST", f"{TASKS}?fieldValidation=Odd", task()), 400, "BadRequest")

    def test_warnings_carry_no_line_breaks(self) -> None:
        """A field's name cannot break out of the header."""
        answer = self.api.call("POST", TASKS, task("t1", **{"a\r\nx: y": "1"}))
        self.assertNotIn("\r", answer.headers["warning"])
        self.assertNotIn("\n", answer.headers["warning"])

    def test_open_parts_keep_everything(self) -> None:
        """Where a schema preserves unknown fields they stay."""
        value = deployment()
        value["spec"]["template"]["spec"]["whatever"] = {"deep": [1]}
        created = self.ok(self.api.call("POST", DEPLOYMENTS, value), 201)
        self.assertEqual(created["spec"]["template"]["spec"]["whatever"], {"deep": [1]})


class UpdateTests(ApiTests):
    """PUT and PATCH."""

    def setUp(self) -> None:
        """With one task."""
        super().setUp()
        self.created = self.ok(self.api.call("POST", TASKS, task()), 201)

    def patch(self, body: Any, kind: str = "merge", path: str = f"{TASKS}/t1") -> Answered:
        """Send a patch."""
        return self.api.call("PATCH", path, body, content_type=f"application/{kind}-patch+json")

    def test_a_new_spec_is_a_new_generation(self) -> None:
        """A changed spec raises the generation, a changed label does not."""
        changed = self.ok(self.api.call("PUT", f"{TASKS}/t1", self.created | {"spec": {**TASK_SPEC, "url": "/b"}}))
        self.assertEqual(changed["metadata"]["generation"], 2)
        labelled = self.ok(self.patch({"metadata": {"labels": {"a": "b"}}}))
        self.assertEqual(labelled["metadata"]["generation"], 2)
        self.assertEqual(labelled["metadata"]["uid"], self.created["metadata"]["uid"])
        self.assertEqual(labelled["metadata"]["creationTimestamp"], self.created["metadata"]["creationTimestamp"])

    def test_nothing_changed_writes_nothing(self) -> None:
        """A write without a change keeps the version."""
        for answer in (self.api.call("PUT", f"{TASKS}/t1", self.created), self.patch({"spec": TASK_SPEC})):
            self.assertEqual(self.ok(answer), self.created)

    def test_stale_version(self) -> None:
        """A writer who saw an older version gets a conflict."""
        self.patch({"spec": {"url": "/b"}})
        status = self.refused(self.api.call("PUT", f"{TASKS}/t1", self.created), 409, "Conflict")
        self.assertIn("the object has been modified", status["message"])
        stale = {"metadata": {"resourceVersion": self.created["metadata"]["resourceVersion"]}, "spec": {"url": "/c"}}
        self.refused(self.patch(stale), 409, "Conflict")

    def test_no_version_is_unconditional(self) -> None:
        """A writer who says no version replaces whatever is there."""
        self.patch({"spec": {"url": "/b"}})
        self.assertEqual(self.ok(self.api.call("PUT", f"{TASKS}/t1", task()))["spec"], TASK_SPEC)

    def test_malformed_version(self) -> None:
        """A version that is none is refused."""
        self.refused(self.patch({"metadata": {"resourceVersion": "x"}}), 422, "Invalid")

    def test_another_uid(self) -> None:
        """A writer who means an earlier object of the name gets a conflict."""
        value = task()
        value["metadata"]["uid"] = "another"
        self.refused(self.api.call("PUT", f"{TASKS}/t1", value), 409, "Conflict")

    def test_another_name(self) -> None:
        """The name in the body must be the path's."""
        self.refused(self.api.call("PUT", f"{TASKS}/t1", task("t2")), 400, "BadRequest")
        self.refused(self.patch({"metadata": {"name": "t2"}}), 400, "BadRequest")

    def test_absent(self) -> None:
        """What does not exist cannot be changed."""
        self.refused(self.api.call("PUT", f"{TASKS}/t9", task("t9")), 404, "NotFound")
        self.refused(self.patch({}, path=f"{TASKS}/t9"), 404, "NotFound")

    def test_status_and_spec_apart(self) -> None:
        """A write to status changes only the status, a write to the object everything but the status."""
        both = self.created | {"status": {"selected": 3}, "spec": {**TASK_SPEC, "url": "/b"}}
        answered = self.ok(self.api.call("PUT", f"{TASKS}/t1/status", both))
        self.assertEqual((answered["spec"], answered["status"]), (TASK_SPEC, {"selected": 3}))
        self.assertEqual(answered["metadata"]["generation"], 1)
        other = self.ok(self.patch({"spec": {"url": "/c"}, "status": {"selected": 9}}))
        self.assertEqual((other["spec"]["url"], other["status"]), ("/c", {"selected": 3}))
        patched = self.ok(self.patch({"status": {"failed": 1}}, path=f"{TASKS}/t1/status"))
        self.assertEqual(patched["status"], {"selected": 3, "failed": 1})
        self.assertEqual(self.ok(self.api.call("GET", f"{TASKS}/t1/status")), patched)

    def test_json_patch(self) -> None:
        """RFC 6902 patches are applied, a failing test is 422, what is no patch 400."""
        replace = [{"op": "replace", "path": "/spec/url", "value": "/j"}]
        self.assertEqual(self.ok(self.patch(replace, "json"))["spec"]["url"], "/j")
        self.refused(self.patch([{"op": "test", "path": "/spec/url", "value": "/no"}], "json"), 422, "Invalid")
        self.refused(self.patch([{"op": "remove", "path": "/none"}], "json"), 422, "Invalid")
        bad: tuple[Any, ...] = ({}, [1], [{"op": "odd", "path": "/"}], [{"path": "/spec"}], [{"op": "add"}], "x", None)
        for malformed in bad:
            self.assertIn(self.patch(malformed, "json").code, (400, 422), malformed)

    def test_patch_that_leaves_no_object(self) -> None:
        """A patch that replaces the object by something else is refused."""
        self.refused(self.patch([{"op": "replace", "path": "", "value": 5}], "json"), 422, "Invalid")
        self.refused(self.patch([1], "merge"), 400, "BadRequest")

    def test_types_of_patches(self) -> None:
        """Custom kinds take no strategic patch, and nobody a server-side apply yet; both get 415 with what is taken."""
        self.assertIn("merge-patch", self.refused(self.patch({}, "strategic-merge"), 415, "UnsupportedMediaType")["message"])
        answer = self.api.call("PATCH", f"{TASKS}/t1", b"{}", content_type="application/apply-patch+yaml")
        self.assertIn("server-side apply", self.refused(answer, 415, "UnsupportedMediaType")["message"])
        self.refused(self.patch({}, "odd"), 415, "UnsupportedMediaType")

    def test_strategic_patch_of_builtin(self) -> None:
        """Built-in kinds take strategic patches, which merge lists by their items' names."""
        self.ok(self.api.call("POST", DEPLOYMENTS, deployment()), 201)
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "b"}, {"name": "d", "image": "x"}]}}}}
        changed = self.ok(self.patch(patch, "strategic-merge", f"{DEPLOYMENTS}/web"))
        containers = changed["spec"]["template"]["spec"]["containers"]
        self.assertEqual([(c["name"], c["image"]) for c in containers], [("c", "b"), ("d", "x")])

    def test_dry_run(self) -> None:
        """A dry run shows the change and keeps the object."""
        shown = self.ok(self.patch({"spec": {"url": "/b"}}, path=f"{TASKS}/t1?dryRun=All"))
        self.assertEqual((shown["spec"]["url"], shown["metadata"]["generation"]), ("/b", 2))
        self.assertEqual(self.ok(self.api.call("GET", f"{TASKS}/t1")), self.created)


class ContendedStore(MemoryObjectStore):
    """A store in which others write first, a number of times."""

    rivals = 0

    def update(self, key: Key, value: JSON, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """Fails while there are rivals."""
        if self.rivals:
            self.rivals -= 1
            return fail(Conflict("another was first"))
        return super().update(key, value, expected)


class FullStore(MemoryObjectStore):
    """A store whose disk is full once told so."""

    full = False

    def create(self, key: Key, value: JSON) -> Deferred[StoredObject]:
        """Fails when full."""
        return fail(StoreUnavailable("the disk is full")) if self.full else super().create(key, value)


class StoreFailureTests(ApiTests):
    """What the store refuses."""

    def contended(self, rivals: int) -> Answered:
        """A patch while others write."""
        stores: list[ContendedStore] = []

        def make(clock: Clock) -> ContendedStore:
            stores.append(ContendedStore(clock))
            return stores[0]

        self.api = MemoryApi(store=make)
        self.api.call("POST", CONFIGMAPS, configmap())
        stores[0].rivals = rivals
        return self.api.call("PATCH", f"{CONFIGMAPS}/cm", {"data": {"a": "b"}}, content_type="application/merge-patch+json")

    def test_a_patch_is_tried_again(self) -> None:
        """A patch that loses a race is applied to the newer object."""
        self.assertEqual(self.ok(self.contended(2))["data"], {"a": "b"})

    def test_not_for_ever(self) -> None:
        """A patch that always loses gets a conflict."""
        self.refused(self.contended(100), 409, "Conflict")

    def test_full_disk(self) -> None:
        """A store that cannot write is told as 507, and reads go on."""
        stores: list[FullStore] = []

        def make(clock: Clock) -> FullStore:
            stores.append(FullStore(clock))
            return stores[0]

        self.api = MemoryApi(store=make)
        stores[0].full = True
        status = self.refused(self.api.call("POST", CONFIGMAPS, configmap()), 507, "InsufficientStorage")
        self.assertIn("disk is full", status["message"])
        self.ok(self.api.call("GET", CONFIGMAPS))
        self.assertEqual(self.api.engine.failed, 1)


class ListTests(ApiTests):
    """GET of collections."""

    def setUp(self) -> None:
        """With five ConfigMaps in two namespaces."""
        super().setUp()
        for number in range(4):
            labels = {"n": str(number), "even": str(number % 2 == 0).lower()}
            self.api.call("POST", CONFIGMAPS, configmap(f"c{number}", labels))
        self.api.call("POST", "/api/v1/namespaces/kube-system/configmaps", configmap("c0"))

    def names(self, query: str = "", path: str = CONFIGMAPS) -> list[str]:
        """Names in a list."""
        return [item["metadata"]["name"] for item in self.ok(self.api.call("GET", f"{path}?{query}"))["items"]]

    def test_shape(self) -> None:
        """A list has its kind and the store's version."""
        found = self.ok(self.api.call("GET", CONFIGMAPS))
        self.assertEqual((found["apiVersion"], found["kind"]), ("v1", "ConfigMapList"))
        self.assertEqual(found["metadata"], {"resourceVersion": str(self.api.store.version())})

    def test_namespaces(self) -> None:
        """A list is of one namespace, or of all."""
        self.assertEqual(self.names(), ["c0", "c1", "c2", "c3"])
        self.assertEqual(self.names(path="/api/v1/configmaps"), ["c0", "c1", "c2", "c3", "c0"])
        self.assertEqual(self.names(path="/api/v1/namespaces/nowhere/configmaps"), [])

    def test_label_selectors(self) -> None:
        """All operators of label selectors."""
        cases = {
            "n=1": ["c1"],
            "n==1": ["c1"],
            "n!=1": ["c0", "c2", "c3"],
            "n in (1, 3)": ["c1", "c3"],
            "n notin (1,3),even": ["c0", "c2"],
            "even=true,n!=0": ["c2"],
            "!n": [],
            "n": ["c0", "c1", "c2", "c3"],
            "n=9": [],
            "": ["c0", "c1", "c2", "c3"],
        }
        for selector, names in cases.items():
            encoded = selector.replace(" ", "%20").replace("=", "%3D").replace("!", "%21")
            self.assertEqual(self.names(f"labelSelector={encoded}"), names, selector)

    def test_malformed_label_selectors(self) -> None:
        """A malformed selector is 400 with the column, never an empty or a full list."""
        for selector in ("a=b=c", "a in b", "a in (b", "=b", "a,,b", "a%20b"):
            status = self.refused(self.api.call("GET", f"{CONFIGMAPS}?labelSelector={selector}"), 400, "BadRequest")
            self.assertIn("column", status["message"])

    def test_field_selectors(self) -> None:
        """Objects are selected by name, namespace and what the kind declares."""
        self.assertEqual(self.names("fieldSelector=metadata.name%3Dc1"), ["c1"])
        self.assertEqual(self.names("fieldSelector=metadata.name!%3Dc1,metadata.namespace=default"), ["c0", "c2", "c3"])
        status = self.refused(self.api.call("GET", f"{CONFIGMAPS}?fieldSelector=data.k=v"), 400, "BadRequest")
        self.assertIn("field label not supported", status["message"])
        self.refused(self.api.call("GET", f"{CONFIGMAPS}?fieldSelector=odd"), 400, "BadRequest")

    def test_events_of_an_object(self) -> None:
        """Events are selected by what they are about, as ``kubectl describe`` does."""
        events = "/api/v1/namespaces/default/events"
        for name in ("a", "b"):
            event = {"metadata": {"name": name}, "involvedObject": {"name": name, "kind": "X"}}
            self.ok(self.api.call("POST", events, event), 201)
        self.assertEqual(self.names("fieldSelector=involvedObject.name=b,involvedObject.kind=X", events), ["b"])

    def test_pages(self) -> None:
        """A list comes in pages of one version."""
        first = self.ok(self.api.call("GET", f"{CONFIGMAPS}?limit=3"))
        self.assertEqual(first["metadata"]["remainingItemCount"], 1)
        self.api.call("DELETE", f"{CONFIGMAPS}/c3")
        token = first["metadata"]["continue"].replace('"', "%22")
        second = self.ok(self.api.call("GET", f"{CONFIGMAPS}?limit=3&continue={token}"))
        self.assertEqual([item["metadata"]["name"] for item in second["items"]], ["c3"])
        self.assertEqual(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"])
        self.assertNotIn("continue", second["metadata"])

    def test_pages_of_a_selection(self) -> None:
        """A page in which nothing is selected is skipped."""
        first = self.ok(self.api.call("GET", f"{CONFIGMAPS}?limit=1&labelSelector=n!%3D0,n"))
        self.assertEqual([item["metadata"]["name"] for item in first["items"]], ["c1"])
        self.assertNotIn("remainingItemCount", first["metadata"])

    def test_foreign_token(self) -> None:
        """A continue token that is none of ours is 410, so that clients begin again."""
        self.refused(self.api.call("GET", f"{CONFIGMAPS}?limit=1&continue=xyz"), 410, "Expired")

    def test_malformed_limit(self) -> None:
        """A limit that is no number is refused."""
        for limit in ("x", "-1", "1.5", "9" * 30, "٣"):
            self.refused(self.api.call("GET", f"{CONFIGMAPS}?limit={limit}"), 400, "BadRequest")

    def test_only_metadata(self) -> None:
        """Who asks for metadata gets nothing else."""
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        found = self.ok(self.api.call("GET", CONFIGMAPS, accept=accept))
        self.assertEqual(found["kind"], "PartialObjectMetadataList")
        self.assertEqual(set(found["items"][0]), {"kind", "apiVersion", "metadata"})


class PathTests(ApiTests):
    """Paths and verbs."""

    def test_not_served(self) -> None:
        """What is not served is 404, in every part of a path."""
        for path in (
            "/nowhere",
            "/api/v2/configmaps",
            "/api/v1/nothings",
            "/apis/ote.baidu.com/v2/clusters",
            "/apis/none/v1/clusters",
            f"{CONFIGMAPS}/cm/status",
            f"{TASKS}/t1/none",
            f"{TASKS}/t1/status/more",
            "/api/v1/namespaces/default/nodes",
            "/api/v1/configmaps/cm",
            "/openapi/v2",
            "/openapi/v3/apis/none/v1",
            "/version/x",
            "/apis/none",
            "/api/v1/watch",
        ):
            self.refused(self.api.call("GET", path), 404, "NotFound")

    def test_not_allowed(self) -> None:
        """A verb that a path does not take is 405."""
        for method, path in (
            ("POST", f"{TASKS}/t1"),
            ("PUT", TASKS),
            ("PATCH", TASKS),
            ("DELETE", f"{TASKS}/t1/status"),
            ("OPTIONS", TASKS),
            ("POST", "/version"),
            ("POST", f"{TASKS}/t1/results"),
            ("DELETE", "/apis/ote-twisted.dev/v1alpha1/controllerstatuses/x"),
            ("GET", "/apis/ote-twisted.dev/v1alpha1/selectionreviews"),
        ):
            self.refused(self.api.call(method, path), 405, "MethodNotAllowed")

    def test_malformed_uri(self) -> None:
        """A URI that is no UTF-8 is 400."""
        self.refused(self.api.call("GET", f"{CONFIGMAPS}/%ff"), 400, "BadRequest")
        self.refused(self.api.call("GET", f"{CONFIGMAPS}?labelSelector=%ff"), 400, "BadRequest")

    def test_form_that_we_do_not_have(self) -> None:
        """A client that takes no form of ours gets 406, before anything is written."""
        self.refused(self.api.call("GET", CONFIGMAPS, accept="application/vnd.kubernetes.protobuf"), 406, "NotAcceptable")
        answer = self.api.call("POST", CONFIGMAPS, configmap(), accept="application/vnd.kubernetes.protobuf")
        self.refused(answer, 406, "NotAcceptable")
        self.refused(self.api.call("GET", f"{CONFIGMAPS}/cm"), 404, "NotFound")
        protobuf_or_json = "application/vnd.kubernetes.protobuf,application/json"
        self.ok(self.api.call("GET", CONFIGMAPS, accept=protobuf_or_json))

    def test_what_is_stored_without_a_call(self) -> None:
        """This process may read all objects of a resource; one that is not served or cannot be read is told from an empty one."""
        self.ok(self.api.call("POST", CONFIGMAPS, configmap()), 201)
        engine = self.api.engine
        self.assertEqual([each["metadata"]["name"] for each in outcome(engine.stored("configmaps")) or ()], ["cm"])
        self.assertEqual((outcome(engine.stored("nodes")), outcome(engine.stored("nothings"))), ([], None))
        self.patch(self.api.store, "list", lambda resource: fail(StoreUnavailable("the disk is full")))
        self.assertIsNone(outcome(engine.stored("nodes")))

    def test_refusals_are_counted(self) -> None:
        """Every refusal is counted."""
        self.api.call("GET", "/nowhere")
        self.api.call("POST", CONFIGMAPS, b"{")
        self.assertEqual((self.api.engine.refused, self.api.engine.failed), (2, 0))

    def test_fault_of_ours(self) -> None:
        """A fault of this program is 500 without its details, and is logged."""

        def broken(new: JSON, old: JSON | None) -> list[Cause]:
            raise ValueError("secret detail")

        self.api = MemoryApi(admission={"configmaps": broken})
        status = self.refused(self.api.call("POST", CONFIGMAPS, configmap()), 500, "InternalError")
        self.assertNotIn("secret", orjson.dumps(status).decode())
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
