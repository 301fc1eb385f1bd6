"""One copy of equal tuples that many clusters have. Pure."""

from __future__ import annotations

Texts = tuple[str, ...]


class SharedTuples:
    """Tuples of texts, each kept once for as long as somebody uses it, whatever comes and goes."""

    __slots__ = ("_uses",)

    def __init__(self) -> None:
        self._uses: dict[Texts, tuple[Texts, int]] = {}

    def __len__(self) -> int:
        return len(self._uses)

    def take(self, texts: Texts) -> Texts:
        """The kept tuple that equals ``texts``, with one user more."""
        kept, users = self._uses.get(texts, (texts, 0))
        self._uses[kept] = (kept, users + 1)
        return kept

    def release(self, texts: Texts) -> None:
        """One user less of a tuple that was taken."""
        kept, users = self._uses[texts]
        if users > 1:
            self._uses[kept] = (kept, users - 1)
        else:
            del self._uses[kept]
