"""The API as clients of Kubernetes see it: the real kubectl, and the ``kubernetes`` package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

TOP = Path(__file__).resolve().parent.parent.parent
KUBECTL = Path(sys.executable).parent / "kubectl"
SECONDS = 30

OBJECTS = """
apiVersion: ote.baidu.com/v1
kind: ClusterController
metadata: {name: t1, labels: {team: a}}
spec: {clusterSelector: c1, destination: api, method: GET, url: /api/v1/nodes, body: ""}
---
apiVersion: ote.baidu.com/v1
kind: Cluster
metadata: {name: c1, labels: {region: north}}
spec: {name: first, tags: [camera, hall]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {colour: red}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1", ports: [{containerPort: 80}]}]}
"""

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: here, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: nobody, user: {}}]
contexts: [{name: here, context: {cluster: here, user: nobody, namespace: kube-system}}]
"""


class Server:
    """An API in a child process, and kubectl to talk to it."""

    def __init__(self, folder: Path, where: str) -> None:
        folder.mkdir(parents=True)
        state = "memory" if where == "memory" else str(folder)
        self.errors = (folder / "errors").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.api_process", state], stdout=subprocess.PIPE, stderr=self.errors, cwd=TOP
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.strip():
            raise AssertionError((folder / "errors").read_text())
        self.port = int(line)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(KUBECONFIG % self.port)
        self.environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(folder)}

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()

    def run(self, *arguments: str, stdin: str = "", code: int = 0) -> str:
        """What kubectl writes; its exit code must be as expected."""
        done = subprocess.run(
            [str(KUBECTL), *arguments], input=stdin, env=self.environment, capture_output=True, text=True, timeout=SECONDS
        )
        if done.returncode != code:
            raise AssertionError(f"kubectl {arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start kubectl and leave it running."""
        return subprocess.Popen(
            [str(KUBECTL), *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


class WithServer(SynchronousTestCase):
    """A server per test."""

    where = "memory"

    def setUp(self) -> None:
        """Start it."""
        self.server = Server(Path(self.mktemp()).absolute(), self.where)
        self.addCleanup(self.server.stop)
        self.kubectl = self.server.run

    def applied(self) -> None:
        """Apply the objects."""
        self.kubectl("apply", "-f", "-", stdin=OBJECTS)


class KubectlTests(WithServer):
    """kubectl, unmodified."""

    def test_apply(self) -> None:
        """``apply`` creates, leaves alone what did not change, and changes what did."""
        self.assertEqual(self.kubectl("apply", "-f", "-", stdin=OBJECTS).count(" created"), 4)
        self.assertEqual(self.kubectl("apply", "-f", "-", stdin=OBJECTS).count(" unchanged"), 4)
        changed = OBJECTS.replace("/nodes", "/pods").replace("nginx:1", "nginx:2").replace("red", "blue").replace("hall", "yard")
        self.assertEqual(self.kubectl("apply", "-f", "-", stdin=changed).count(" configured"), 4)
        found = json.loads(self.kubectl("get", "deploy", "web", "-n", "default", "-o", "json"))
        containers = found["spec"]["template"]["spec"]["containers"]
        self.assertEqual([container["image"] for container in containers], ["nginx:2"])
        self.assertEqual(found["metadata"]["generation"], 2)

    def test_apply_removes_what_is_left_out(self) -> None:
        """A second ``apply`` removes fields, list items and labels that its file no longer has."""
        self.applied()
        more = OBJECTS.replace("containers: [", "containers: [{name: side, image: s}, ")
        self.kubectl("apply", "-f", "-", stdin=more)
        fewer = OBJECTS.replace("colour: red", "size: small").replace("labels: {team: a}", "labels: {}")
        self.kubectl("apply", "-f", "-", stdin=fewer)
        found = json.loads(self.kubectl("get", "deploy", "web", "-n", "default", "-o", "json"))
        self.assertEqual([c["name"] for c in found["spec"]["template"]["spec"]["containers"]], ["nginx"])
        settings = json.loads(self.kubectl("get", "cm", "settings", "-n", "default", "-o", "json"))
        self.assertEqual(settings["data"], {"size": "small"})
        self.assertNotIn("labels", json.loads(self.kubectl("get", "task", "t1", "-o", "json"))["metadata"])

    def test_etc_crds_are_what_apply_takes(self) -> None:
        """The folder of definitions is read by kubectl as it is."""
        text = self.kubectl("create", "--dry-run=client", "--validate=false", "-f", str(TOP / "etc" / "crds"), code=1)
        self.assertEqual(text.count("CustomResourceDefinition"), 3, text)

    def test_tables(self) -> None:
        """``get`` shows the columns of the manifests, wide ones on demand."""
        self.applied()
        plain = self.kubectl("get", "clusters").splitlines()
        columns = ["NAME", "LISTEN", "PARENT", "USERDEFINENAME", "STATUS", "READY", "VIA", "TAGS", "AGE"]
        self.assertEqual(plain[0].split(), columns)
        self.assertIn('["camera","hall"]', plain[1])
        wide = self.kubectl("get", "clustercontrollers", "-o", "wide").splitlines()[0].split()
        self.assertEqual(wide[:6], ["NAME", "SELECTOR", "METHOD", "URL", "DONE", "COMPLETE"])
        self.assertIn("DESTINATION", wide)
        self.assertIn("0/1", self.kubectl("get", "deploy", "-A"))

    def test_short_names(self) -> None:
        """All short names of the original, and ours, find the objects."""
        self.applied()
        for name in ("cc", "ccs", "task", "tasks", "clustercontrollers", "clustercontroller"):
            self.assertIn("t1", self.kubectl("get", name))
        self.assertIn("c1", self.kubectl("get", "cs"))
        self.assertIn("No resources", self.kubectl("get", "en"))

    def test_output_forms(self) -> None:
        """YAML, JSON, names and JSONPath."""
        self.applied()
        self.assertIn("clusterSelector: c1\n", self.kubectl("get", "cc", "t1", "-o", "yaml"))
        self.assertEqual(json.loads(self.kubectl("get", "cc", "-o", "json"))["items"][0]["spec"]["clusterSelector"], "c1")
        self.assertEqual(self.kubectl("get", "cc", "-o", "name"), "clustercontroller.ote.baidu.com/t1\n")
        self.assertEqual(self.kubectl("get", "cc", "t1", "-o", "jsonpath={.spec.url}"), "/api/v1/nodes")

    def test_selectors(self) -> None:
        """``-l`` and ``--field-selector``."""
        self.applied()
        self.assertIn("t1", self.kubectl("get", "task", "-l", "team in (a,b),!none"))
        self.assertIn("No resources", self.kubectl("get", "task", "-l", "team!=a"))
        self.assertIn("c1", self.kubectl("get", "clusters", "--field-selector", "spec.name=first"))
        self.assertIn("column", self.kubectl("get", "--raw", "/api/v1/configmaps?labelSelector=((", code=1))

    def test_describe(self) -> None:
        """``describe`` shows a task and its events."""
        self.applied()
        text = self.kubectl("describe", "task", "t1")
        self.assertIn("Cluster Selector:  c1", text)
        self.assertIn("Events:", text)
        self.assertIn("Namespace:", self.kubectl("describe", "cm", "settings", "-n", "default"))

    def test_patches(self) -> None:
        """``patch`` of all three types, ``label``, ``annotate`` and ``replace``."""
        self.applied()
        self.kubectl("patch", "task", "t1", "--type=merge", "-p", '{"spec":{"url":"/m"}}')
        self.kubectl("patch", "task", "t1", "--type=json", "-p", '[{"op":"add","path":"/spec/body","value":"x"}]')
        self.kubectl("patch", "deploy", "web", "-n", "default", "-p", '{"spec":{"replicas":3}}')
        self.kubectl("label", "task", "t1", "colour=red")
        self.kubectl("annotate", "task", "t1", "note=here")
        found = json.loads(self.kubectl("get", "task", "t1", "-o", "json"))
        self.assertEqual((found["spec"]["url"], found["spec"]["body"]), ("/m", "x"))
        self.assertEqual(found["metadata"]["labels"], {"team": "a", "colour": "red"})
        found["spec"]["url"] = "/r"
        self.kubectl("replace", "-f", "-", stdin=json.dumps(found))
        self.assertEqual(self.kubectl("get", "task", "t1", "-o", "jsonpath={.spec.url}"), "/r")
        self.assertIn("the object has been modified", self.kubectl("replace", "-f", "-", stdin=json.dumps(found), code=1))
        self.assertIn("0/3", self.kubectl("get", "deploy", "web", "-n", "default"))

    def test_faults_name_the_field(self) -> None:
        """kubectl shows what is wrong with an object, and where."""
        wrong = OBJECTS.replace("url: /api/v1/nodes", "url: [x]")
        self.assertIn("spec.url", self.kubectl("apply", "-f", "-", stdin=wrong, code=1))
        unknown = OBJECTS.replace("method: GET", "method: GET, colour: red")
        self.assertIn('unknown field "spec.colour"', self.kubectl("apply", "-f", "-", stdin=unknown, code=1))
        self.assertIn("not found", self.kubectl("get", "task", "none", code=1))

    def test_wait_for_a_condition(self) -> None:
        """``wait --for=condition=Complete`` returns when the status says so."""
        self.applied()
        waiting = self.server.begin("wait", "--for=condition=Complete", "task/t1", "--timeout=20s")
        status = '{"status":{"conditions":[{"type":"Complete","status":"True"}],"done":"1/1"}}'
        self.kubectl("patch", "task", "t1", "--subresource=status", "--type=merge", "-p", status)
        output, _ = waiting.communicate(timeout=SECONDS)
        self.assertEqual((waiting.returncode, output), (0, "clustercontroller.ote.baidu.com/t1 condition met\n"))
        row = self.kubectl("get", "task", "t1").splitlines()[1].split()
        self.assertEqual(row[4:6], ["1/1", "True"])

    def test_wait_for_a_deletion(self) -> None:
        """``wait --for=delete`` and ``delete`` end when the object is gone."""
        self.applied()
        waiting = self.server.begin("wait", "--for=delete", "task/t1", "--timeout=20s")
        self.assertIn("deleted", self.kubectl("delete", "task", "t1"))
        waiting.communicate(timeout=SECONDS)
        self.assertEqual(waiting.returncode, 0)
        self.assertIn("deleted", self.kubectl("delete", "-f", "-", "--ignore-not-found", stdin=OBJECTS))

    def test_watch(self) -> None:
        """``get -w`` prints a row for each change."""
        self.applied()
        watching = self.server.begin("get", "cc", "-w", "--output-watch-events")
        stopper = threading.Timer(SECONDS, watching.kill)
        stopper.start()
        self.addCleanup(stopper.cancel)
        assert watching.stdout is not None
        self.assertIn("EVENT", watching.stdout.readline())
        self.assertEqual(watching.stdout.readline().split()[:2], ["ADDED", "t1"])
        self.kubectl("patch", "task", "t1", "--type=merge", "-p", '{"spec":{"url":"/w"}}')
        self.assertEqual(watching.stdout.readline().split()[:5], ["MODIFIED", "t1", "c1", "GET", "/w"])
        self.kubectl("delete", "task", "t1")
        self.assertEqual(watching.stdout.readline().split()[:2], ["DELETED", "t1"])
        watching.terminate()
        watching.communicate(timeout=SECONDS)

    def test_discovery(self) -> None:
        """``api-resources``, ``api-versions``, ``version`` and ``explain``."""
        resources = self.kubectl("api-resources")
        self.assertIn("ccs,cc,task,tasks", resources)
        self.assertIn("ote-twisted.dev/v1alpha1", self.kubectl("api-versions"))
        self.assertIn("Server Version: v1.37.0+ote-twisted.0.0.0", self.kubectl("version"))
        self.assertIn("deadlineSeconds", self.kubectl("explain", "task.spec"))
        self.assertIn("replicas", self.kubectl("explain", "deploy.spec"))

    def test_reviews(self) -> None:
        """A review is created like any object, and shows its answer."""
        review = "{apiVersion: ote-twisted.dev/v1alpha1, kind: SelectionReview, metadata: {name: x}, spec: {selector: a}}"
        self.assertIn("valid: true", self.kubectl("create", "-o", "yaml", "-f", "-", stdin=review))

    def test_namespaces(self) -> None:
        """A namespace is made and goes with its content."""
        content = "{apiVersion: v1, kind: %s, metadata: {name: x, namespace: site}}"
        self.kubectl("create", "-f", "-", stdin="{apiVersion: v1, kind: Namespace, metadata: {name: site}}")
        self.kubectl("create", "-f", "-", stdin=content % "ConfigMap")
        self.kubectl("create", "-f", "-", stdin=content % "Secret")
        self.kubectl("delete", "namespace", "site")
        self.assertIn("No resources", self.kubectl("get", "cm,secret", "-n", "site"))
        self.assertIn("not found", self.kubectl("create", "-f", "-", stdin=content % "Secret", code=1))


class SQLiteKubectlTests(WithServer):
    """The same engine on the durable store."""

    where = "sqlite"

    def test_round_trip(self) -> None:
        """Objects are created, changed, listed and deleted on the SQLite store."""
        self.applied()
        self.kubectl("patch", "task", "t1", "--type=merge", "-p", '{"spec":{"url":"/m"}}')
        self.assertEqual(self.kubectl("get", "task", "t1", "-o", "jsonpath={.spec.url}"), "/m")
        self.assertIn("web", self.kubectl("get", "all", "-A"))
        self.assertEqual(self.kubectl("delete", "-f", "-", stdin=OBJECTS).count(" deleted"), 4)


class PythonClientTests(WithServer):
    """The ``kubernetes`` package as an independent checker."""

    def setUp(self) -> None:
        """Make its clients."""
        super().setUp()
        from kubernetes import client, config

        self.client = client
        self.api = config.new_client_from_config(str(self.server.kubeconfig))
        self.addCleanup(self.api.close)
        self.core = client.CoreV1Api(self.api)
        self.custom = client.CustomObjectsApi(self.api)

    def test_typed_objects(self) -> None:
        """Typed models are written and read back."""
        body = self.client.V1ConfigMap(metadata=self.client.V1ObjectMeta(name="x"), data={"a": "b"})
        self.core.create_namespaced_config_map("default", body)
        found = self.core.read_namespaced_config_map("x", "default")
        self.assertEqual((found.data, found.metadata.namespace), ({"a": "b"}, "default"))
        self.assertEqual([item.metadata.name for item in self.core.list_config_map_for_all_namespaces().items], ["x"])
        self.core.patch_namespaced_config_map("x", "default", {"data": {"a": "c"}})
        self.assertEqual(self.core.read_namespaced_config_map("x", "default").data, {"a": "c"})
        gone: Any = self.core.delete_namespaced_config_map("x", "default")
        self.assertEqual(gone["status"], "Success")

    def test_refusals(self) -> None:
        """Refusals are the exceptions that the client knows, with a Status in them."""
        with self.assertRaises(self.client.ApiException) as caught:
            self.core.read_namespaced_config_map("none", "default")
        self.assertEqual(caught.exception.status, 404)
        self.assertEqual(json.loads(caught.exception.body)["reason"], "NotFound")

    def test_pages(self) -> None:
        """Lists are read in pages."""
        for number in range(5):
            body = self.client.V1ConfigMap(metadata=self.client.V1ObjectMeta(name=f"x{number}"))
            self.core.create_namespaced_config_map("default", body)
        names: list[Any] = []
        token: str | None = None
        while token != "":
            more: dict[str, Any] = {"_continue": token} if token else {}
            page = self.core.list_namespaced_config_map("default", limit=2, **more)
            names += [item.metadata.name for item in page.items]
            token = page.metadata._continue or ""
        self.assertEqual(names, ["x0", "x1", "x2", "x3", "x4"])

    def test_custom_objects_and_watch(self) -> None:
        """Custom objects are written, their status apart, and watched."""
        from kubernetes import watch

        place = ("ote.baidu.com", "v1", "kube-system", "clustercontrollers")
        body: dict[str, Any] = {"metadata": {"name": "t"}, "spec": {"clusterSelector": "*", "method": "GET", "url": "/"}}
        created: Any = self.custom.create_namespaced_custom_object(*place, body)
        version = created["metadata"]["resourceVersion"]
        self.custom.patch_namespaced_custom_object_status(*place, "t", {"status": {"selected": 2}})
        self.custom.delete_namespaced_custom_object(*place, "t")
        stream = watch.Watch().stream(
            self.custom.list_namespaced_custom_object, *place, resource_version=version, timeout_seconds=1
        )
        began = time.monotonic()
        seen = [(event["type"], event["object"].get("status")) for event in stream]
        self.assertEqual(seen, [("MODIFIED", {"selected": 2}), ("DELETED", {"selected": 2})])
        self.assertLess(time.monotonic() - began, SECONDS)
