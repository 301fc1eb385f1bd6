"""``otectl demo --processes`` as its users start it, kill parts of it, and stop it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from tests.functional.demo_process import BIN, EVERYBODY, PATIENCE, TOP, Demo, DemoTestCase

STOP = 3.0
"""Seconds in which all processes have to be gone."""


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes(demo: Demo) -> dict[str, int]:
    """The process of each controller, by the file of options that it runs with."""
    found = {}
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "--config" in words and (file := Path(words[words.index("--config") + 1])).parent == demo.folder:
            found[file.stem] = int(line.parent.name)
    return found


def typed(command: str) -> subprocess.Popen[Any]:
    """A command that the demo printed, typed where it was started."""
    return subprocess.Popen(shlex.split(command), cwd=TOP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class ProcessesTestCase(DemoTestCase):
    """Has demos of processes, none of which outlives its test."""

    def setUp(self) -> None:
        super().setUp()
        self.others: list[subprocess.Popen[Any]] = []

    def started(self, *options: str) -> Demo:
        """A demo of processes, none of which outlives the test."""
        demo = self.demo("--processes", *options)
        self.addCleanup(self.none_left, demo)
        return demo

    def none_left(self, demo: Demo) -> None:
        """Wait until nothing of a demo is left."""
        demo.stop()
        for other in self.others:
            other.kill()
            other.wait(PATIENCE)
        self.until(lambda: not processes(demo), f"the end of all processes in {demo.folder}")


class ProcessesTests(ProcessesTestCase):
    """Each controller is a process."""

    def online(self) -> set[str]:
        """Names of the clusters that the root calls online."""
        items = self.kubectl("get", "clusters", "-o", "json").json["items"]
        return {item["metadata"]["name"] for item in items if item["status"]["status"] == "online"}

    def test_killed_and_started_again(self) -> None:
        """A killed region is said with the command that starts it again, and that command brings it back."""
        demo = self.started()
        self.assertEqual(sorted(processes(demo)), EVERYBODY)
        self.assertEqual(self.online(), set(EVERYBODY))
        pid = processes(demo)["north"]
        self.assertIn(f"kill -9 {pid}", demo.text)
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: "north" not in self.online(), "a tree without north")
        assert demo.process.stdout is not None
        said = demo.process.stdout.readline()
        again = re.fullmatch(rf"north \(process {pid}\) was ended by signal 9 \(SIGKILL\); start it again with: (.*)\n", said)
        assert again is not None, said
        self.others.append(typed(again[1]))
        self.until(lambda: self.online() == set(EVERYBODY), "the whole tree again")
        events = self.otectl("events", "north").out
        self.assertRegex(events, r"Warning +ChildLost +north ")
        self.assertEqual({line.split()[1] for line in self.otectl("events", "--warnings").out.splitlines()[1:]}, {"Warning"})
        self.assertEqual({view["involvedObject"]["name"] for view in self.listed("north")}, {"north"})

    def listed(self, *words: str) -> list[Any]:
        """Events as JSON."""
        items: list[Any] = self.otectl("events", *words, "-o", "json").json["items"]
        return items

    def test_restart(self) -> None:
        """With --restart a killed one comes back by itself, which is said, as the same cluster at the same address."""
        demo = self.started("--tiers", "2", "--fanout", "1", "--restart", "500ms")
        before = yaml.safe_load(demo.kubeconfig.read_text())
        pid = processes(demo)["root"]
        watch = subprocess.Popen(
            [BIN / "otectl", "events", "--watch", "--context", "n1"], env=self.environment(), stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        assert watch.stdout is not None and demo.process.stdout is not None
        self.assertIn("ParentJoined", watch.stdout.readline())
        os.kill(pid, signal.SIGKILL)
        self.assertIn("it is started again in 0.5 s", demo.process.stdout.readline())
        self.assertRegex(demo.process.stdout.readline(), r"root runs again as process \d+\.")
        for line in watch.stdout:
            if "ParentLost" in line:
                break
        for line in watch.stdout:
            if "ParentJoined" in line:
                break
        self.until(lambda: self.otectl("status").out.startswith("Controller   root"), "the root")
        self.assertEqual(yaml.safe_load(demo.kubeconfig.read_text()), before)

    def test_check(self) -> None:
        """The examples are performed by exactly the clusters that should, also when each is a process."""
        checked = self.otectl("demo", "--processes", "--check")
        self.assertIn("6 of 6 examples performed by exactly the clusters that should.", checked.err)


class HealingTests(ProcessesTestCase):
    """What a user sees when a region dies and is back."""

    NORTH = ("north-1", "north-2", "north-3")

    def parents(self) -> dict[str, str]:
        """Online sites of the north, and below whom they are."""
        items = self.kubectl("get", "clusters", "-o", "json").json["items"]
        there = (item for item in items if item["metadata"]["name"] in self.NORTH and item["status"]["status"] == "online")
        return {item["metadata"]["name"]: item["status"]["parentName"] for item in there}

    def rehomed(self) -> bool:
        """Whether all sites of the north have a parent that lives."""
        found = self.parents()
        return sorted(found) == sorted(self.NORTH) and "north" not in found.values()

    def test_region_dies_and_returns(self) -> None:
        """Its sites find another way within seconds, tasks go on; when it is back they go home, once, and without a gap."""
        demo = self.started()
        os.kill(processes(demo)["north"], signal.SIGKILL)
        began = time.monotonic()
        self.until(self.rehomed, "another way for the sites of the north")
        print(f"measured: after kill -9 of a region its sites re-homed after {time.monotonic() - began:.1f} s: {self.parents()}")
        self.otectl("run", "[tier=site]", "--", "GET", "/api/v1/namespaces")
        changes = self.file("changes")
        watch = subprocess.Popen([BIN / "otectl", "tree", "--watch"], env=self.environment(), stdout=changes.open("w"))
        self.addCleanup(watch.wait, PATIENCE)
        self.addCleanup(watch.kill)
        self.until(lambda: "north-3" in changes.read_text(), "the watch")
        self.others.append(typed(demo.process.stdout.readline().partition("start it again with: ")[2]))
        while "north" not in self.parents().values():
            self.otectl("run", "[tier=site]", "--", "GET", "/api/v1/namespaces")
        self.until(lambda: set(self.parents().values()) == {"north"} and len(self.parents()) == 3, "all sites of the north home")
        self.otectl("run", "[tier=site]", "--", "GET", "/api/v1/namespaces")
        gaps = re.findall(r"(?m)^north-\d .*(?:offline|gone|unreachable).*", changes.read_text())
        self.assertEqual(gaps, [])
        for site in self.NORTH:
            told = self.otectl("events", "--context", site, site, "-o", "json").json["items"]
            counts = {item["reason"]: item["count"] for item in told}
            self.assertEqual((counts.get("MovedToParent"), counts.get("ReturnedToParent")), (1, 1), counts)

    def file(self, name: str) -> Path:
        """A file of this test."""
        return self.folder() / name


class EndTests(ProcessesTestCase):
    """No process is left, however the demo ends."""

    def test_ctrl_c(self) -> None:
        """Ctrl-C, SIGTERM too, ends all of them in bounded time and with 0; nothing is said to have died."""
        for number in (signal.SIGINT, signal.SIGTERM):
            demo = self.started("--tiers", "2")
            pids = processes(demo)
            self.assertEqual(sorted(pids), ["n1", "n2", "root"])
            begun = time.monotonic()
            self.assertEqual(demo.stop(number), 0)
            self.assertLess(time.monotonic() - begun, STOP)
            self.assertFalse([name for name, pid in pids.items() if alive(pid)])
            self.assertNotIn("ended", demo.text)

    def test_killed(self) -> None:
        """When the demo itself is killed the system ends every process of it, also one that does not listen."""
        demo = self.started("--tiers", "2")
        pids = processes(demo)
        os.kill(pids["n1"], signal.SIGSTOP)
        self.assertEqual(demo.stop(signal.SIGKILL), -signal.SIGKILL)
        self.until(lambda: not any(map(alive, pids.values())), "the end of all processes")

    def test_a_stuck_one(self) -> None:
        """One that does not stop when it is asked to is ended, in bounded time."""
        demo = self.started("--tiers", "2")
        pids = processes(demo)
        os.kill(pids["n1"], signal.SIGSTOP)
        begun = time.monotonic()
        self.assertEqual(demo.stop(signal.SIGINT), 0)
        self.assertLess(time.monotonic() - begun, STOP + 1)
        self.until(lambda: not any(map(alive, pids.values())), "the end of all processes")

    def test_cannot_start(self) -> None:
        """A controller that cannot start ends the demo with its reason, and the others with it."""
        folder = self.folder()
        (folder / "n1").mkdir()
        (folder / "n1" / "store.sqlite").write_bytes(b"SQLite format 3\x00" + b"\xa5" * 8000)
        refused = self.otectl("demo", "--processes", "--tiers", "2", "--dir", folder, code=1)
        self.assertRegex(refused.err, r"\Aotectl: n1 ended with exit code 1: .*store.*\n\Z")
        self.assertNotIn("Traceback", refused.err)
