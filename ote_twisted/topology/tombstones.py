"""Clusters that were forgotten, so that late news of them does not revive them. Pure."""

from __future__ import annotations

from ote_twisted.wire.entry import ClusterEntry

MOST = 10_000
"""Names that are remembered; of more the oldest go."""


class Tombstones:
    """Name to instance and epoch of clusters that were forgotten."""

    def __init__(self) -> None:
        self._buried: dict[str, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._buried)

    def put(self, entry: ClusterEntry) -> None:
        """A cluster was forgotten. One without an identity cannot be told from another of its name, so it gets none."""
        self.drop(entry.name)
        if entry.instance:
            self._buried[entry.name] = entry.instance, entry.epoch
        if len(self._buried) > MOST:
            self.drop(next(iter(self._buried)))

    def refusal(self, entry: ClusterEntry) -> str:
        """Why a claim is late news; empty when it is none. Of the same cluster what is older than what was known last is."""
        instance, epoch = self._buried.get(entry.name, ("", 0))
        if not instance or entry.instance != instance or entry.epoch >= epoch:
            return ""
        return f"{entry.name} was forgotten, and this is older than what was known of it"

    def drop(self, name: str) -> None:
        """It is back, or another one is in its place."""
        self._buried.pop(name, None)
