"""Twenty thousand targets while every process of the tree is killed, again and again."""

from __future__ import annotations

import os
from pathlib import Path
from random import randrange
from tempfile import TemporaryDirectory

from twisted.trial.unittest import TestCase

from tests.functional.chaos.storm import Storm, Weather

TARGETS = 20_000
FEW_UNKNOWN = 0.1
"""Share of targets of which nobody may know what became of them, at most; only what may not be repeated is among them."""


class ChaosTests(TestCase):
    """Thirteen processes in three tiers."""

    timeout = 1200

    async def test_nothing_is_lost_or_done_twice(self) -> None:
        """With random kills at every hop everything is completed: nothing is lost, nothing is done twice, little is unknown."""
        from twisted.internet import reactor

        folder = TemporaryDirectory(prefix="ote-chaos-")
        self.addCleanup(folder.cleanup)
        seed = int(os.environ.get("CHAOS_SEED", randrange(1_000_000)))
        storm = Storm(Weather(seed, TARGETS), Path(folder.name), reactor, lambda text: print(text, flush=True))
        found = await storm.run()
        self.assertTrue(found.passed, f"seed {seed}: {found.told()}")
        self.assertGreaterEqual(found.targets, TARGETS)
        self.assertEqual(len(storm.kills), 13)
        self.assertLess(found.unknown, FEW_UNKNOWN * found.targets)
