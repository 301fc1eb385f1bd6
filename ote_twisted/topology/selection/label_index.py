"""Labels of clusters, and who fulfils a requirement. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from operator import and_
from sys import intern

from ote_twisted.topology.selection.ids import IdSet, MakeIds, Postings
from ote_twisted.topology.selection.shared import SharedTuples
from ote_twisted.topology.selection.terms import Operator, Requirement


class LabelIndex:
    """For each label key its values, for each value who has it.

    Labels are kept once more for each id, as two tuples of shared texts, so that they can be taken out again.
    """

    __slots__ = ("_everyone", "_having", "_keys", "_make", "_shapes", "_values", "_with")

    def __init__(self, make: MakeIds, everyone: IdSet) -> None:
        self._make = make
        self._everyone = everyone
        self._having: Postings[str] = Postings(make)
        self._with: dict[str, Postings[str]] = {}
        self._keys: list[tuple[str, ...]] = []
        self._values: list[tuple[str, ...]] = []
        self._shapes = SharedTuples()

    def labels(self, value: int) -> dict[str, str]:
        """The labels of an id."""
        return dict(zip(self._keys[value], self._values[value], strict=True))

    def add(self, value: int, labels: Mapping[str, str]) -> None:
        """Give labels to an id that has none."""
        missing = value + 1 - len(self._keys)
        self._keys.extend([()] * missing)
        self._values.extend([()] * missing)
        self._keys[value] = keys = self._shapes.take(tuple(labels))
        self._values[value] = tuple([self._file(key, labels[key], value) for key in keys])
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
        for key, text in zip(self._keys[value], self._values[value], strict=True):
            postings = self._with[key]
            postings.discard((text,), value)
            if not postings:
                del self._with[key]
        self._having.discard(self._keys[value], value)
        self._shapes.release(self._keys[value])
        self._keys[value] = self._values[value] = ()

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
