"""``otectl demo`` as its users start it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import yaml

from tests.functional.demo_process import BIN, EVERYBODY, TOP, DemoTestCase

STOP = 2.0
"""Seconds in which a demo has to be gone."""


class TreeTests(DemoTestCase):
    """The tree that it runs."""

    def test_fixed_tree(self) -> None:
        """The tree is the one on which documents rely, with its labels, tags and depths; three commands to try are shown."""
        demo = self.demo()
        tree = {item["metadata"]["name"]: item for item in self.kubectl("get", "clusters", "-o", "json").json["items"]}
        self.assertEqual(sorted(tree), EVERYBODY)
        for name, item in tree.items():
            region, _, number = name.partition("-")
            labels = {} if name == "root" else {"region": region, "tier": "site" if number else "region"}
            self.assertEqual(item["metadata"].get("labels") or {}, labels | ({"gpu": "true"} if number == "1" else {}))
            self.assertEqual(item["spec"]["tags"], ["camera"] if number in ("2", "3") else [])
            self.assertEqual(item["status"]["depth"], 0 if name == "root" else 2 if number else 1)
            self.assertEqual(item["status"]["status"], "online")
            self.assertTrue(item["status"]["performs"])
            self.assertIn(name, demo.text)
        self.assertIn(f"kubeconfig: {demo.kubeconfig}", demo.text)
        self.assertEqual(len([line for line in demo.text.splitlines() if line.startswith("  ") and "ctl " in line]), 3)

    def test_kubeconfig(self) -> None:
        """The kubeconfig has a context for each controller, named as its cluster; root is current, kube-system the namespace."""
        demo = self.demo()
        config = yaml.safe_load(demo.kubeconfig.read_text())
        self.assertEqual(config["current-context"], "root")
        self.assertEqual(sorted(context["name"] for context in config["contexts"]), EVERYBODY)
        self.assertEqual({context["context"]["namespace"] for context in config["contexts"]}, {"kube-system"})
        for name in EVERYBODY:
            own = self.kubectl("--context", name, "get", "controllerstatuses", "-o", "name").out
            self.assertEqual(own.strip(), f"controllerstatus.ote-twisted.dev/{name}")

    def test_other_shapes(self) -> None:
        """Tiers and fan-out make other trees, whose clusters are named by their way."""
        self.demo("--tiers", "4", "--fanout", "2")
        tree = self.otectl("tree", "-o", "json").json
        self.assertEqual([child["name"] for child in tree["children"]], ["n1", "n2"])
        deepest = tree["children"][1]["children"][0]["children"]
        self.assertEqual([(child["name"], child["depth"]) for child in deepest], [("n2-1-1", 3), ("n2-1-2", 3)])
        self.assertEqual(self.otectl("select", "[gpu]", "-o", "json").json["status"]["count"], 4)

    def test_machine_readable(self) -> None:
        """With -o json the first thing printed is one JSON value: the kubeconfig and each controller's address."""
        folder = self.folder()
        command: list[str | Path] = [BIN / "otectl", "demo", "--dir", folder, "--tiers", "1", "-o", "json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            text = ""
            for line in process.stdout:
                text += line
                if line == "}\n":
                    break
            process.send_signal(signal.SIGINT)
        self.assertEqual(json.loads(text)["kubeconfig"], str(folder / "kubeconfig"))
        self.assertEqual(list(json.loads(text)["controllers"]), ["root"])
        self.assertEqual(process.returncode, 0)


class StateTests(DemoTestCase):
    """What it keeps."""

    def test_restart(self) -> None:
        """With --dir objects outlive the demo: tasks with their results, and what they made in the clusters."""
        demo = self.demo()
        self.kubectl("apply", "-f", "examples/")
        self.kubectl("wait", "--for=condition=Complete", "clustercontrollers", "--all", "--timeout=30s")
        made = self.kubectl("--context", "south-3", "-n", "default", "get", "configmaps", "-o", "name").out
        self.assertIn("camera-settings-", made)
        self.assertEqual(demo.stop(), 0)
        self.demo(folder=demo.folder)
        self.assertEqual(self.kubectl("--context", "south-3", "-n", "default", "get", "configmaps", "-o", "name").out, made)
        task = self.kubectl("get", "clustercontroller", "gpu-sites", "-o", "json").json
        self.assertEqual(
            {name: entry["code"] for name, entry in task["status"]["clusters"].items()}, {"north-1": 201, "south-1": 201}
        )
        self.assertIn("unchanged", self.kubectl("apply", "-f", "examples/").out)
        self.assertEqual(self.otectl("run", "*", "-o", "json", "--", "GET", "/api/v1/namespaces").json["succeeded"], 9)

    def test_temporary_folder_goes(self) -> None:
        """Without --dir nothing is left behind."""
        folder = self.folder()
        self.ran(BIN / "otectl", "demo", "--check", "--tiers", "2", TMPDIR=str(folder))
        self.assertEqual(list(folder.iterdir()), [])

    def test_one_demo_for_a_folder(self) -> None:
        """A second demo in the same folder is refused with one line."""
        demo = self.demo("--tiers", "1")
        refused = self.otectl("demo", "--dir", demo.folder, "--tiers", "1", code=1)
        self.assertRegex(refused.err, r"\Aotectl: .*in use by process \d+.*\n\Z")

    def test_port(self) -> None:
        """The root's API listens at the port that was given."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        demo = self.demo("--tiers", "2", "--port", str(port))
        servers = {item["name"]: item["cluster"]["server"] for item in yaml.safe_load(demo.kubeconfig.read_text())["clusters"]}
        self.assertEqual(servers["root"], f"http://127.0.0.1:{port}")

    def test_taken_port(self) -> None:
        """A taken port is one line that names it, and exit code 1."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            refused = self.otectl("demo", "--port", str(port), code=1)
        self.assertEqual(refused.err, f"otectl: port {port} is taken; choose another with --port, or --port 0 for any free one\n")
        self.assertEqual(refused.out, "")


class StopTests(DemoTestCase):
    """How it ends."""

    def stopped(self, number: int) -> None:
        """A signal ends it with 0 and in time, also while a watch is open."""
        demo = self.demo()
        watch = subprocess.Popen(
            [BIN / "kubectl", "get", "clusters", "-w"], env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        assert watch.stdout is not None
        watch.stdout.readline()
        begun = time.monotonic()
        self.assertEqual(demo.stop(number), 0)
        self.assertLess(time.monotonic() - begun, STOP)
        self.assertNotIn("Traceback", demo.text + (demo.folder / "demo.log").read_text())

    def test_ctrl_c(self) -> None:
        """Ctrl-C stops it cleanly within two seconds."""
        self.stopped(signal.SIGINT)

    def test_sigterm(self) -> None:
        """SIGTERM does what Ctrl-C does."""
        self.stopped(signal.SIGTERM)

    def test_usage(self) -> None:
        """A tree that one process cannot run, and options that make no sense, are usage errors."""
        self.assertIn("at most", self.otectl("demo", "--tiers", "9", "--fanout", "9", code=2).err)
        self.assertIn("--tiers", self.otectl("demo", "--tiers", "0", code=2).err)
        self.assertIn("cannot be made", self.otectl("demo", "--dir", TOP / "README.md" / "x", code=1).err)


class CheckTests(DemoTestCase):
    """``--check``."""

    def test_check(self) -> None:
        """Every example is performed by exactly the clusters that should; the table says so, and the exit code is 0."""
        checked = self.otectl("demo", "--check")
        self.assertIn("6 of 6 examples performed by exactly the clusters that should.", checked.err)
        self.assertRegex(checked.out, r"gpu-sites +\[gpu=true\] +north-1,south-1 +north-1,south-1 +ok")

    def test_check_again(self) -> None:
        """A check in a folder that has been checked before finds the same."""
        folder = self.folder()
        first = self.otectl("demo", "--check", "--dir", folder, "-o", "json").json
        self.assertEqual(self.otectl("demo", "--check", "--dir", folder, "-o", "json").json, first)
        self.assertEqual({finding["passed"] for finding in first}, {True})

    def test_failure(self) -> None:
        """A cluster that has what an example makes, although it was not selected, fails the check."""
        demo = self.demo()
        smuggled = '{"metadata":{"name":"smuggled","labels":{"example":"camera-sites"}}}'
        self.otectl("run", "root", "-d", smuggled, "--", "POST", "/api/v1/namespaces/default/configmaps")
        demo.stop()
        failed = self.otectl("demo", "--check", "--dir", demo.folder, code=1)
        self.assertIn("performed by root as well", failed.out)
        self.assertIn("5 of 6", failed.err)
