"""Trees of ours and of peers that speak ``ote.v1`` alone, in which parents die."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.functional.controller_processes import PATIENCE, Controller, ControllersTestCase, free_port, until
from tests.functional.demo_process import TOP

MAPS = "/api/v1/namespaces/default/configmaps"


class Old:
    """A peer that speaks ``ote.v1`` alone."""

    def __init__(self, folder: Path, name: str, parent: str) -> None:
        """
        :param parent: address of its parent, a URL.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._parent = parent.removeprefix("ws://")
        self._port = free_port()
        self._performed = folder / f"{name}-performed"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where children join."""
        return f"ws://127.0.0.1:{self._port}"

    def start(self) -> Old:
        """Run it."""
        command = [
            sys.executable,
            "-m",
            "tests.functional.v1.peer",
            self.name,
            str(self._port),
            str(self._performed),
            self._parent,
        ]
        self._process = subprocess.Popen(command, cwd=TOP, stdin=subprocess.DEVNULL)
        return self

    def end(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)

    def known(self) -> list[str]:
        """Whom else it could join, by what it was told."""
        file = self._performed.with_suffix(".known")
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    def performed(self) -> list[str]:
        """The tasks that it performed, each as often as it did."""
        return self._performed.read_text(encoding="utf-8").split() if self._performed.exists() else []


class MixedTestCase(ControllersTestCase):
    """A root and two regions of ours."""

    timeout = 240

    def setUp(self) -> None:
        super().setUp()
        self.root = self.controller("root").start()
        self.north = self.controller("north", f"--parent={self.root.address}").start()
        self.south = self.controller("south", f"--parent={self.root.address}").start()
        self.root.online("north", "south")

    def old(self, name: str, parent: Controller) -> Old:
        """A v1 peer that runs below one of ours."""
        made = Old(self.folder, name, parent.address)
        self.addCleanup(made.end)
        return made.start()

    def below(self, name: str, parent: str) -> None:
        """Wait until a cluster is online below another one, as the root sees it."""

        def there() -> bool:
            status = (self.root.cluster(name) or {}).get("status") or {}
            return (status.get("status"), status.get("parentName")) == ("online", parent)

        until(there, f"{name} online below {parent}; {self.root.cluster(name)}", 2 * PATIENCE)

    def done(self, name: str, cluster: str, codes: tuple[int, ...] = (200, 201)) -> None:
        """Wait until a cluster has answered a task of the root with success."""
        until(lambda: self.root.answers(name).get(cluster) in codes, f"{cluster}'s answer to {name}", 2 * PATIENCE)


class ChildTests(MixedTestCase):
    """A v1 peer below ours."""

    def test_moves_when_its_parent_dies(self) -> None:
        """It finds the sibling of its dead parent, of which ours told it, and tasks reach it there, earlier ones too."""
        old = self.old("old", self.north)
        self.below("old", "north")
        self.root.submit("before", "old")
        self.done("before", "old")
        until(lambda: "south" in old.known(), "the sibling of its parent")
        self.north.end(signal.SIGKILL)
        self.root.submit("meanwhile", "old")
        self.below("old", "south")
        self.done("meanwhile", "old")
        self.north.start()
        self.root.online("north", "south", "old")
        self.root.submit("after", "old")
        self.done("after", "old")
        self.assertEqual(sorted(set(old.performed())), ["after", "before", "meanwhile"])
        self.below("old", "south")


class ParentTests(MixedTestCase):
    """A v1 peer between ours."""

    def made(self, site: Controller) -> list[str]:
        """The tasks that made an object at a site, each as often as it did."""
        items = site.get(MAPS)["items"]
        return sorted(item["metadata"]["labels"]["task"] for item in items if "task" in (item["metadata"].get("labels") or {}))

    def make(self, name: str) -> None:
        """A task whose every performance shows."""
        body = {"metadata": {"generateName": "made-", "labels": {"task": name}}}
        self.root.submit(name, "site", "POST", MAPS, json.dumps(body))

    def knows(self, site: Controller) -> set[str]:
        """Whom a site could join, by name."""
        statuses = site.get("/apis/ote-twisted.dev/v1alpha1/controllerstatuses")["items"]
        return {each["name"] for each in statuses[0]["status"]["uplink"].get("candidates", ())}

    def test_dies_and_returns(self) -> None:
        """Our site leaves a v1 parent that died for one that it told of, and goes back; everything is done once."""
        old = self.old("old", self.root)
        self.below("old", "root")
        site = self.controller("site", f"--parent={old.address}", "--settle=2s").start()
        self.below("site", "old")
        until(lambda: self.knows(site) >= {"north", "south"}, "what the v1 parent told of its siblings")
        self.make("before")
        self.done("before", "site")
        old.end()
        self.make("meanwhile")
        until(
            lambda: (self.root.cluster("site") or {})["status"].get("parentName") in ("north", "south", "root"), "another parent"
        )
        self.done("meanwhile", "site")
        old.start()
        self.root.online("north", "south", "old", "site")
        self.below("site", "old")
        self.make("after")
        self.done("after", "site")
        self.assertEqual(self.made(site), ["after", "before", "meanwhile"])
