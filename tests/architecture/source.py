"""The source as facts: modules, what each imports, what each defines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import field, frozen

TOP = Path(__file__).resolve().parent.parent.parent


@frozen
class Import:
    """One imported module, or name of a module.

    :ivar target: dotted name; of ``from a import b`` both ``a`` and ``a.b`` are imported.
    :ivar nested: inside a function.
    :ivar for_types: only where types are checked.
    """

    target: str
    line: int
    nested: bool
    for_types: bool


@frozen
class Module:
    """One file of Python."""

    name: str
    path: Path
    tree: ast.Module = field(repr=False, eq=False)
    imports: tuple[Import, ...] = field(repr=False, eq=False)

    @property
    def headline(self) -> str:
        """First paragraph of the docstring."""
        return (ast.get_docstring(self.tree) or "").split("\n\n")[0]

    @property
    def package(self) -> str:
        """Name of the package below ``ote_twisted``, or an empty text for modules at its top."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 2 or (self.path.name == "__init__.py" and len(parts) == 2) else ""


class _Imports(ast.NodeVisitor):
    """Collects imports with their surroundings."""

    def __init__(self) -> None:
        self.found: list[Import] = []
        self._depth = 0
        self._types = 0

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        types = "TYPE_CHECKING" in ast.unparse(node.test)
        self._types += types
        self.generic_visit(node)
        self._types -= types

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._add(node.module or "", node.lineno)
        for alias in node.names:
            self._add(f"{node.module}.{alias.name}", node.lineno)

    def _add(self, target: str, line: int) -> None:
        self.found.append(Import(target, line, self._depth > 0, self._types > 0))


def read_module(name: str, path: Path) -> Module:
    """Parse one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    visitor = _Imports()
    visitor.visit(tree)
    return Module(name, path, tree, tuple(visitor.found))


@cache
def modules(package: str = "ote_twisted") -> dict[str, Module]:
    """Give every module below a folder of the source, generated ones left out."""
    found = {}
    for path in sorted((TOP / package).rglob("*.py")):
        parts = path.relative_to(TOP).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if not name.endswith("_pb2"):
            found[name] = read_module(name, path)
    return found


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function and method of a module."""
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Give a function's length in lines, without its docstring and without what is defined inside it."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    inner = [part for part in body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    return sum(_lines(part) for part in body) - sum(_lines(part) for part in inner)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
