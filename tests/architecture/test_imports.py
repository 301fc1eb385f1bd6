"""Who may import whom: decisions are pure, effects meet through interfaces, roots put together."""

from __future__ import annotations

import re
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.architecture.source import TOP, Module, modules

PURE_PACKAGES = ("ote_twisted.wire", "ote_twisted.topology")
"""Packages whose every module is pure, said or not."""

PURE_LIBRARIES = {
    "attrs",
    "attr",
    "google",
    "orjson",
    "yaml",
    "jsonpatch",
    "jsonpointer",
    "jsonschema_rs",
    "re2",
    "pyroaring",
    "automat",
}
"""Libraries without I/O, clock or event loop."""

IMPURE_STANDARD = set(
    "asyncio concurrent http.client http.server logging multiprocessing os random select selectors signal"
    " socket socketserver sqlite3 ssl subprocess tempfile threading time urllib.request".split()
)
"""Modules of the standard library that act or look at the world."""

ONLY_ERRORS = {("ote_twisted.storage.sqlite.faults", "sqlite3")}
"""Imports for the names of errors, which are told apart and not caused."""

ROOTS = ("ote_twisted.tap", "ote_twisted.cli")
SHARED = {"ote_twisted", "ote_twisted.interfaces", "ote_twisted.errors", "ote_twisted.websocket"}
"""What every package may import."""

SERVING_TESTS = ("ote_twisted.testing",)
"""Imports what it tests."""

GENERATED = "ote_twisted.wire.clustermessage_pb2"


def within(name: str, packages: tuple[str, ...]) -> bool:
    """Tell whether a module is one of the packages or inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def is_pure(module: Module) -> bool:
    """Tell whether a module must be pure: by its package, or by its own word."""
    return within(module.name, PURE_PACKAGES) or re.search(r"\bPure[.:]", module.headline) is not None


def ours(module: Module) -> list[tuple[str, int]]:
    """Give our own modules that a module imports at run time, with lines."""
    known = {*modules(), GENERATED}
    return [(found.target, found.line) for found in module.imports if found.target in known and not found.for_types]


def outside(module: Module) -> list[tuple[str, int]]:
    """Give everything else that it imports, with lines."""
    return [(found.target, found.line) for found in module.imports if not found.target.startswith("ote_twisted")]


class PurityTests(SynchronousTestCase):
    """Modules that decide."""

    pure = tuple(module for module in modules().values() if is_pure(module))

    def test_pure_modules_exist(self) -> None:
        """The rule has something to hold for."""
        self.assertGreater(len(self.pure), 20)

    def test_only_pure_libraries(self) -> None:
        """A pure module imports the standard library's harmless part and pure libraries, and nothing else from outside."""
        faults = []
        for module in self.pure:
            for target, line in outside(module):
                top = target.split(".")[0]
                harmless = top in sys.stdlib_module_names and not {top, target} & IMPURE_STANDARD
                if not harmless and top not in PURE_LIBRARIES and (module.name, target) not in ONLY_ERRORS:
                    faults.append(f"{module.name}:{line} imports {target}")
        self.assertEqual(faults, [])

    def test_only_pure_modules_of_ours(self) -> None:
        """A pure module imports pure modules of ours and the errors."""
        allowed = {module.name for module in self.pure} | {"ote_twisted", "ote_twisted.errors", GENERATED}
        packages = {name for name, module in modules().items() if module.path.name == "__init__.py"}
        faults = [
            f"{module.name}:{line} imports {target}"
            for module in self.pure
            for target, line in ours(module)
            if target not in allowed | packages
        ]
        self.assertEqual(faults, [])


class LayerTests(SynchronousTestCase):
    """Modules that act."""

    def test_effects_meet_through_interfaces(self) -> None:
        """A package that acts imports pure modules and the contracts, never another package that acts."""
        faults = []
        for module in modules().values():
            if within(module.name, (*ROOTS, *SERVING_TESTS)) or module.name in SHARED:
                continue
            for target, line in ours(module):
                other = modules().get(target)
                if other is None or other.package == module.package or target in SHARED:
                    continue
                if not is_pure(other) and other.path.name != "__init__.py":
                    faults.append(f"{module.name}:{line} imports {target}")
        self.assertEqual(faults, [])

    def test_roots_are_imported_by_nobody(self) -> None:
        """Only roots import roots."""
        faults = [
            f"{module.name}:{line} imports {target}"
            for module in modules().values()
            if not within(module.name, (*ROOTS, *SERVING_TESTS))
            for target, line in ours(module)
            if within(target, ROOTS)
        ]
        self.assertEqual(faults, [])

    def test_reactor_in_roots_only(self) -> None:
        """The reactor is imported in roots, and there inside functions."""
        faults = [
            f"{module.name}:{found.line}"
            for module in modules().values()
            for found in module.imports
            if found.target == "twisted.internet.reactor" and not (found.nested and within(module.name, ROOTS))
        ]
        self.assertEqual(faults, [])

    def test_time_comes_in(self) -> None:
        """No module below the roots reads a clock of its own."""
        faults = [
            f"{module.name}:{found.line} imports {found.target}"
            for module in modules().values()
            if not within(module.name, ROOTS)
            for found in module.imports
            if found.target in ("time.time", "time.monotonic", "time.perf_counter", "time.sleep") or found.target == "time"
        ]
        self.assertEqual(faults, [])

    def test_no_generator_coroutines(self) -> None:
        """Sequences are written with ``async def``."""
        faults = [
            module.name
            for module in modules().values()
            for found in module.imports
            if found.target == "twisted.internet.defer.inlineCallbacks"
        ]
        self.assertEqual(faults, [])

    def test_no_metrics_with_a_reactor_of_their_own(self) -> None:
        """prometheus_client's Twisted part, which imports the reactor and a thread pool, is not used (T7)."""
        faults = [
            module.name
            for module in modules().values()
            for found in module.imports
            if found.target.startswith("prometheus_client.twisted")
        ]
        self.assertEqual(faults, [])


class LayoutTests(SynchronousTestCase):
    """The flat layout."""

    def test_plugin_folders_are_no_packages(self) -> None:
        """``twisted/`` and ``twisted/plugins/`` hold no ``__init__.py``, which would hide Twisted itself."""
        self.assertEqual(list((TOP / "twisted").rglob("__init__.py")), [])

    def test_plugin_file_imports_nothing_of_ours(self) -> None:
        """The plugin file names its programs and imports none of them, since twistd imports it at every start."""
        for module in modules("twisted").values():
            self.assertEqual([found.target for found in module.imports if found.target.startswith("ote_twisted")], [])
