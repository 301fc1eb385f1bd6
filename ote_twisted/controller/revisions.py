"""Which clusters changed since which revision, so that a parent that was away is told those alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from ote_twisted.wire.join import Resume

LEAST = 256
"""Names that are remembered in any case."""

SHARE = 4
"""Of more names than one in so many everything is announced instead."""

MOST = 10_000
"""Names that are remembered at most; all of them fit into one announcement."""


class Revisions:
    """The newest changes of a subtree, each name once, by its last change.

    :ivar stream: the numbering; another one after each start.
    :ivar revision: of the last change.
    """

    def __init__(self, life: str) -> None:
        """:param life: a text that no other start has."""
        self.stream = blake2b(life.encode(), digest_size=16).hexdigest()
        self.revision = 0
        self._changed: dict[str, int] = {}
        self._floor = 0

    def __len__(self) -> int:
        return len(self._changed)

    def note(self, names: Iterable[str], size: int) -> None:
        """These changed.

        :param size: clusters in the subtree.
        """
        self.revision += 1
        for name in names:
            self._changed.pop(name, None)
            self._changed[name] = self.revision
        self._shorten(min(MOST, max(LEAST, size // SHARE)))

    def since(self, resume: Resume | None) -> list[str] | None:
        """Names that changed after what the parent holds; ``None`` if that cannot be told (any more)."""
        if resume is None or resume.stream != self.stream or not self._floor <= resume.revision <= self.revision:
            return None
        names = []
        for name, revision in reversed(self._changed.items()):
            if revision <= resume.revision:
                break
            names.append(name)
        return names

    def _shorten(self, bound: int) -> None:
        while len(self._changed) > bound:
            oldest = next(iter(self._changed))
            self._floor = self._changed.pop(oldest)
