"""Labels of clusters, and who fulfils a requirement. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import and_
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from ote_twisted.topology.selection.ids import IdSet, MakeIds, Postings
from ote_twisted.topology.selection.operators import Operator
from ote_twisted.topology.selection.shared import SharedTuples

if TYPE_CHECKING:
    from ote_twisted.topology.selection.terms import Requirement

_NONE: Final[tuple[Any, ...]] = ((),)


class LabelIndex:
    """For each label key its values, for each value who has it.

    Labels are kept once more for each id, so that they can be taken out again: as a tuple whose first is the shared tuple of
    keys, and the others the values, in the same order.
    """

    __slots__ = ("_everyone", "_having", "_make", "_records", "_shapes", "_with")

    def __init__(self, make: MakeIds, everyone: IdSet) -> None:
        self._make = make
        self._everyone = everyone
        self._having: Postings[str] = Postings(make)
        self._with: dict[str, Postings[str]] = {}
        self._records: list[tuple[Any, ...]] = []
        self._shapes = SharedTuples()

    def labels(self, value: int) -> dict[str, str]:
        """The labels of an id."""
        keys, *texts = self._records[value]
        return dict(zip(keys, texts, strict=True))

    def add(self, value: int, labels: Mapping[str, str]) -> None:
        """Give labels to an id that has none."""
        self._records.extend([_NONE] * (value + 1 - len(self._records)))
        keys = self._shapes.take(tuple(labels))
        self._records[value] = (keys, *[self._file(key, labels[key], value) for key in keys])
        self._having.add(keys, value)

    def _file(self, key: str, text: str, value: int) -> str:
        """File an id under one label; gives the label's value as it is to be kept."""
        postings = self._with.get(key)
        if postings is None:
            postings = self._with[key] = Postings(self._make)
        shared = intern(text) if text in postings else text
        postings.add((shared,), value)
        return shared

    def remove(self, value: int) -> None:
        """Take all labels from an id."""
        keys, *texts = self._records[value]
        for key, text in zip(keys, texts, strict=True):
            postings = self._with[key]
            postings.discard((text,), value)
            if not postings:
                del self._with[key]
        self._having.discard(keys, value)
        self._shapes.release(keys)
        self._records[value] = _NONE

    def fulfilling(self, requirements: tuple[Requirement, ...]) -> IdSet:
        """Who fulfils all requirements. To be read, never changed."""
        parts = [_CHOICES[requirement.operator](self, requirement) for requirement in requirements]
        return reduce(and_, sorted(parts, key=len))

    def _equal(self, requirement: Requirement) -> IdSet:
        postings = self._with.get(requirement.key)
        return postings.get(requirement.values[0]) if postings else self._make(())

    def _among(self, requirement: Requirement) -> IdSet:
        return self._with_values(requirement.key, iter(requirement.values))

    def _present(self, requirement: Requirement) -> IdSet:
        return self._having.get(requirement.key)

    def _numeric(self, requirement: Requirement) -> IdSet:
        bound = int(requirement.values[0])
        beyond = bound.__lt__ if requirement.operator is Operator.GREATER else bound.__gt__
        values = self._with.get(requirement.key, ())
        return self._with_values(requirement.key, (text for text in values if _is_integer(text) and beyond(int(text))))

    def _with_values(self, key: str, values: Iterator[str]) -> IdSet:
        postings = self._with.get(key)
        return postings.union(values) if postings else self._make(())

    def _unless(self, requirement: Requirement) -> IdSet:
        return self._everyone - _CHOICES[_OPPOSITE[requirement.operator]](self, requirement)


def _is_integer(text: str) -> bool:
    """A label value that Kubernetes reads as an integer of 64 bits."""
    return text.isdecimal() and text.isascii() and int(text) < 2**63


_OPPOSITE = {
    Operator.NOT_EQUALS: Operator.EQUALS,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_EXISTS: Operator.EXISTS,
}

_CHOICES: dict[Operator, Callable[[LabelIndex, Requirement], IdSet]] = {
    Operator.EQUALS: LabelIndex._equal,
    Operator.IN: LabelIndex._among,
    Operator.EXISTS: LabelIndex._present,
    Operator.GREATER: LabelIndex._numeric,
    Operator.LESS: LabelIndex._numeric,
    Operator.NOT_EQUALS: LabelIndex._unless,
    Operator.NOT_IN: LabelIndex._unless,
    Operator.NOT_EXISTS: LabelIndex._unless,
}
