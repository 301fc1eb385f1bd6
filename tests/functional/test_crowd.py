"""A mass return: everybody who was below a parent comes back to it at the same time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

from tests.functional.controller_processes import PATIENCE, ControllersTestCase, until
from tests.functional.demo_process import TOP

COUNT = 1000
MOST = 30
"""Refusals of one child; each names a time, so that it is a few."""


class CrowdTests(ControllersTestCase):
    """A thousand children of one parent."""

    timeout = 300

    def ask(self, crowd: subprocess.Popen[str], word: str = "") -> dict[str, Any]:
        """What came of the children so far."""
        assert crowd.stdin is not None and crowd.stdout is not None
        crowd.stdin.write(word + "\n")
        crowd.stdin.flush()
        told: dict[str, Any] = json.loads(crowd.stdout.readline())
        return told

    def all_back(self, crowd: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait until every child has a link."""
        return until(lambda: (told := self.ask(crowd))["connected"] == COUNT and told, f"{COUNT} children", 4 * PATIENCE)

    def test_mass_return(self) -> None:
        """When a parent of a thousand is killed and back all are admitted, none refused for ever; the root knows them all."""
        root = self.controller("root").start()
        parent = self.controller("parent", f"--parent={root.address}", ping="5s").start()
        root.online("parent")
        crowd = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.crowd", str(parent.tunnel), str(COUNT)],
            cwd=TOP,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(crowd.communicate)
        self.addCleanup(crowd.kill)
        first = self.all_back(crowd)
        until(lambda: self.known(root) == COUNT + 2, "everybody at the root", 2 * PATIENCE)
        self.ask(crowd, "anew")
        parent.end(signal.SIGKILL)
        until(lambda: self.known(root) == 1, "nobody but the root", 2 * PATIENCE)
        parent.start()
        told = self.all_back(crowd)
        until(lambda: self.known(root) == COUNT + 2, "everybody at the root again", 2 * PATIENCE)
        rate = COUNT / max(told["seconds"], 0.001)
        print(
            f"measured: {COUNT} children back {told['seconds']:.1f} s after the loss, restart included ({rate:.0f} a second); "
            f"{told['refused']} refusals, {told['most']} at most of one child; at first {first['refused']} refusals"
        )
        self.assertLessEqual(told["most"], MOST)
        self.assertLessEqual(set(told["statuses"]), {"503"})

    def known(self, root: Any) -> int:
        """How many clusters the root calls online."""
        states = root.get("/apis/ote-twisted.dev/v1alpha1/controllerstatuses")["items"]
        return int(states[0]["status"]["counts"]["online"])
