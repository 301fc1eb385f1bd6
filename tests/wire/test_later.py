"""Modules that are imported when something of them is used."""

from __future__ import annotations

import sys
from types import ModuleType
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from ote_twisted import later
from ote_twisted.wire import clustermessage_pb2 as pb


class LaterTests(SynchronousTestCase):
    """Stand-ins for modules; ``colorsys`` is one that nothing here imports."""

    def setUp(self) -> None:
        """As if it had never been imported."""
        self._forget()
        self.addCleanup(self._forget)

    def _forget(self) -> None:
        sys.modules.pop("colorsys", None)

    def _import(self) -> ModuleType:
        import colorsys

        return colorsys

    def test_who_imports_meanwhile_gets_a_stand_in(self) -> None:
        """The module is not imported until something of it is used, and then it is whole."""
        with later.later("colorsys"):
            stand_in = self._import()
        self.assertNotIn("colorsys", sys.modules)
        self.assertEqual(stand_in.rgb_to_hls(0, 0, 0), (0.0, 0.0, 0.0))
        self.assertIn("colorsys", sys.modules)

    def test_who_imports_afterwards_gets_the_module(self) -> None:
        """A stand-in stays with those for whom it was made."""
        with later.later("colorsys"):
            pass
        self.assertNotIsInstance(self._import(), later.Later)

    def test_a_module_that_is_there_already_stays(self) -> None:
        """Nothing stands for what has been imported before."""
        before = self._import()
        with later.later("colorsys"):
            self.assertIs(self._import(), before)
        self.assertIs(sys.modules["colorsys"], before)

    def test_special_names_import_nothing(self) -> None:
        """Whoever only looks at a stand-in, as the import system does, has it import nothing."""
        self.assertRaises(AttributeError, getattr, later.Later("colorsys"), "__path__")
        self.assertNotIn("colorsys", sys.modules)

    def test_messages_are_native(self) -> None:
        """The messages of the wire need nothing of protobuf's Python implementation, which is left out."""
        self.assertEqual(type(pb.ClusterMessage).__module__, "google._upb._message")


class WithoutPackageTests(SynchronousTestCase):
    """Modules without the package around them."""

    def test_the_package_is_not_imported(self) -> None:
        """A module of a package is had without what the package does at its import."""
        whole = mock.patch.dict(sys.modules)
        whole.start()
        self.addCleanup(whole.stop)
        sys.modules.pop("wsgiref", None)
        self.assertTrue(callable(later.without_package("wsgiref.util").guess_scheme))
        self.assertNotIn("wsgiref", sys.modules)

    def test_what_is_not_there(self) -> None:
        """A missing module or package is an ImportError, as with any import."""
        self.assertRaises(ImportError, later.without_package, "wsgiref.nothing")
        self.assertRaises(ImportError, later.without_package, "no_such_package.util")
