"""Everything that is known of clusters and that a selector can ask for, kept up to date at each change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ote_twisted.topology.selection.ids import IdSet, MakeIds, Postings, best_ids
from ote_twisted.topology.selection.label_index import LabelIndex
from ote_twisted.topology.selection.lexicon import Lexicon
from ote_twisted.topology.selection.shared import SharedTuples
from ote_twisted.topology.selection.tree import Tree

if TYPE_CHECKING:
    from ote_twisted.topology.selection.patterns import Glob
    from ote_twisted.topology.selection.terms import Requirement, Search, Selector


class ClusterIndex:
    """Clusters by dense integer id, which stays a cluster's own until it is removed, and is then used again.

    A caller keeps sets of its own over the same ids (``index.make()``), e.g. of those that are online, and combines them
    with results by ``&``. Names, tags, and labels are taken as they are: they were parsed where they arrived.

    :ivar make: makes an empty id set, or one of given ids.
    """

    __slots__ = ("_labels", "_names", "_tag_sets", "_tagged", "_tags", "_tags_of", "_tree", "make")

    def __init__(self, make: MakeIds | None = None) -> None:
        """:param make: makes the sets; the best there is for many clusters if it is not said."""
        make = best_ids() if make is None else make
        self.make = make
        self._names = Lexicon(make)
        self._labels = LabelIndex(make, self._names.everyone)
        self._tags = Lexicon(make)
        self._tagged: Postings[int] = Postings(make)
        self._tags_of: list[tuple[str, ...]] = []
        self._tag_sets = SharedTuples()
        self._tree = Tree(make, self._names.ids)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        """All names, sorted."""
        return iter(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names.ids

    def add(self, name: str, labels: Mapping[str, str], tags: Iterable[str] = (), parent: str = "") -> int:
        """Put a cluster in; gives its id. ``parent`` may still be unknown; empty is the top, at depth 0.

        :raise KeyError: the name is in already.
        :raise InvalidParent: the parent is below this cluster, or the tree becomes too deep; nothing was changed.
        """
        if name in self._names.ids:
            raise KeyError(name)
        self._tree.check(name, parent)
        value = self._names.add(name)
        self._labels.add(value, labels)
        self._add_tags(value, _sorted(tags))
        self._tree.attach(name, parent)
        return value

    def update(self, name: str, labels: Mapping[str, str], tags: Iterable[str] = (), parent: str = "") -> int:
        """Replace what is known of a cluster; gives its id, which stays. What is below it moves with it.

        :raise KeyError: no such name.
        :raise InvalidParent: as in :meth:`add`; nothing was changed.
        """
        value = self._names.ids[name]
        if parent != self._tree.parent(name):
            self._tree.check(name, parent)
            self._tree.detach(name)
            self._tree.attach(name, parent)
        if self._labels.labels(value) != labels:
            self._labels.remove(value)
            self._labels.add(value, labels)
        kept = _sorted(tags)
        if kept != self._tags_of[value]:
            self._remove_tags(value)
            self._add_tags(value, kept)
        return value

    def remove(self, name: str) -> int:
        """Take a cluster out; gives the id that it had. What is below it stays, below a name that is unknown.

        :raise KeyError: no such name.
        """
        value = self._names.ids[name]
        self._tree.detach(name)
        self._remove_tags(value)
        self._labels.remove(value)
        self._names.remove(name)
        return value

    def _add_tags(self, value: int, tags: tuple[str, ...]) -> None:
        """Give tags to an id that has none."""
        known = [self._tag_id(tag) for tag in tags]
        self._tags_of.extend([()] * (value + 1 - len(self._tags_of)))
        self._tags_of[value] = self._tag_sets.take(tuple(map(self._tags.text, known)))
        self._tagged.add(known, value)

    def _tag_id(self, tag: str) -> int:
        """The id of a tag, which is known from now on."""
        known = self._tags.ids.get(tag)
        return self._tags.add(tag) if known is None else known

    def _remove_tags(self, value: int) -> None:
        """Take all tags from an id; a tag that nobody has is forgotten."""
        known = [self._tags.ids[tag] for tag in self._tags_of[value]]
        self._tagged.discard(known, value)
        for tag in known:
            if tag not in self._tagged:
                self._tags.remove(self._tags.text(tag))
        self._tag_sets.release(self._tags_of[value])
        self._tags_of[value] = ()

    def id_of(self, name: str) -> int:
        """The id of a cluster.

        :raise KeyError: no such name.
        """
        return self._names.ids[name]

    def name_of(self, value: int) -> str:
        """The name of the cluster that has an id."""
        return self._names.text(value)

    def names(self, ids: IdSet) -> list[str]:
        """The names of ids, in no particular order."""
        return self._names.texts(ids)

    def sorted_names(self, ids: IdSet) -> list[str]:
        """The names of ids, sorted."""
        return sorted(self._names.texts(ids))

    def labels_of(self, name: str) -> dict[str, str]:
        """A cluster's labels."""
        return self._labels.labels(self._names.ids[name])

    def tags_of(self, name: str) -> tuple[str, ...]:
        """A cluster's tags, sorted."""
        return self._tags_of[self._names.ids[name]]

    def parent_of(self, name: str) -> str:
        """The name of a cluster's parent, empty at the top."""
        return self._tree.parent(name)

    def ancestors(self, name: str) -> list[str]:
        """A cluster's parent, its parent, and so on."""
        return self._tree.ancestors(name)

    def depth_of(self, name: str) -> int:
        """How many ancestors a cluster has."""
        return len(self._tree.ancestors(name))

    def resolve(self, selector: Selector) -> IdSet:
        """Ids of the clusters that a selector chooses, as a new set."""
        from ote_twisted.topology.selection.evaluate import resolve  # a site that nobody asks has no use for the language

        return resolve(selector, self)

    # What terms ask for. The sets given are to be read, never changed.

    def everyone(self) -> IdSet:
        """All clusters."""
        return self._names.everyone

    def named(self, names: Iterable[str]) -> IdSet:
        """The clusters of these names, as far as they are known."""
        ids = self._names.ids
        return self.make([ids[name] for name in names if name in ids])

    def like(self, glob: Glob) -> IdSet:
        """Clusters whose name or one of whose tags matches a shell pattern."""
        tags = self._tags.like(glob)
        names = self._names.like(glob)
        return names | self._tagged.union(tags) if tags else names

    def found(self, search: Search) -> IdSet:
        """Clusters in whose name a regular expression is found."""
        return self._names.found(search)

    def labelled(self, requirements: tuple[Requirement, ...]) -> IdSet:
        """Clusters that fulfil all requirements."""
        return self._labels.fulfilling(requirements)

    def below(self, name: str) -> IdSet:
        """The clusters below the named one, without it."""
        return self._tree.below(name)

    def at(self, depth: int) -> IdSet:
        """The clusters at a depth; 0 is the top."""
        return self._tree.level(depth)


def _sorted(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags in the form that they are kept in."""
    return tuple(sorted(set(tags)))
