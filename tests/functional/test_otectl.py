"""otectl and kubectl against a whole tree of real controllers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.functional.demo_process import BIN, EVERYBODY, SITES, DemoTestCase

TASK = {
    "apiVersion": "ote.baidu.com/v1",
    "kind": "ClusterController",
    "metadata": {"name": "look", "namespace": "kube-system"},
    "spec": {"clusterSelector": "*", "destination": "api", "method": "GET", "url": "/api/v1/namespaces"},
}


class KubectlTests(DemoTestCase):
    """U2: kubectl, unmodified, at any controller."""

    def test_session(self) -> None:
        """What a user does with kubectl works from apply to delete, as with any Kubernetes."""
        self.demo()
        self.assertIn("clustercontroller.ote.baidu.com/gpu-sites created", self.kubectl("apply", "-f", "examples/").out)
        met = self.kubectl("wait", "--for=condition=Complete", "clustercontrollers", "--all", "--timeout=30s").out
        self.assertEqual(met.count("condition met"), 6)
        wide = self.kubectl("get", "clustercontrollers", "-o", "wide").out
        self.assertRegex(wide, r"gpu-sites +\[gpu=true\] +POST +/apis/apps/v1/namespaces/default/deployments +2/2 +True")
        self.assertIn("north-1:", self.kubectl("get", "task", "gpu-sites", "-o", "yaml").out)
        self.assertIn("Reason:                AllDone", self.kubectl("describe", "cc", "gpu-sites").out)
        patch = '{"spec":{"clusterSelector":"north-1"}}'
        self.assertIn("patched", self.kubectl("patch", "cc", "one-cluster", "--type=merge", "-p", patch).out)
        self.kubectl("wait", "--for=jsonpath={.status.observedGeneration}=2", "cc/one-cluster", "--timeout=30s")
        self.kubectl("wait", "--for=condition=Complete", "cc/one-cluster", "--timeout=30s")
        names = self.kubectl("get", "cc", "one-cluster", "-o", "jsonpath={.status.clusters}").json
        self.assertEqual(list(names), ["north-1"])
        self.assertIn("deleted", self.kubectl("delete", "-f", "examples/").out)
        self.assertEqual(self.kubectl("get", "cc", "-o", "name").out, "")

    def test_discovery(self) -> None:
        """kubectl finds the kinds with their short names, and client and server agree about their versions."""
        self.demo("--tiers", "1")
        resources = self.kubectl("api-resources").out
        self.assertRegex(resources, r"clustercontrollers +ccs,cc,task,tasks +ote.baidu.com/v1 +true +ClusterController")
        self.assertRegex(resources, r"(?m)^deployments +deploy +apps/v1 ")
        version = self.kubectl("version")
        self.assertIn("Server Version: ", version.out)
        self.assertNotIn("WARNING", version.err)

    def test_watch(self) -> None:
        """kubectl get -w shows clusters as they change."""
        self.demo()
        watch = subprocess.Popen(
            [BIN / "kubectl", "get", "clusters", "-w"], env=self.environment(), stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        assert watch.stdout is not None
        for _ in range(1 + len(EVERYBODY)):
            watch.stdout.readline()
        self.kubectl("label", "cluster", "south-2", "owner=alice")
        self.assertRegex(watch.stdout.readline(), r"^south-2 .* online ")

    def test_region_is_an_entry(self) -> None:
        """A task written at a region reaches that region's subtree only, and is completed there (F54)."""
        self.demo()
        self.kubectl("--context", "north", "apply", "-f", "-", text=json.dumps(TASK))
        self.kubectl("--context", "north", "wait", "--for=condition=Complete", "cc/look", "--timeout=30s")
        status = self.kubectl("--context", "north", "get", "cc", "look", "-o", "json").json["status"]
        self.assertEqual(sorted(status["clusters"]), ["north", "north-1", "north-2", "north-3"])
        self.assertEqual({entry["code"] for entry in status["clusters"].values()}, {200})
        self.assertEqual(self.kubectl("get", "cc", "-o", "name").out, "")

    def test_examples_at_every_tier(self) -> None:
        """The examples can be applied at root, region and site, one after the other, and nobody's answer is a failure."""
        self.demo()
        for context in ("root", "north", "north-1"):
            self.kubectl("--context", context, "apply", "-f", "examples/")
            self.kubectl("--context", context, "wait", "--for=condition=Complete", "cc/every-cluster", "cc/gpu-sites")
            for task in self.kubectl("--context", context, "get", "cc", "-o", "json").json["items"]:
                self.assertEqual(task["status"]["failed"], 0, task["metadata"]["name"])


class LookingTests(DemoTestCase):
    """tree, select, status, version."""

    def test_tree(self) -> None:
        """The tree is drawn with state, depth, labels and tags; from a region it begins there."""
        self.demo()
        lines = self.otectl("tree").out.splitlines()
        self.assertRegex(lines[0], r"^NAME +STATE +DEPTH +LINK AGE +LABELS +TAGS$")
        self.assertRegex(lines[3], r"^│   ├── north-1 +online +2 +\d+s +gpu=true,region=north,tier=site +-$")
        self.assertEqual(len(lines), 10)
        self.assertRegex(
            self.otectl("tree", "--context", "south", "-o", "wide").out, r"└── south-3 +online +1 +\d+s .* camera +yes"
        )
        self.assertEqual(self.otectl("tree", "-o", "name").out.split()[1], "cluster.ote.baidu.com/north")

    def test_pipe(self) -> None:
        """In a pipe each command writes JSON unless it is told otherwise."""
        self.demo("--tiers", "2", "--fanout", "1")
        for words in (["tree"], ["select", "*"], ["status"], ["version"], ["run", "*", "--", "GET", "/version"]):
            told = self.ran(BIN / "otectl", *words, OTECTL_OUTPUT="")
            self.assertIsInstance(told.json, dict, words)
        self.assertIn("NAME ", self.ran(BIN / "otectl", "tree", "-o", "table", OTECTL_OUTPUT="").out)

    def test_tree_watch(self) -> None:
        """In a pipe a watched tree is a line for each change, and Ctrl-C ends it with 0."""
        self.demo()
        command: list[str | Path] = [BIN / "otectl", "tree", "--watch", "-o", "json"]
        with subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE, text=True) as watch:
            assert watch.stdout is not None
            first = [json.loads(watch.stdout.readline()) for _ in EVERYBODY]
            self.assertEqual(sorted(change["cluster"]["name"] for change in first), EVERYBODY)
            self.kubectl("label", "cluster", "south-2", "owner=alice")
            change = json.loads(watch.stdout.readline())
            self.assertEqual((change["type"], change["cluster"]["labels"]["owner"]), ("MODIFIED", "alice"))
            watch.send_signal(signal.SIGINT)
        self.assertEqual(watch.returncode, 0)

    def test_select(self) -> None:
        """A dry run tells who, by which next hop, and why; nothing is stored."""
        self.demo()
        chosen = self.otectl("select", "[gpu],cam*,!south-*")
        self.assertRegex(chosen.out, r"(?m)^north-1 +north +\[gpu\] +online$")
        self.assertRegex(chosen.out, r"(?m)^north-2 +north +cam\* +online$")
        self.assertEqual(chosen.err, "3 clusters would perform a task, by next hop: north 3.\n")
        self.assertEqual(self.otectl("select", "under(north)", "-o", "name").out.split()[0], "cluster.ote.baidu.com/north-1")
        self.assertEqual(self.kubectl("get", "cc", "-o", "name").out, "")

    def test_malformed_selector(self) -> None:
        """A malformed selector is a usage error with a caret under its column."""
        self.demo("--tiers", "1")
        refused = self.otectl("select", "north-1,[gpu", code=2)
        self.assertEqual(refused.err.splitlines()[1:], ["  north-1,[gpu", "              ^"])
        self.assertEqual(self.otectl("run", "[", "GET", "/", code=2).err.splitlines()[2], "   ^")

    def test_status(self) -> None:
        """A controller's status tells its parent, its path to the root, links, queues and readiness."""
        self.demo()
        text = self.otectl("status", "--context", "north").out
        self.assertRegex(text, r"(?m)^Parent +root at ws://127.0.0.1:\d+ since \d+s$")
        self.assertRegex(text, r"(?m)^Path +root > north$")
        self.assertRegex(text, r"(?m)^Ready +yes$")
        self.assertRegex(text, r"(?m)^north-2 +child +ote.v2 ")
        status = self.otectl("status", "--context", "north-1", "-o", "json").json["status"]
        self.assertEqual((status["parent"], status["path"], status["isRoot"]), ("north", ["root", "north", "north-1"], False))
        self.assertEqual(status["queues"]["uplinkMessages"], 0)

    def test_version(self) -> None:
        """Versions of both sides; without a controller only that of otectl, and still success."""
        self.demo("--tiers", "1")
        self.assertEqual(sorted(self.otectl("version", "-o", "json").json), ["clientVersion", "serverVersion"])
        alone = self.otectl("version", "--server", "http://127.0.0.1:1", "-o", "json")
        self.assertEqual(sorted(alone.json), ["clientVersion"])
        self.assertIn("cannot reach", alone.err)


class RunTests(DemoTestCase):
    """``otectl run``."""

    def test_answers(self) -> None:
        """Exactly the selected clusters perform the request; codes and answers are shown, and the object is gone after."""
        self.demo()
        done = self.otectl("run", "[tier=site]", "--", "get", "/api/v1/namespaces")
        self.assertEqual([line.split()[:3] for line in done.out.splitlines()[1:]], [[name, "done", "200"] for name in SITES])
        self.assertIn("6 of 6 answered\n6 clusters: 6 succeeded.", done.err)
        self.assertEqual(self.kubectl("get", "cc", "-o", "name").out, "")

    def test_body(self) -> None:
        """A body comes from a file in YAML or JSON, from standard input, or as it is."""
        self.demo("--tiers", "2")
        path = "/api/v1/namespaces/default/configmaps"
        manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\ndata: {a: b}\n"
        self.otectl("run", "*", "-f", "-", "--", "POST", path, text=manifest)
        file = self.folder() / "second.json"
        file.write_text('{"metadata": {"name": "second"}}')
        self.otectl("run", "*", "-f", file, "POST", path)
        self.otectl("run", "*", "-d", '{"metadata":{"name":"third"}}', "POST", path)
        found = self.kubectl("--context", "n2", "-n", "default", "get", "configmaps", "-o", "name").out
        self.assertEqual(found.split(), [f"configmap/{name}" for name in ("first", "second", "third")])

    def test_failure(self) -> None:
        """The exit code is 1 if one cluster fails, and the table says which and why."""
        self.demo("--tiers", "2")
        body = '{"metadata":{"name":"once"}}'
        self.otectl("run", "n1", "-d", body, "POST", "/api/v1/namespaces")
        mixed = self.otectl("run", "n1,n2", "-d", body, "-o", "json", "POST", "/api/v1/namespaces", code=1).json
        self.assertEqual({name: entry["code"] for name, entry in mixed["clusters"].items()}, {"n1": 409, "n2": 201})
        self.assertEqual((mixed["succeeded"], mixed["failed"], mixed["success"]), (1, 1, False))
        table = self.otectl("run", "n1", "-d", body, "POST", "/api/v1/namespaces", code=1).out
        self.assertRegex(table, r'(?m)^n1 +failed +409 +namespaces "once" already exists$')

    def test_nobody(self) -> None:
        """A selector that chooses nobody sends nothing and ends with 1."""
        self.demo("--tiers", "1")
        self.assertIn("nothing was sent", self.otectl("run", "nobody", "GET", "/", code=1).err)

    def test_keep(self) -> None:
        """With --keep the object stays, with its results."""
        self.demo("--tiers", "2")
        kept = self.otectl("run", "n*", "--keep", "-o", "json", "GET", "/api/v1/namespaces").json
        task = self.kubectl("get", "cc", kept["name"], "-o", "json").json
        self.assertEqual(sorted(task["status"]["clusters"]), ["n1", "n2"])
        self.assertTrue(kept["name"].startswith("run-"))

    def test_refused(self) -> None:
        """What the controller refuses is told with field and rule."""
        self.demo("--tiers", "1")
        self.assertIn("spec.url", self.otectl("run", "*", "GET", "no-path", code=1).err)


class UnansweredTests(DemoTestCase):
    """``otectl run`` with a cluster that is away."""

    def setUp(self) -> None:
        super().setUp()
        before = self.demo("--tiers", "2", "--fanout", "2")
        before.stop()
        self.demo("--tiers", "2", "--fanout", "1", folder=before.folder)

    def test_expired(self) -> None:
        """A cluster that is away at the deadline is told as expired, and the exit code is 1."""
        asked = self.otectl("run", "n*", "--deadline", "1s", "-o", "json", "GET", "/api/v1/namespaces", code=1).json
        self.assertEqual({name: entry["state"] for name, entry in asked["clusters"].items()}, {"n1": "done", "n2": "expired"})

    def test_timeout(self) -> None:
        """Waiting can end before the deadline; what is unfinished is shown, cancelled and gone."""
        asked = self.otectl("run", "n*", "--timeout", "0.5s", "GET", "/api/v1/namespaces", code=1)
        self.assertRegex(asked.out, r"(?m)^n2 +pending +- +offline; ")
        self.assertIn("1 not reached. Waiting ended.", asked.err)
        self.assertEqual(self.kubectl("get", "cc", "-o", "name").out, "")

    def test_ctrl_c(self) -> None:
        """Ctrl-C ends the wait with 130 and takes the object away."""
        command: list[str | Path] = [BIN / "otectl", "run", "n*", "GET", "/api/v1/namespaces"]
        with subprocess.Popen(command, env=self.environment(), stderr=subprocess.PIPE, text=True) as running:
            assert running.stderr is not None
            for line in running.stderr:
                if line == "1 of 2 answered\n":
                    break
            running.send_signal(signal.SIGINT)
        self.assertEqual(running.returncode, 130)
        self.assertEqual(self.kubectl("get", "cc", "-o", "name").out, "")

    def test_tree(self) -> None:
        """The tree shows it as unreachable; a dry run says that it performs when it is back."""
        self.assertRegex(self.otectl("tree").out, r"└── n2 +unreachable, [\ddhms]+ +")
        self.assertIn("; 1 when back online.", self.otectl("select", "n2").err)


class ChoosingTests(DemoTestCase):
    """Which controller is asked."""

    def test_choice(self) -> None:
        """Context, kubeconfig and server choose the controller, before or after the command's name."""
        demo = self.demo("--tiers", "2")
        ways: list[list[str]] = [
            ["status", "--context", "n2"],
            ["--context", "n2", "status"],
            ["--kubeconfig", str(demo.kubeconfig), "--context", "n2", "status"],
        ]
        for way in ways:
            self.assertEqual(self.otectl(*way, "-o", "json").json["metadata"]["name"], "n2")
        self.assertIn("it has: n1, n2, root", self.otectl("tree", "--context", "n7", code=1).err)

    def test_no_controller(self) -> None:
        """Without a kubeconfig, and when nobody answers, one sentence says what to do."""
        self.assertIn("start a tree with `otectl demo`", self.otectl("tree", code=1).err)
        refused = self.otectl("tree", "--server", "http://127.0.0.1:1", code=1).err
        self.assertRegex(refused, r"\Aotectl: cannot reach http://127.0.0.1:1: the connection was refused; .*\n\Z")

    def test_another_server(self) -> None:
        """A server that is no controller is recognised."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            command: list[str | Path] = [BIN / "otectl", "tree", "--server", f"http://127.0.0.1:{other.getsockname()[1]}"]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as asking:
                connection, _ = other.accept()
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
                assert asking.stderr is not None
                self.assertIn("does not answer like a controller", asking.stderr.read())
                connection.close()
        self.assertEqual(asking.returncode, 1)


class CostTests(DemoTestCase):
    """What a call costs."""

    def test_help_imports_little(self) -> None:
        """The help of otectl and of a command needs neither Twisted nor rich."""
        program = (
            "import sys\nfrom ote_twisted.cli.main import main\n"
            "for words in (['--help'], ['tree', '--help'], ['run', '--help'], ['demo', '--help']):\n"
            "    main(words, standalone_mode=False)\n"
            "print([name for name in ('twisted', 'rich', 'treq') if name in sys.modules])\n"
        )
        self.assertEqual(self.ran(sys.executable, "-c", program).out.splitlines()[-1], "[]")
