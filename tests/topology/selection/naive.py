"""What selectors mean, written as plainly as can be, and strategies for small trees and selectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import frozen
from hypothesis import strategies as st

from ote_twisted.topology.names import ClusterName
from ote_twisted.topology.selection.index import ClusterIndex
from ote_twisted.topology.selection.operators import Operator
from ote_twisted.topology.selection.patterns import Glob
from ote_twisted.topology.selection.terms import (
    At,
    Everything,
    Labelled,
    Like,
    Named,
    PositiveTerm,
    Requirement,
    Search,
    Selector,
    Under,
    Without,
)


@frozen
class Cluster:
    """What is known of one cluster."""

    labels: Mapping[str, str] = {}
    tags: tuple[str, ...] = ()
    parent: str = ""


Clusters = Mapping[str, Cluster]


def ancestors(name: str, clusters: Clusters) -> list[str]:
    """The chain of parents."""
    found: list[str] = []
    while name in clusters and clusters[name].parent:
        name = clusters[name].parent
        found.append(name)
    return found


def fulfils(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """What Kubernetes says of one requirement."""
    value = labels.get(requirement.key)
    match requirement.operator:
        case Operator.EXISTS:
            return value is not None
        case Operator.NOT_EXISTS:
            return value is None
        case Operator.EQUALS | Operator.IN:
            return value in requirement.values
        case Operator.NOT_EQUALS | Operator.NOT_IN:
            return value not in requirement.values
        case _:
            if value is None or not re.fullmatch("[0-9]+", value):
                return False
            bound = int(requirement.values[0])
            return int(value) > bound if requirement.operator is Operator.GREATER else int(value) < bound


def term_matches(term: PositiveTerm, name: str, clusters: Clusters) -> bool:
    """Whether one term chooses one cluster."""
    match term:
        case Everything():
            return True
        case Named(wanted):
            return name == wanted
        case Like(Glob(text)):
            return any(fnmatchcase(word, text) for word in (name, *clusters[name].tags))
        case Labelled(requirements):
            return all(fulfils(requirement, clusters[name].labels) for requirement in requirements)
        case Under(top):
            return top in ancestors(name, clusters)
        case At(depth):
            return len(ancestors(name, clusters)) == depth
        case Search(text):
            return re.search(text, name) is not None
    raise AssertionError(term)


def choose(selector: Selector, clusters: Clusters) -> list[str]:
    """The names that a selector chooses, one by one."""
    return [
        name
        for name in sorted(clusters)
        if any(term_matches(term, name, clusters) for term in selector.chosen)
        and not any(term_matches(term, name, clusters) for term in selector.removed)
    ]


def index_of(clusters: Clusters, index: ClusterIndex) -> ClusterIndex:
    """The index with the clusters put in."""
    for name, cluster in clusters.items():
        index.add(name, cluster.labels, cluster.tags, cluster.parent)
    return index


WORDS = ("a", "b", "ab", "ba", "aab", "a-b", "b-a1", "a1b", "abab", "a.b", "axb", "b1", "b10", "abba-1", "abba-10")
KEYS = ("k", "l", "example.com/m")
VALUES = ("", "a", "b", "5", "07", "10")

names = st.sampled_from(WORDS).map(ClusterName)
tags = st.sampled_from(("a", "T", "a_B", "tag-1", "ab"))
labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)

_classes = st.sampled_from(("[ab]", "[!a]", "[a-c]", "[a-]", "[!0-9]", "[.]"))
_pieces = st.sampled_from((*"ab1-.", "ab", "bab", "a-b", "tag", "*", "?", "**"))
_patterns = st.builds(
    lambda first, rest: re.sub(r"\*+", "*", first + "".join(rest)), _pieces, st.lists(_pieces | _classes, max_size=5)
)
globs = _patterns.filter(lambda text: re.search(r"[*?[]", text) and text.strip("*") != "").map(Glob)

_one_value = st.builds(
    lambda key, operator, value: Requirement(key, operator, (value,)),
    st.sampled_from(KEYS),
    st.sampled_from((Operator.EQUALS, Operator.NOT_EQUALS)),
    st.sampled_from(VALUES),
)
_many_values = st.builds(
    lambda key, operator, values: Requirement(key, operator, tuple(sorted(values))),
    st.sampled_from(KEYS),
    st.sampled_from((Operator.IN, Operator.NOT_IN)),
    st.sets(st.sampled_from(VALUES), min_size=1),
)
_no_value = st.builds(Requirement, st.sampled_from(KEYS), st.sampled_from((Operator.EXISTS, Operator.NOT_EXISTS)))
_number = st.builds(
    lambda key, operator, number: Requirement(key, operator, (str(number),)),
    st.sampled_from(KEYS),
    st.sampled_from((Operator.GREATER, Operator.LESS)),
    st.integers(0, 12),
)
requirements = _one_value | _many_values | _no_value | _number

_regexes = st.lists(
    st.sampled_from(
        (*"ab1^$.-", "a*", "b+", "a?", "[ab]", "[^a]", "(a|b)", "(?:ab)+", "|", r"\.", "a{2}", r"\d", "(?i)A", "b{0}")
    ),
    max_size=5,
).map("".join)


def _valid(text: str) -> bool:
    """Whether both engines take the expression."""
    try:
        re.compile(text)
        Search(text)
    except (re.error, ValueError):
        return False
    return True


searches = st.builds(Search, _regexes.filter(_valid))
positive_terms: st.SearchStrategy[PositiveTerm] = st.one_of(
    st.just(Everything()),
    st.builds(Named, names),
    st.builds(Like, globs),
    st.builds(Labelled, st.lists(requirements, min_size=1, max_size=3).map(tuple)),
    st.builds(Under, names),
    st.builds(At, st.integers(0, 4)),
    searches,
)
selectors = st.builds(Selector, st.lists(positive_terms | positive_terms.map(Without), min_size=1, max_size=4).map(tuple))


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Cluster]:
    """Clusters of which each is below an earlier one, below an unknown one, or at the top; in any order."""
    chosen = draw(st.lists(names, unique=True, max_size=10))
    clusters: dict[str, Cluster] = {}
    for name in chosen:
        parent = draw(st.sampled_from(("", "unknown", *clusters)))
        clusters[name] = Cluster(draw(labels), tuple(sorted(set(draw(st.lists(tags, max_size=2))))), parent)
    return {name: clusters[name] for name in draw(st.permutations(chosen))}
