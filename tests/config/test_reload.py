"""Reading the configuration anew."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.config.model import ControllerConfig
from ote_twisted.config.reload import Reloader, changed_options
from ote_twisted.config.sections import LogConfig
from ote_twisted.errors import ConfigError

BASE = ControllerConfig(name="c1")


class ReloaderTests(SynchronousTestCase):
    """What a reload changes."""

    def reloader(self, wanted: ControllerConfig | ConfigError) -> tuple[Reloader[ControllerConfig], list[ControllerConfig]]:
        """Give a reloader whose next file is ``wanted``, and the list of what it applied."""

        def load() -> ControllerConfig:
            if isinstance(wanted, ConfigError):
                raise wanted
            return wanted

        applied: list[ControllerConfig] = []
        return Reloader(load, BASE, ("log", "labels"), applied.append), applied

    def test_applied(self) -> None:
        """A right file is applied and in force."""
        wanted = evolve(BASE, log=LogConfig(level="debug"))
        reloader, applied = self.reloader(wanted)
        self.assertTrue(reloader.reload())
        self.assertEqual((applied, reloader.current, reloader.reloads), ([wanted], wanted, 1))

    def test_wrong_file_changes_nothing(self) -> None:
        """A wrong file is counted, and the former configuration stays in force."""
        reloader, applied = self.reloader(ConfigError("c.toml:1: name: wrong"))
        self.assertFalse(reloader.reload())
        self.assertEqual((applied, reloader.current, reloader.refused), ([], BASE, 1))

    def test_changed_options(self) -> None:
        """The options that differ are named."""
        self.assertEqual(changed_options(BASE, evolve(BASE, labels={"a": "b"}, tags=("x",))), ["labels", "tags"])
        self.assertEqual(changed_options(BASE, ControllerConfig(name="c1")), [])
