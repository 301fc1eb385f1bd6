"""Value classes: those of attrs, at two thirds of their memory. Pure.

For each class attrs writes and compiles ``__eq__``, ``__hash__`` and ``__repr__``, and keeps their source for debuggers: 5 kB
of each of more than a hundred classes that every site imports. Here all of them share what is the same in all.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from attrs import define, frozen
else:

    def frozen(cls: type | None = None, **options: Any) -> Any:
        """As ``attrs.frozen``."""
        return _decorate(cls, attrs.frozen, options)

    def define(cls: type | None = None, **options: Any) -> Any:
        """As ``attrs.define``."""
        return _decorate(cls, attrs.define, options)


_Field = Callable[[Any], Any]


def _decorate(cls: type | None, make: Callable[..., Any], options: dict[str, Any]) -> Any:
    if cls is None:
        return lambda each: _decorate(each, make, options)
    own = vars(cls)
    made = make(cls, **{**options, "eq": False, "unsafe_hash": None, "repr": False, "getstate_setstate": False})
    made.__getstate__, made.__setstate__ = _state, _restore
    linecache.cache.pop(made.__init__.__code__.co_filename, None)
    if options.get("eq", True) and "__eq__" not in own:
        made.__eq__ = _equality(made)
        if "__hash__" not in own:
            hashable = make is attrs.frozen or options.get("unsafe_hash", False)
            made.__hash__ = _hash(made) if hashable else None
    if "__repr__" not in own:
        made.__repr__ = _shown
    return made


def _equality(cls: type) -> Callable[[Any, Any], Any]:
    compared = _getter(cls, lambda field: field.eq)

    def __eq__(self: Any, other: Any) -> Any:
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(cls: type) -> Callable[[Any], int]:
    hashed = _getter(cls, lambda field: field.eq if field.hash is None else field.hash)

    def __hash__(self: Any) -> int:
        return hash(hashed(self))

    return __hash__


def _state(self: Any) -> dict[str, Any]:
    """For copies and pickles."""
    return {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}


def _restore(self: Any, state: dict[str, Any]) -> None:
    for name, value in state.items():
        object.__setattr__(self, name, value)


def _getter(cls: Any, wanted: _Field) -> _Field:
    """What gives the fields of a value that count, all at once."""
    names = [field.name for field in attrs.fields(cls) if wanted(field)]
    return attrgetter(*names) if names else lambda value: ()


@recursive_repr("...")
def _shown(self: Any) -> str:
    """Every field that may be shown, as attrs shows it."""
    shown = [field for field in attrs.fields(type(self)) if field.repr]
    texts = [(repr if field.repr is True else field.repr)(getattr(self, field.name)) for field in shown]
    values = ", ".join(f"{field.name}={text}" for field, text in zip(shown, texts, strict=True))
    return f"{type(self).__qualname__.rpartition('>.')[2]}({values})"


__all__ = ["define", "frozen"]
