"""docs/writing-a-shim.md shows code that works and numbers that are true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.interfaces import IClusterShim
from ote_twisted.shim.answers import BODY_LIMIT
from ote_twisted.shim.dial import Delays
from ote_twisted.shim.guard import GuardedShim, GuardLimits
from ote_twisted.shim.remote import RemoteLimits
from ote_twisted.shim.server import ServerLimits
from ote_twisted.shim.websocket import LinkLimits
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.shim import MemoryHost

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "writing-a-shim.md").read_text("utf-8")


class DocumentTests(SynchronousTestCase):
    """The page is true."""

    def test_first_shim(self):
        """The first shim of the page is one: it provides the interface and answers."""
        code = re.findall(r"```python\n(.*?)```", PAGE, re.S)[0]
        names: dict[str, Any] = {}
        exec(compile(code, "writing-a-shim.md", "exec"), names)
        echo = names["EchoShim"]()
        verifyObject(IClusterShim, echo)
        shim = GuardedShim(echo, Clock())
        shim.start("c", MemoryHost())
        self.assertEqual(self.successResultOf(shim.perform(Task("echo", "POST", "/", b"x"))), Answer(200, b"x"))
        self.assertEqual(self.successResultOf(shim.perform(Task("echo", "GET", "/"))).code, 405)

    def test_numbers(self):
        """The bounds that the page names are the defaults."""
        server = ServerLimits()
        for text, number in {
            "at most 32 tasks": server.concurrency == 32,
            "takes longer than 60 s": GuardLimits().task_seconds == 60,
            "cut at 1 MiB": BODY_LIMIT == 1 << 20,
            "a 504 after 120 s": RemoteLimits().task_seconds == 120,
            "pinged every 5 s and is dropped after 15 s": (LinkLimits().ping, LinkLimits().silence) == (5, 15),
            "up to 64 MiB, in fragments": LinkLimits().message == 64 << 20,
            "grows up to 30 s": Delays().longest == 30,
            "at most 16, each with a shim": server.clusters == 16,
            "within 2 s of a ping": server.probe == 2,
            "15 s for the handshake": LinkLimits().opening == 15,
            "from 2048 on": server.served.open_tasks == 2048,
            "the newest 1000 up to 64 MiB": (server.served.kept_messages, server.served.kept_bytes) == (1000, 64 << 20),
        }.items():
            self.assertIn(text, PAGE)
            self.assertTrue(number, text)
