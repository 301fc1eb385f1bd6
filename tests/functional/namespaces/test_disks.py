"""A site on a small disk, and on one that cannot be written, while it is cut off."""

from __future__ import annotations

import json

from tests.functional.controller_processes import until
from tests.functional.namespaces.lab import run
from tests.functional.namespaces.machines import Machine, MachinesTestCase

MAPS = "/api/v1/namespaces/default/configmaps"


class DiskTests(MachinesTestCase):
    """A root and a site below it."""

    def setUp(self) -> None:
        super().setUp()
        self.root = self.machine("root")
        self.site = Machine(self.lab, self.folder, "site", ("root",))
        self.addCleanup(self.site.end)
        self.state = self.site.folder / "state"
        self.state.mkdir()

    def mounted(self, how: str) -> tuple[str, ...]:
        """Runs a program for which something is mounted at the site's state, and for nobody else."""
        return ("unshare", "--mount", "sh", "-c", f'{how} && exec "$@"', "sh")

    def write(self, name: str, size: int) -> tuple[int, str]:
        """Write an object at the site."""
        return self.site.ask("POST", MAPS, {"metadata": {"name": name}, "data": {"text": "x" * size}})

    def test_small_disk(self) -> None:
        """On a full disk the site says so to whoever writes, reads what it has, and goes on when the disk is made larger."""
        self.site.before = self.mounted(f"mount -t tmpfs -o size=2m small {self.state}")
        self.site.start()
        self.root.online("site")
        self.lab.part(["site"])
        number = 0
        while (answer := self.write(f"m{number}", 60_000))[0] == 201:
            number += 1
            self.assertLess(number, 100)
        self.assertEqual((answer[0], json.loads(answer[1])["reason"]), (507, "InsufficientStorage"))
        self.assertIn("full", answer[1])
        self.assertEqual(len([item for item in self.site.get(MAPS)["items"] if "data" in item]), number)
        assert self.site.process is not None
        run("nsenter", "--mount", "--target", str(self.site.process.pid), "mount", "-o", "remount,size=32m", str(self.state))
        until(lambda: self.write("later", 60_000)[0] in (201, 409), "a write when there is room")
        self.lab.heal()
        self.root.online("site")
        self.root.submit("t", "site", "GET", f"{MAPS}/later")
        until(lambda: self.root.answers("t") == {"site": 200}, "the answer at the root")
        self.assertNotIn("Traceback", self.site.text())

    def test_read_only(self) -> None:
        """A store that cannot be written ends the start with one clear line; it is as it was when it can be written again."""
        self.site.start()
        self.root.online("site")
        self.assertEqual(self.write("kept", 10)[0], 201)
        self.lab.part(["site"])
        self.site.end()
        self.site.before = self.mounted(f"mount --bind {self.state} {self.state} && mount -o remount,bind,ro {self.state}")
        self.site.start()
        code, lines = self.site.exit()
        self.assertEqual(code, 1)
        self.assertRegex(lines[-1], r"ote-controller site: .*read.?only|ote-controller site: .*cannot")
        self.assertNotIn("Traceback", "\n".join(lines))
        self.site.before = ()
        self.site.start()
        until(lambda: self.site.get(f"{MAPS}/kept"), "what it had")
        self.lab.heal()
        self.root.online("site")
