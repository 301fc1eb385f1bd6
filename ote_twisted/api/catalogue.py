"""The kinds that one API serves, by path and by name. Pure.

Kinds may be added and removed while it serves, which is the place for definitions that arrive at run time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ote_twisted.declarations.model import Kind


class Catalogue:
    """Kinds in the order in which they were added.

    :ivar generation: grows with each change, so that documents made from the catalogue know when they are stale.
    """

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self.generation = 0
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        for kind in kinds:
            self.add(kind)

    def add(self, kind: Kind) -> None:
        """Serve a kind; one with the same group, version and plural is replaced."""
        self._by_path[(kind.group, kind.version, kind.plural)] = kind
        self.generation += 1

    def remove(self, kind: Kind) -> None:
        """Serve it no more. Unknown kinds are ignored."""
        if self._by_path.pop((kind.group, kind.version, kind.plural), None) is not None:
            self.generation += 1

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind served at a path."""
        return self._by_path.get((group, version, plural))

    def stored(self, resource: str) -> Kind | None:
        """The first kind whose objects are kept under a store key's resource."""
        return next((kind for kind in self._by_path.values() if kind.resource == resource), None)

    def namespaced(self) -> list[Kind]:
        """Every stored kind whose objects live in namespaces, one per resource."""
        found = {kind.resource: kind for kind in self._by_path.values() if kind.namespaced and not kind.virtual}
        return list(found.values())

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, the core group (empty name) included, in order."""
        found: dict[str, list[str]] = {}
        for group, version, _ in self._by_path:
            versions = found.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        return found

    def kinds(self, group: str, version: str) -> Sequence[Kind]:
        """Kinds of one group version, by plural."""
        chosen = (kind for kind in self._by_path.values() if (kind.group, kind.version) == (group, version))
        return sorted(chosen, key=lambda kind: kind.plural)
