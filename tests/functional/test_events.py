"""Events of real controllers, as kubectl shows them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from ote_twisted.cli.kubeconfig import written
from tests.functional.controller_processes import PATIENCE, Controller, ControllersTestCase, until

KUBECTL = Path(sys.executable).parent / "kubectl"


class KubectlTests(ControllersTestCase):
    """kubectl at controllers with and without a cluster of their own."""

    timeout = 180

    def setUp(self) -> None:
        super().setUp()
        self.root = self.controller("root", "--shim=none").start()
        self.north = self.controller("north", f"--parent={self.root.address}", "--shim=none").start()
        self.site = self.controller("north-1", f"--parent={self.north.address}").start()
        self.root.online("north", "north-1")

    def kubectl(self, at: Controller, *words: str) -> str:
        """What kubectl prints at a controller."""
        done = subprocess.run(
            self.command(at, *words), env=self.environment(at), capture_output=True, text=True, timeout=PATIENCE
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def command(self, at: Controller, *words: str) -> list[str | Path]:
        """A call of kubectl at a controller."""
        at.kubeconfig.write_text(written({at.name: f"http://127.0.0.1:{at.api}"}, at.name))
        return [KUBECTL, f"--kubeconfig={at.kubeconfig}", "-n", "kube-system", *words]

    def environment(self, at: Controller) -> dict[str, str]:
        """For kubectl."""
        return {**os.environ, "HOME": str(at.folder)}

    def test_session(self) -> None:
        """get, describe, events and a watch show what happened when a region dies and is back, whatever the controller is."""
        watch = subprocess.Popen(
            self.command(self.root, "get", "events", "-w", "--no-headers"),
            env=self.environment(self.root),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        self.north.end(signal.SIGKILL)
        assert watch.stdout is not None
        for line in watch.stdout:
            if "SubtreeUnreachable" in line:
                break
        self.assertRegex(line, r"\d+s +Warning +SubtreeUnreachable +[Cc]luster/north +There is no way to 1 cluster \(north-1\)")
        self.assertRegex(
            self.kubectl(self.root, "get", "events"), r"(?m)Warning +ChildLost +[Cc]luster/north +The link to it was lost"
        )
        until(lambda: "SubtreeUnreachable" in self.kubectl(self.root, "describe", "cluster", "north"), "events in describe")
        self.north.start()
        until(lambda: "SubtreeReachable" in self.kubectl(self.root, "events", "--for=cluster/north"), "the return in events")
        until(lambda: "ParentJoined" in self.kubectl(self.site, "describe", "cluster", "north-1"), "events of a site")
        self.assertIn("ParentLost", self.kubectl(self.site, "get", "events", "--field-selector=type=Warning"))
        self.assertNotIn("ParentLost", self.kubectl(self.site, "get", "events", "--field-selector=type=Normal"))
        self.assertEqual(self.kubectl(self.root, "get", "events", "--field-selector=involvedObject.name=south"), "")

    def test_restart(self) -> None:
        """Events outlive the controller; its own stop is none."""
        until(lambda: "ChildJoined" in self.kubectl(self.north, "get", "events"), "the first event")
        self.north.end(signal.SIGTERM)
        self.north.start()
        self.north.online("north-1")
        events = self.kubectl(self.north, "get", "events")
        self.assertNotIn("Lost", events)
        columns = "-o=custom-columns=COUNT:.count,REASON:.reason"
        until(lambda: re.search(r"2 +ChildJoined", self.kubectl(self.north, "get", "events", columns)), "counted")
