"""Modules that are imported when something of them is used, if ever. Pure.

For what a library imports and no program of ours uses: its memory is the same on each of ten thousand sites.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """Stands for a module until something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


@contextmanager
def later(*names: str) -> Iterator[None]:
    """What is imported meanwhile gets stand-ins for these modules; whoever imports them afterwards gets them themselves."""
    stand_ins = {name: Later(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)


def without_package(name: str) -> ModuleType:
    """A module of a package whose ``__init__`` is not run, for ourselves alone.

    :raise ImportError: it is not installed.
    """
    package, _, _ = name.rpartition(".")
    there = find_spec(package)
    spec = PathFinder.find_spec(name, there.submodule_search_locations) if there is not None else None
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no module {name}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
