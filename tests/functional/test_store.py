"""The embedded store under the real reactor, a kill, and a disk that fills."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from ote_twisted.storage.model import ResourceVersion, StoreEvent
from ote_twisted.storage.sqlite.opening import open_store
from ote_twisted.tasks.model import TargetState
from ote_twisted.testing.contracts.store import MAPS, config_map, key

LINES = 300


class ProcessTests(SynchronousTestCase):
    """A store in a process of its own."""

    def start(self, path: Path, mode: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.store_process", str(path), mode],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.kill)
        return process

    def path(self) -> Path:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        return folder / "store.sqlite"

    def test_killed_process_keeps_every_acknowledged_write(self) -> None:
        """After kill -9 amid writes, every object whose write was acknowledged is there, and the store opens without help."""
        path = self.path()
        process = self.start(path, "for-ever")
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(LINES)]
        process.send_signal(signal.SIGKILL)
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
        self.assertEqual(process.wait(10), -signal.SIGKILL)
        storage = open_store(path, Clock())
        self.addCleanup(storage.stopService)
        found = {stored.key.name for stored in self.successResultOf(storage.objects.list(MAPS)).items}
        self.assertEqual([name for name in told if name not in found], [])
        events: list[StoreEvent] = []
        self.assertEqual(storage.objects.version(), 1 + len(found))
        storage.objects.watch(MAPS, ResourceVersion(1), events.extend).stop()

    def test_full_disk(self) -> None:
        """When files cannot grow writes are refused, reads go on, and writes work again once there is room."""
        process = self.start(self.path(), "full-disk")
        output, _ = process.communicate(timeout=60)
        lines = [line for line in output.splitlines() if line.startswith(("refused", "read", "written"))]
        self.assertEqual(process.returncode, 0, output)
        self.assertRegex(lines[0], "^refused: the disk under the store .*: nothing was written")
        self.assertEqual(lines[1], "read: True")
        self.assertRegex(lines[2], "^written: [0-9]+$")


class ReactorTests(TestCase):
    """A store with its writer thread, under the reactor."""

    timeout = 30

    async def test_writes_reads_and_watches(self) -> None:
        """Many concurrent writes are durable, told to a watch in order, and share commits."""
        from twisted.internet import reactor

        folder = Path(self.mktemp())
        folder.mkdir()
        storage = open_store(folder / "store.sqlite", reactor, reactor)  # type: ignore[arg-type]
        events: list[StoreEvent] = []
        storage.objects.watch(MAPS, storage.objects.version(), events.extend)
        made = await gatherResults([storage.objects.create(key(f"m{number}"), config_map("m")) for number in range(500)])
        await storage.ledger.add("u.1", ["a"], TargetState.SENT)
        self.assertEqual([event.object for event in events], made)
        self.assertEqual(len((await storage.objects.list(MAPS)).items), 500)
        self.assertLess(storage.commit.commits, 100)
        last = storage.objects.delete(key("m0"), None)
        await storage.stopService()
        self.assertEqual((await last).version, storage.objects.version())
