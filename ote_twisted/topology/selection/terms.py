"""What a selector is once parsed: frozen values that print themselves in canonical form. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import field

from ote_twisted.topology.names import ClusterName
from ote_twisted.topology.selection.operators import Operator
from ote_twisted.topology.selection.patterns import Glob
from ote_twisted.topology.selection.regexes import Found, compile_regex, may_look_ahead, required_runs
from ote_twisted.values import frozen


@frozen
class Requirement:
    """One requirement on one label.

    :ivar values: none for the existence operators, sorted and distinct for the set operators, one otherwise.
    """

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.operator is Operator.EXISTS:
            return self.key
        if self.operator is Operator.NOT_EXISTS:
            return "!" + self.key
        if self.operator in (Operator.IN, Operator.NOT_IN):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        return f"{self.key}{self.operator}{self.values[0]}"


@frozen
class Everything:
    """Every cluster."""

    def __str__(self) -> str:
        return "*"


@frozen
class Named:
    """Exactly the cluster of that name (F2)."""

    name: ClusterName

    def __str__(self) -> str:
        return self.name


@frozen
class Like:
    """Clusters whose name or one of whose tags matches a shell pattern."""

    glob: Glob

    def __str__(self) -> str:
        return self.glob.text


@frozen
class Labelled:
    """Clusters that fulfil every requirement."""

    requirements: tuple[Requirement, ...]

    def __str__(self) -> str:
        return f"[{','.join(map(str, self.requirements))}]"


@frozen
class Under:
    """All clusters below the named one, without it."""

    name: ClusterName

    def __str__(self) -> str:
        return f"under({self.name})"


@frozen
class At:
    """Clusters so many hops below the receiver; the receiver itself is at 0."""

    depth: int

    def __str__(self) -> str:
        return f"at({self.depth})"


@frozen
class Search:
    """Clusters in whose name a regular expression is found.

    :ivar text: what is between the slashes.
    :ivar runs: literal texts that are in every name in which it is found.
    :ivar matches: whether it is found in a name.
    :raise ValueError: the expression is invalid.
    """

    text: str
    runs: tuple[str, ...] = field(init=False, eq=False, repr=False)
    matches: Found = field(init=False, eq=False, repr=False)

    @runs.default
    def _runs(self) -> tuple[str, ...]:
        return required_runs(self.text)

    @matches.default
    def _compile(self) -> Found:
        return compile_regex(self.text)

    @property
    def is_literal(self) -> bool:
        """The text is found where it stands, letter by letter."""
        return self.runs == (self.text,)

    @property
    def is_open(self) -> bool:
        """It is found in every name that starts with one in which it is found."""
        return not may_look_ahead(self.text)

    def flags(self, texts: Sequence[str]) -> Iterable[Any]:
        """For each text whether it is found in it."""
        return map(self.matches, texts)

    def __str__(self) -> str:
        return f"/{self.text}/"


PositiveTerm = Everything | Named | Like | Labelled | Under | At | Search


@frozen
class Without:
    """Takes from the union what the term chooses."""

    term: PositiveTerm

    def __str__(self) -> str:
        return f"!{self.term}"


Term = PositiveTerm | Without


@frozen
class Selector:
    """A union of terms, less what its negated terms choose. Only negated terms: everything less those.

    Its text parses to an equal selector.
    """

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))

    @property
    def chosen(self) -> tuple[PositiveTerm, ...]:
        """The terms that choose; :class:`Everything` where there are only negated ones."""
        return tuple(term for term in self.terms if not isinstance(term, Without)) or (Everything(),)

    @property
    def removed(self) -> tuple[PositiveTerm, ...]:
        """The terms that remove."""
        return tuple(term.term for term in self.terms if isinstance(term, Without))
