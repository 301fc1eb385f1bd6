"""What a site at rest carries with it: ten thousand sites pay for each module that only a few of them use."""

from __future__ import annotations

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

_BUILD = """
import sys
from ote_twisted.tap.controller import Options, makeService
options = Options()
options.parseOptions(sys.argv[1:])
service = makeService(options)
from twisted.internet import reactor
def rest():
    print(*sys.modules, file=sys.__stdout__)
    reactor.stop()
def look():
    reactor.callLater(*((0.5, rest) if node.controller.own_status.told else (0.05, look)))
node = next(each for each in service.services[0].services if hasattr(each, "controller"))
service.startService()
reactor.callLater(0, look)
reactor.run()
"""
"""Does what twistd does until the controller knows what its cluster is, and tells which modules that took."""

_LIBRARIES = frozenset(
    {
        "autobahn.wamp.types",
        "click",
        "fastjsonschema",
        "google.protobuf.internal.python_message",
        "google.protobuf.text_format",
        "importlib.metadata",
        "jsonpatch",
        "jsonschema",
        "prometheus_client",
        "pyroaring",
        "re2",
        "rich",
        "tomllib",
        "treq",
        "twisted.web.client",
        "twisted.web.server",
        "yaml",
    }
)
"""Of these a site that is asked nothing needs none."""

_OURS = frozenset(
    {
        "ote_twisted.api.verbs",
        "ote_twisted.api.watching",
        "ote_twisted.cli",
        "ote_twisted.shim.remote",
        "ote_twisted.tasks.generation",
        "ote_twisted.testing",
        "ote_twisted.topology.selection.parser",
        "ote_twisted.topology.selection.terms",
    }
)
"""Nor of our own modules these."""


class WeightTests(SynchronousTestCase):
    """A controller is built in a process of its own."""

    def modules(self, *flags: str) -> set[str]:
        """Names of the modules that a process has imported once a controller with these flags is built."""
        folder = TemporaryDirectory(prefix="ote-weight-")
        self.addCleanup(folder.cleanup)
        arguments = ["--name", "site", "--state", folder.name, "--parent", "wss://localhost:8287", *flags]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-c", _BUILD, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return set(done.stdout.split())

    def test_a_site_at_rest_is_light(self) -> None:
        """A site with an API and an embedded cluster imports nothing that only a busy one uses."""
        modules = self.modules("--api", "tcp:0:interface=127.0.0.1")
        self.assertIn("ote_twisted.api.listener", modules)
        self.assertEqual(modules & (_LIBRARIES | _OURS), set())

    def test_who_can_have_children_keeps_many_names_in_bitmaps(self) -> None:
        """A controller with a tunnel indexes by roaring bitmaps, which pay off with many clusters."""
        self.assertIn("pyroaring", self.modules("--tunnel", "tcp:0:interface=127.0.0.1"))
