"""The files shim keeps the contract, and stays in its folder."""

import os
from pathlib import Path

from files_shim import FilesShim
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.shim.plugin import IShimMaker, load_shim
from ote_twisted.tasks.model import Task
from ote_twisted.testing.contracts.shim import ShimHarness, make_shim_tests
from ote_twisted.testing.shim import MemoryHost


def put(body):
    """Write the one file that the contract tests use."""
    return Task("files", "PUT", "/some/file", body)


def harness(case):
    """A shim over a fresh folder."""
    return ShimHarness(FilesShim(case.mktemp()), put, Task("files", "GET", "/some/file"))


class ContractTests(make_shim_tests(harness)):
    """What every shim keeps."""


class FilesShimTests(SynchronousTestCase):
    """What this one does."""

    def setUp(self):
        """Start a shim over a fresh folder."""
        self.root = Path(self.mktemp())
        self.shim = FilesShim(self.root)
        self.shim.start("site", MemoryHost())

    def perform(self, method, uri, body=b""):
        """The answer to one task."""
        return self.successResultOf(self.shim.perform(Task("files", method, uri, body)))

    def test_deleted_file_is_gone(self):
        """A deleted file is a 404."""
        self.perform("PUT", "/a/b", b"text")
        self.assertEqual(self.perform("DELETE", "/a/b").code, 200)
        self.assertEqual(self.perform("GET", "/a/b").code, 404)

    def test_stays_in_its_folder(self):
        """A path or a link that leads outside is a 404."""
        (self.root.parent / "secret").write_text("secret")
        os.symlink("..", self.root / "link")
        for uri in ("/../secret", "/%2e%2e/secret", "/link/secret"):
            self.assertEqual(self.perform("GET", uri).code, 404, uri)

    def test_is_found_by_twisted(self):
        """The plugin line offers the kind."""
        self.assertIn("files", [maker.kind for maker in getPlugins(IShimMaker)])
        self.assertIsInstance(load_shim("files", {"state": self.mktemp()}), FilesShim)
