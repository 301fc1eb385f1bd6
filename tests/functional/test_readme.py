"""What README and the pages for users tell to type works, and what they show is what comes of it."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from tests.functional.demo_process import BIN, PATIENCE, TOP, Demo, DemoTestCase
from tests.functional.pages import File, Step, differs, steps

ENDLESS = ("twistd -n", ".venv/bin/twistd --nodaemon")
"""Beginnings of commands that run until they are stopped."""


class Reader:
    """Does what a page says, in a folder that looks like a clone of the source.

    :ivar folder: the clone.
    """

    def __init__(self, case: DemoTestCase) -> None:
        self.folder = case.folder()
        self._case = case
        self._ports: dict[str, str] = {}
        self._environment = case.environment(PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}")
        for name in ("examples", "etc", "Makefile", "requirements.lock", "setup.cfg", "setup.py"):
            (self.folder / name).symlink_to(TOP / name)
        (self.folder / ".venv").symlink_to(sys.prefix)
        self._demo: Demo | None = None

    def take(self, step: Step | File) -> None:
        """Do one thing, and compare what comes of it."""
        if isinstance(step, File):
            (self.folder / step.name).write_text(step.text)
        elif step.command.startswith("export "):
            self._export(step.command)
        elif step.command.startswith("make demo"):
            self._compare(step, self._make_demo(step.command))
        elif step.command.startswith(ENDLESS):
            self._begin(self._own(step.command))
        elif step.command.startswith("kill "):
            self._case.until(self._everybody_knows_another, "sites below north that know another parent")
            self._run(self._own(step.command))
        elif step.command.startswith("otectl events"):
            self._await(step)
        else:
            self._compare(step, self._run(self._own(step.command)))

    def _await(self, step: Step) -> None:
        """What happens is written as an event within a second or so, not at once."""
        command = self._own(step.command)
        self._case.until(lambda: not differs(step.shown, self._run(command)), f"what {command} shows")

    def _everybody_knows_another(self) -> bool:
        """Whether every site has learnt what it does some seconds after it has joined."""
        known = (self._run(f"otectl status -o json --context north-{number}") for number in (1, 2, 3))
        return all("parent sibling" in text for text in known)

    def _compare(self, step: Step, output: str) -> None:
        self._case.assertEqual(differs(step.shown, output), "", step.command)

    def _export(self, command: str) -> None:
        for text in shlex.split(command)[1:]:
            name, _, value = text.partition("=")
            assert self._demo is not None
            told = {"KUBECONFIG": str(self._demo.kubeconfig), "PATH": self._environment["PATH"]}
            assert name in told, value
            self._environment[name] = told[name]

    def _make_demo(self, command: str) -> str:
        """The Makefile must come to the command that is run here instead, so that nothing is installed anew."""
        said = self._run(f"{command} --dry-run --always-make").splitlines()[-1]
        arguments = shlex.split(said.partition("otectl demo")[2])
        assert "otectl demo" in said, said
        if "--check" in arguments:
            return self._run(shlex.join(["otectl", "demo", *arguments]))
        if self._demo is not None:
            self._demo.stop()
        self._demo = self._case.demo(*arguments)
        return self._demo.text

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        self._case.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
        return done.stdout

    def _begin(self, command: str) -> None:
        """Start a program; it is there when it has told that the last thing it does is done."""
        log = (self.folder / f"log-{len(list(self.folder.glob('log-*')))}").open("w+")
        process = subprocess.Popen(
            shlex.split(command), cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        self._case.addCleanup(log.close)
        self._case.addCleanup(process.wait, PATIENCE)
        self._case.addCleanup(process.terminate)
        wanted = "joined ws://" if "--parent" in command else "owns 0 tasks"
        self._case.until(lambda: process.poll() is not None or wanted in Path(log.name).read_text(), command)
        self._case.assertIsNone(process.poll(), Path(log.name).read_text())

    def _own(self, command: str) -> str:
        """The command with free ports for those of the page, and our folders and process for its."""
        command = re.sub(r"(?<=[:\w])(?<!\d)(8[23]8\d)\b", lambda found: self._port(found[1]), command)
        if self._demo is not None:
            command = re.sub(r"/tmp/ote-demo-\w+", str(self._demo.folder), command)
            if killed := re.search(r"kill -9 \d+", self._demo.text):
                command = re.sub(r"kill -9 \d+", killed[0], command)
        return command.replace("/tmp/tree", str(self.folder / "tree"))

    def _port(self, number: str) -> str:
        if number not in self._ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._ports[number] = str(probe.getsockname()[1])
        return self._ports[number]


class PageTests(DemoTestCase):
    """Pages for users."""

    maxDiff = None

    def followed(self, page: str, least: int = 6) -> None:
        """Follow a page from its beginning to its end; it has so many commands at least."""
        found = list(steps((TOP / page).read_text(encoding="utf-8")))
        self.assertGreaterEqual(len(found), least)
        reader = Reader(self)
        for step in found:
            reader.take(step)

    def test_readme(self) -> None:
        """Every command of the README works and gives what is shown."""
        self.followed("README.md")

    def test_quick_start(self) -> None:
        """Every command of the quick start works and gives what is shown."""
        self.followed("docs/quickstart.md")

    def test_otectl(self) -> None:
        """Every command of the page about otectl works and gives what is shown."""
        self.followed("docs/otectl.md")

    def test_api(self) -> None:
        """Every command of the page about the API works."""
        self.followed("docs/api.md")

    def test_operations(self) -> None:
        """Every command of the page about operations works and gives what is shown."""
        self.followed("docs/operations.md")

    def test_simulator(self) -> None:
        """Every command of the page about the simulator works and gives what is shown."""
        self.followed("docs/simulator.md", least=3)

    def test_other_pages(self) -> None:
        """Each page that has commands is followed by a test of its own."""
        followed = {"quickstart", "otectl", "api", "operations", "simulator", "storage"}
        pages = {page.stem for page in (TOP / "docs").glob("*.md") if list(steps(page.read_text(encoding="utf-8")))}
        self.assertEqual(pages - followed, set())


class DifferenceTests(DemoTestCase):
    """How what is shown is compared."""

    def test_varying(self) -> None:
        """Ages, addresses, generated names and blanks may differ; nothing else may."""
        shown = ("north  online  41s  127.0.0.1:1", "inference-abcde  1m2s")
        self.assertEqual(differs(shown, "north online   3s 127.0.0.1:65535\n2 of 2 answered\ninference-zzzzz 2h\n"), "")
        self.assertIn("offline", differs(shown, "north offline 3s 127.0.0.1:65535\ninference-zzzzz 2h\n"))
        self.assertIn("is:", differs(("one",), "one\ntwo\n"))

    def test_dots(self) -> None:
        """Three dots stand for any lines, also for none; where nothing is shown nothing is compared."""
        for output in ("a\nb\n", "a\nx\ny\nb\n"):
            self.assertEqual(differs(("a", "...", "b"), output), "")
        self.assertNotEqual(differs(("a", "..."), "b\n"), "")
        self.assertEqual(differs((), "anything"), "")

    def test_steps(self) -> None:
        """Commands and files are found in their order, other blocks passed over."""
        page = "```console\n$ one\nout\n$ two\n```\n\n```yaml\n# f.yaml\na: 1\n```\n\n```yaml\nb: 2\n```\n"
        expected = [Step("one", ("out",)), Step("two", ()), File("f.yaml", "# f.yaml\na: 1\n")]
        self.assertEqual(list(steps(page)), expected)
