"""Kinds of shims as plugins."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ote_twisted.errors import ConfigError
from ote_twisted.shim.plugin import IShimMaker, ShimMaker, load_shim, shim_kinds
from ote_twisted.testing.shim import MemoryShim


def make_memory(settings):
    """What a plugin names."""
    if "state" not in settings:
        raise ConfigError("say where")
    return MemoryShim(Clock())


KINDS = {
    "memory": ShimMaker("memory", "A dictionary.", f"{__name__}.make_memory"),
    "odd": ShimMaker("odd", "No shim at all.", "builtins.dict"),
    "gone": ShimMaker("gone", "Not installed.", "no_such_module_anywhere.make"),
}


class ShimKindTests(SynchronousTestCase):
    """Finding and making shims."""

    def test_maker_is_a_plugin(self):
        """A maker is found by Twisted and by us."""
        verifyObject(IShimMaker, KINDS["memory"])
        verifyObject(IPlugin, KINDS["memory"])

    def test_made(self):
        """A kind makes its shim from the settings."""
        self.assertIsInstance(load_shim("memory", {"state": "x"}, KINDS), MemoryShim)

    def refused(self, kind: str) -> str:
        """The reason why a kind is not loaded."""
        with self.assertRaises(ConfigError) as caught:
            load_shim(kind, {}, KINDS)
        return str(caught.exception)

    def test_unknown_kind_names_the_known(self):
        """An unknown kind is refused with those that are installed."""
        self.assertEqual(self.refused("nope"), "no shim of kind 'nope' is installed; installed kinds: gone, memory, odd")

    def test_settings_are_the_makers(self):
        """What a maker says about its settings is what people read."""
        self.assertEqual(self.refused("memory"), "say where")

    def test_no_shim(self):
        """What provides no IClusterShim is refused."""
        self.assertIn("made something that is no shim", self.refused("odd"))

    def test_not_importable(self):
        """A module that is not there is a clear error."""
        self.assertIn("cannot be loaded", self.refused("gone"))

    def test_installed_kinds_have_unique_names(self):
        """What is installed is known by its name."""
        for kind, maker in shim_kinds().items():
            self.assertEqual(kind, maker.kind)
