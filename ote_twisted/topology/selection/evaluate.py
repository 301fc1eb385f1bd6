"""What a selector chooses from an index, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ote_twisted.topology.selection.ids import IdSet
from ote_twisted.topology.selection.terms import (
    At,
    Everything,
    Labelled,
    Like,
    Named,
    PositiveTerm,
    Search,
    Selector,
    Under,
)
from ote_twisted.values import frozen

if TYPE_CHECKING:
    from ote_twisted.topology.selection.index import ClusterIndex


@frozen
class Explanation:
    """Why a selector chooses what it chooses.

    :ivar chosen: for each chosen name, sorted, the terms that choose it.
    :ivar removed: for each name that a term chooses and another removes, sorted, the removing terms as written.
    """

    chosen: dict[str, tuple[str, ...]]
    removed: dict[str, tuple[str, ...]]


def resolve(selector: Selector, index: ClusterIndex) -> IdSet:
    """Ids of the clusters that a selector chooses, as a new set."""
    chosen = _union(selector.chosen, index)
    removed = selector.removed
    return chosen - _union(removed, index) if removed else chosen


def explain(selector: Selector, index: ClusterIndex, among: IdSet | None = None) -> Explanation:
    """Why each cluster is chosen, or removed again; only those ``among`` the given ids, where given."""
    union = _union(selector.chosen, index)
    resolved = resolve(selector, index)
    chosen = resolved if among is None else resolved & among
    removed = union - resolved if among is None else (union - resolved) & among
    return Explanation(_reasons(selector.chosen, chosen, index, "{}"), _reasons(selector.removed, removed, index, "!{}"))


def _reasons(terms: Iterable[PositiveTerm], ids: IdSet, index: ClusterIndex, form: str) -> dict[str, tuple[str, ...]]:
    """For each of ``ids`` the terms that choose it."""
    reasons: dict[str, tuple[str, ...]] = dict.fromkeys(index.sorted_names(ids), ())
    for term in terms:
        text = form.format(term)
        for value in term_ids(term, index) & ids:
            reasons[index.name_of(value)] += (text,)
    return reasons


def _union(terms: Iterable[PositiveTerm], index: ClusterIndex) -> IdSet:
    """What any of the terms chooses, as a new set; names are looked up all at once."""
    names = [term.name for term in terms if isinstance(term, Named)]
    others = [term_ids(term, index) for term in terms if not isinstance(term, Named)]
    return index.make(()).union(index.named(names), *others)


def term_ids(term: PositiveTerm, index: ClusterIndex) -> IdSet:
    """What one term chooses. To be read, never changed."""
    return _CHOICES[type(term)](index, term)


_CHOICES: dict[type, Callable[[ClusterIndex, Any], IdSet]] = {
    Everything: lambda index, term: index.everyone(),
    Named: lambda index, term: index.named((term.name,)),
    Like: lambda index, term: index.like(term.glob),
    Search: lambda index, term: index.found(term),
    Labelled: lambda index, term: index.labelled(term.requirements),
    Under: lambda index, term: index.below(term.name),
    At: lambda index, term: index.at(term.depth),
}
