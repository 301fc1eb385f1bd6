"""Requests that went to "all of your subtree", kept in case the child's subtree turns out to be another one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ote_twisted.controller.outgoing import OutgoingRequest

LIMIT = 4096
"""Requests remembered at most."""

LIMIT_BYTES = 32 * 1024 * 1024
"""Bytes remembered at most. What is forgotten is told to the owner of the task as not delivered, who sends it again."""

_NAME = 8
"""What a name costs: a reference."""


class WholeRequests:
    """Bounded memory; the oldest goes first.

    :ivar bytes: bytes that are remembered.
    """

    def __init__(self, limit: int = LIMIT, limit_bytes: int = LIMIT_BYTES) -> None:
        self.bytes = 0
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._kept: dict[tuple[str, str], tuple[OutgoingRequest, Sequence[str]]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def remember(self, child: str, request: OutgoingRequest, names: Sequence[str]) -> None:
        """A request was sent to a child's whole subtree, which was these names."""
        self.take(child, request.uid)
        self._kept[child, request.uid] = (request, names)
        self.bytes += _cost(request, names)
        while self.bytes > self._limit_bytes or len(self._kept) > self._limit:
            self.take(*next(iter(self._kept)))

    def take(self, child: str, uid: str) -> tuple[OutgoingRequest, Sequence[str]] | None:
        """The request and the names that were meant; it is forgotten."""
        kept = self._kept.pop((child, uid), None)
        if kept is not None:
            self.bytes -= _cost(*kept)
        return kept


def _cost(request: OutgoingRequest, names: Sequence[str]) -> int:
    return request.size + _NAME * len(names)
