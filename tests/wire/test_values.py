"""Value classes are those of attrs, seen from outside."""

from __future__ import annotations

import copy
import linecache
import pickle
from typing import Any

import attrs
from attrs import field
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted import values


@values.frozen
class Point:
    """A value; ``note`` does not count, ``secret`` is not shown."""

    x: int
    y: int = 0
    note: str = field(default="", eq=False)
    secret: str = field(default="", repr=False)
    colour: str = field(default="red", repr=str.upper)


@values.frozen
class Other:
    """Another class of the same form."""

    x: int
    y: int = 0


@values.define
class Changing:
    """Not frozen."""

    items: list[Any] = field(factory=list)


@values.define(unsafe_hash=True)
class Hashable:
    """Not frozen, and hashable all the same."""

    x: int


@values.frozen(eq=False)
class Thing:
    """Itself only."""

    x: int


@values.frozen
class Own:
    """Has a mind of its own."""

    x: int

    def __repr__(self) -> str:
        return "mine"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7


@values.frozen
class Nothing:
    """No fields."""


class ValueTests(SynchronousTestCase):
    """What attrs promises."""

    def test_equality(self) -> None:
        """Values of one class are equal if all fields that count are; those of two classes never are."""
        self.assertEqual(Point(1, 2), Point(1, 2, note="another"))
        self.assertNotEqual(Point(1, 2), Point(1, 3))
        self.assertNotEqual(Point(1, 2), Other(1, 2))
        self.assertEqual(Nothing(), Nothing())
        self.assertEqual((Changing([1]), Changing()), (Changing([1]), Changing([])))

    def test_hash(self) -> None:
        """Equal values are one key; what can change is none, unless its class says so."""
        self.assertEqual(len({Point(1, note="a"), Point(1, note="b"), Point(2), Nothing(), Nothing()}), 3)
        self.assertRaises(TypeError, hash, Changing())
        self.assertEqual(len({Hashable(1), Hashable(1)}), 1)

    def test_identity(self) -> None:
        """A class without equality compares and hashes by identity."""
        thing = Thing(1)
        self.assertEqual((thing == Thing(1), thing == thing, len({thing, Thing(1)})), (False, True, 2))

    def test_own_methods_stay(self) -> None:
        """What a class defines itself is left alone."""
        self.assertEqual((repr(Own(1)), Own(1) == Own(2), hash(Own(1))), ("mine", True, 7))

    def test_representation(self) -> None:
        """Values are shown as attrs shows them, without what must not be seen, and without end when they hold themselves."""
        self.assertEqual(repr(Point(1, secret="key")), "Point(x=1, y=0, note='', colour=RED)")
        loop = Changing()
        loop.items.append(loop)
        self.assertEqual(repr(loop), "Changing(items=[...])")
        self.assertEqual(repr(Nothing()), "Nothing()")

    def test_copies(self) -> None:
        """Copies and pickles are equal to what they were made of, also of values that cannot change."""
        for value in (Point(1, 2), Changing([1]), Nothing()):
            self.assertEqual([copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))], [value] * 3)
        self.assertEqual(attrs.evolve(Point(1, 2), y=3), Point(1, 3))

    def test_frozen(self) -> None:
        """A frozen value cannot be changed."""
        self.assertRaises(attrs.exceptions.FrozenInstanceError, setattr, Point(1), "x", 2)

    def test_no_source_is_kept(self) -> None:
        """What attrs generated for a class is not kept as text."""
        self.assertNotIn(Point.__init__.__code__.co_filename, linecache.cache)
