"""Every contract between packages is proven for everything that provides it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import ModuleType

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass
from zope.interface.verify import verifyClass

from ote_twisted import interfaces
from tests.architecture.contracts import CONTRACTS
from tests.architecture.source import Module, modules

INTERFACES = {
    name
    for name, value in vars(interfaces).items()
    if isinstance(value, InterfaceClass) and value.__module__ == interfaces.__name__
}


def implementations(module: Module) -> Iterator[tuple[str, str]]:
    """Give interface and class name for every class of a module that declares to provide one of our interfaces."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "implementer":
                    names = [ast.unparse(argument) for argument in decorator.args]
                    yield from ((name, f"{module.name}.{node.name}") for name in names if name in INTERFACES)


class ContractTests(SynchronousTestCase):
    """The table in contracts.py and the source agree."""

    provided = frozenset(pair for module in modules().values() for pair in implementations(module))

    def test_every_interface_has_a_line(self) -> None:
        """Each interface is in the table, once."""
        self.assertEqual(sorted(contract.interface for contract in CONTRACTS), sorted(INTERFACES))

    def test_every_implementation_has_a_line(self) -> None:
        """Each implementation in the package is in the table, and the table holds no other."""
        listed = {(contract.interface, name) for contract in CONTRACTS for name in (*contract.proven, *contract.gaps)}
        self.assertEqual(sorted(self.provided ^ listed), [])

    def test_implementations_have_the_methods(self) -> None:
        """Each implementation, those of tests included, has every method of its interface with a fitting signature."""
        inside_tests = {pair for module in modules("tests").values() for pair in implementations(module)}
        for interface, name in sorted(self.provided | inside_tests):
            verifyClass(getattr(interfaces, interface), namedAny(name))

    def test_implementations_are_run_through_the_factory(self) -> None:
        """Where a contract has a factory, the tests named for each implementation are made by it."""
        for contract in CONTRACTS:
            if contract.factory:
                shipped = contract.factory.rpartition(".")[0]
                for name in (test for tests in contract.proven.values() for test in tests):
                    made = any(base.__module__ == shipped for base in namedAny(name).__mro__)
                    self.assertTrue(made, f"{name} is not made by {contract.factory}")

    def test_factories_are_shipped(self) -> None:
        """Factories of contracts belong to what we ship, so that third parties can use them."""
        for contract in CONTRACTS:
            if contract.factory:
                self.assertTrue(callable(namedAny(contract.factory)))
                self.assertTrue(contract.factory.startswith("ote_twisted.testing.contracts."))

    def test_named_tests_exist(self) -> None:
        """Every test named in the table exists: a class where there is a factory, else a module."""
        for contract in CONTRACTS:
            for name in (test for tests in contract.proven.values() for test in tests):
                self.assertIsInstance(namedAny(name), type if contract.factory else ModuleType)
