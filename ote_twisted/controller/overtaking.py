"""What must not overtake: new messages of clusters that have others under way on a link that carries no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ote_twisted.interfaces import ILink


class Overtaking:
    """Holds messages back until the links on which older ones of the same cluster are under way have ended.

    :ivar bytes: bytes of what is held.
    :ivar sources: the clusters whose messages wait; mostly none.
    """

    def __init__(self, source: Callable[[bytes], str]) -> None:
        """:param source: the cluster that a message speaks of; empty when it is none."""
        self.bytes = 0
        self._source = source
        self.sources: set[str] = set()
        self._held: list[bytes] = []
        self._former: dict[ILink, Sequence[bytes] | None] = {}

    def __len__(self) -> int:
        return len(self._held)

    def begin(self, former: ILink, under_way: Iterable[bytes]) -> None:
        """This link carries no more; these were sent on it and are not acknowledged."""
        sources = {self._source(message) for message in under_way} - {""}
        if sources:
            self._former[former] = None
            self.sources |= sources

    def holds(self, message: bytes) -> bool:
        """Whether it has to wait; then it is kept here."""
        if self._source(message) not in self.sources:
            return False
        self._held.append(message)
        self.bytes += len(message)
        return True

    def ended(self, link: ILink, again: Sequence[bytes]) -> Sequence[bytes]:
        """A link is gone; gives what is to be sent now, in order.

        :param again: what it had not acknowledged.
        """
        if link not in self._former:
            return again
        self._former[link] = again
        self.bytes += sum(map(len, again))
        return () if None in self._former.values() else self.give_up()

    def give_up(self) -> Sequence[bytes]:
        """Hold nothing any more; gives what was held, in order."""
        released = [message for again in self._former.values() for message in again or ()] + self._held
        self.bytes, self.sources, self._held, self._former = 0, set(), [], {}
        return released
