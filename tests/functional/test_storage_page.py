"""The commands of docs/storage.md do what the page says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.storage.sqlite.opening import open_store
from ote_twisted.testing.contracts.store import config_map, key

PAGE = Path(__file__).parents[2] / "docs" / "storage.md"


class StoragePageTests(SynchronousTestCase):
    """The page is followed word by word."""

    def test_backup_look_and_restore(self) -> None:
        """A running store is backed up and read; after a restore it holds what it held at the backup."""
        backup, look, restore = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        state = Path(self.mktemp())
        state.mkdir()
        clock = Clock()
        storage = open_store(state / "store.sqlite", clock)
        before = storage.objects.create(key("before"), config_map("before"))
        clock.advance(0)
        self.run_in(state, backup)
        storage.objects.create(key("after"), config_map("after"))
        clock.advance(0)
        self.assertEqual(self.run_in(state, look).count("configmaps"), 2)
        self.successResultOf(storage.stopService())
        self.run_in(state, restore)
        again = open_store(state / "store.sqlite", clock)
        self.addCleanup(again.stopService)
        found = self.successResultOf(again.objects.list("configmaps"))
        self.assertEqual([stored.value for stored in found.items], [self.successResultOf(before).value])

    def run_in(self, state: Path, commands: str) -> str:
        """Run commands of the page; gives what they print."""
        environment = {"STATE": str(state.absolute()), "PATH": os.environ["PATH"]}
        done = subprocess.run(["sh", "-e", "-c", commands], env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout
