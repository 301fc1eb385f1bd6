"""How many connections a process may have."""

from __future__ import annotations

import resource

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.tap.open_files import raise_open_files


class OpenFilesTests(SynchronousTestCase):
    """The soft limit of open files."""

    def test_as_many_as_allowed(self) -> None:
        """The process may open as many files as the hard limit says."""
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
        self.assertEqual(raise_open_files(), before[1])
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE)[0], before[1])
