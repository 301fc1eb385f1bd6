"""Rules about the tests themselves."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from twisted.python.reflect import namedModule
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.architecture.source import Module, modules

NEED_ROOT = {"tests.functional.namespaces.lab"}
"""Pass tests over, with the reason, where there is no root; in CI they fail instead."""


@cache
def test_modules() -> tuple[ModuleType, ...]:
    """Import every module of tests."""
    return tuple(namedModule(name) for name in modules("tests") if name.rpartition(".")[2].startswith("test_"))


def cases() -> Iterator[type[SynchronousTestCase]]:
    """Give every class of tests, once."""
    seen = set()
    for module in test_modules():
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, SynchronousTestCase) and value not in seen:
                seen.add(value)
                yield value


def methods(case: type) -> Iterator[tuple[str, object]]:
    """Give the tests of a class, inherited ones included."""
    return ((name, value) for name, value in inspect.getmembers(case) if name.startswith("test_"))


class TestsTests(SynchronousTestCase):
    """Each test runs, and says what it states."""

    def test_coroutines_are_awaited(self) -> None:
        """No coroutine is a test of a SynchronousTestCase, where it would pass without running (T5)."""
        faults = [
            f"{case.__module__}.{case.__name__}.{name}"
            for case in cases()
            if not issubclass(case, TestCase)
            for name, method in methods(case)
            if inspect.iscoroutinefunction(inspect.unwrap(method))  # type: ignore[arg-type]
        ]
        self.assertEqual(faults, [])

    def test_docstrings(self) -> None:
        """Every test states a behaviour, as a sentence in its docstring."""
        silent = [
            f"{case.__module__}.{case.__name__}.{name}"
            for case in cases()
            for name, method in methods(case)
            if not (inspect.getdoc(method) or "").strip().endswith((".", "?", "!", ")", "``"))
        ]
        self.assertEqual(silent, [])

    def test_nothing_is_skipped(self) -> None:
        """No test, class or module is skipped or expected to fail, but for those that need root where there is none."""
        marked = [
            f"{case.__module__}.{case.__name__}.{name}"
            for case in cases()
            for name, method in [("", case), *methods(case)]
            if getattr(method, "skip", None) or getattr(method, "todo", None)
        ]
        named = [
            f"{module.name}:{line}"
            for module in modules("tests").values()
            for line in skips(module)
            if module.name not in NEED_ROOT
        ]
        self.assertEqual(marked + named, [])

    def test_no_sleep(self) -> None:
        """No test sleeps: it waits for what it wants, or moves its clock."""
        faults = [
            f"{module.name}:{found.line}"
            for module in modules("tests").values()
            for found in module.imports
            if found.target in ("time.sleep", "asyncio.sleep")
        ]
        slept = [f"{module.name}:{node.lineno}" for module in modules("tests").values() for node in calls(module, "time.sleep")]
        self.assertEqual(faults + slept, [])

    def test_packages(self) -> None:
        """Every folder of tests is a package that says what it tests."""
        folders = {module.path.parent for module in modules("tests").values()}
        self.assertEqual([str(folder) for folder in folders if not (folder / "__init__.py").exists()], [])
        silent = [name for name, module in modules("tests").items() if ast.get_docstring(module.tree) is None]
        self.assertEqual(silent, [])


def calls(module: Module, name: str) -> Iterator[ast.Call]:
    """Give the calls of a dotted name."""
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == name)


def skips(module: Module) -> Iterator[int]:
    """Give the lines that raise SkipTest or use unittest's skipping decorators."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in ("SkipTest", "skipIf", "skipUnless", "expectedFailure", "skipTest"):
                yield node.lineno
