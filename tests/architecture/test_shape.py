"""The size and the documentation of what is written."""

from __future__ import annotations

import ast

from twisted.trial.unittest import SynchronousTestCase

from tests.architecture.source import functions, length, modules

MODULE_LINES = 300
SUITE_LINES = 500
"""Of a module in ``ote_twisted.testing``, and of the contracts between packages: they are read in one piece."""

FUNCTION_LINES = 45


def allowed(name: str) -> int:
    """Give the most lines that a module may have."""
    return SUITE_LINES if name.startswith(("ote_twisted.testing.", "ote_twisted.interfaces")) else MODULE_LINES


class ShapeTests(SynchronousTestCase):
    """Small modules of small functions."""

    def test_modules_are_small(self) -> None:
        """No module is longer than 300 lines; what we ship for tests, and the contracts, 500."""
        lengths = {name: len(module.path.read_text(encoding="utf-8").splitlines()) for name, module in modules().items()}
        self.assertEqual({name: lines for name, lines in lengths.items() if lines > allowed(name)}, {})

    def test_functions_are_small(self) -> None:
        """No function is longer than 45 lines, its docstring left out."""
        long = [
            f"{name}:{function.lineno} {function.name} has {length(function)} lines"
            for name, module in modules().items()
            for function in functions(module)
            if length(function) > FUNCTION_LINES
        ]
        self.assertEqual(long, [])


class DocstringTests(SynchronousTestCase):
    """Everything public says what it is."""

    def test_modules(self) -> None:
        """Every module has a docstring."""
        self.assertEqual([name for name, module in modules().items() if ast.get_docstring(module.tree) is None], [])

    def test_public_classes_and_functions(self) -> None:
        """Every public class and every public function of a module has a docstring."""
        silent = [
            f"{name}:{node.lineno} {node.name}"
            for name, module in modules().items()
            for node in module.tree.body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            if not node.name.startswith("_") and ast.get_docstring(node) is None
        ]
        self.assertEqual(silent, [])

    def test_future_annotations(self) -> None:
        """Every module with code defers its annotations."""
        eager = [
            name
            for name, module in modules().items()
            if len(module.tree.body) > 1
            and not any(found.target == "__future__" for found in module.imports)
            and name != "ote_twisted"
        ]
        self.assertEqual(eager, [])
