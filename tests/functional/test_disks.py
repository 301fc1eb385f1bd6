"""An edge whose disk takes nothing more while nobody above hears it; no file of it may grow, which needs no root to arrange."""

from __future__ import annotations

import json
import resource
import signal
from functools import partial
from typing import Any

from tests.functional.controller_processes import TREE, ControllersTestCase, until

MAPS = "/api/v1/namespaces/default/configmaps"
LITTLE = 4096
"""Bytes beyond which no file may be written; each of a store's is larger."""


def making(name: str) -> str:
    """Body of a task that makes an object of its own each time it is performed."""
    return json.dumps({"metadata": {"generateName": "made-", "labels": {"task": name}}})


class FullDiskTests(ControllersTestCase):
    """An edge below a root."""

    timeout = 240

    def setUp(self) -> None:
        super().setUp()
        self.root = self.controller("root").start()
        self.edge = self.controller("edge", f"--parent={self.root.address}").start()
        self.root.online("edge")

    def bound(self, most: int) -> None:
        """Let no file of the edge be written beyond so many bytes."""
        assert self.edge.process is not None
        resource.prlimit(self.edge.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def refused(self) -> int:
        """Writes that the edge's disk has refused, as its metrics tell."""
        lines = self.edge.page("/metrics")[1].splitlines()
        return int(float(next(line for line in lines if line.startswith("ote_store_unavailable_total ")).split()[1]))

    def made(self) -> list[str]:
        """The tasks that made an object at the edge, each as often as it did."""
        items = self.edge.get(MAPS)["items"]
        return sorted(item["metadata"]["labels"]["task"] for item in items if "task" in (item["metadata"].get("labels") or {}))

    def entry(self, name: str) -> Any:
        """What the root knows of the edge's part in a task."""
        found = self.root.get(f"{TREE}/clustercontrollers/{name}")
        return found.get("status", {}).get("clusters", {}).get("edge", {})

    def over(self, name: str) -> bool:
        """Whether the edge's part in a task is over."""
        return self.entry(name).get("state") in ("done", "failed")

    def test_during_an_outage(self) -> None:
        """Cut off and on a full disk an edge refuses what is written, says why, and counts it; what it has is read.

        When there is room again it performs, and when its parent is back it is there for it.
        """
        self.edge.submit("before", "edge", "POST", MAPS, making("before"))
        until(lambda: self.edge.answers("before") == {"edge": 201}, "the answer before")
        self.root.end(signal.SIGKILL)
        self.bound(LITTLE)
        spec = {"clusterSelector": "edge", "destination": "api", "method": "POST", "url": MAPS, "body": making("full")}
        task = {"apiVersion": "ote.baidu.com/v1", "kind": "ClusterController", "metadata": {"name": "full"}, "spec": spec}
        for _ in range(20):
            code, text = self.edge.ask("POST", f"{TREE}/clustercontrollers", task)
            self.assertEqual((code, json.loads(text)["reason"]), (507, "InsufficientStorage"))
            self.assertIn("nothing was written", text)
        self.assertGreaterEqual(self.refused(), 20)
        self.assertEqual((self.edge.answers("before"), self.edge.page("/livez")[0]), ({"edge": 201}, 200))
        self.bound(resource.RLIM_INFINITY)
        self.edge.submit("after", "edge", "POST", MAPS, making("after"))
        until(lambda: self.edge.answers("after") == {"edge": 201}, "the answer after")
        self.root.start()
        self.root.online("edge")
        self.root.submit("again", "edge", "POST", MAPS, making("again"))
        until(lambda: self.root.answers("again") == {"edge": 201}, "the answer at the root")
        self.assertEqual(self.made(), ["after", "again", "before"])
        self.assertNotIn("Traceback", self.edge.text())

    def test_tasks_meanwhile(self) -> None:
        """Every task that comes while the disk is full is answered: as done with one effect, or as failed with none, and why."""
        self.bound(LITTLE)
        names = [f"t{number}" for number in range(10)]
        for name in names:
            self.root.submit(name, "edge", "POST", MAPS, making(name))
        until(lambda: self.refused() > 0, "a write that is refused")
        self.bound(resource.RLIM_INFINITY)
        for name in names:
            until(partial(self.over, name), f"the end of {name}: {self.entry(name)}")
        done = [name for name in names if self.entry(name)["state"] == "done"]
        self.assertEqual(self.made(), done)
        for name in set(names) - set(done):
            self.assertIn("store cannot write", json.dumps(self.entry(name)), name)
