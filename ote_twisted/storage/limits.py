"""Bounds of a store. Pure."""

from __future__ import annotations

from ote_twisted.values import frozen


@frozen
class Limits:
    """Bounds that a store keeps; each has a counter or an error of its own when it acts.

    :ivar kept_versions: at least so many newest versions can be watched from; older ones are ``Expired``.
    :ivar recent_events: newest events held in memory for watches that come back.
    :ivar recent_bytes: bound on the newest states in those events, bytes; the states before them may take as much again.
    :ivar snapshots: paged lists that may be under way at once; one more expires the oldest.
    :ivar snapshot_seconds: how long a paged list may take.
    :ivar snapshot_versions: how many writes a paged list may last (a snapshot keeps the write-ahead log from shrinking).
    :ivar queued_writes: writes that may wait; one more is refused as ``StoreUnavailable``.
    :ivar group: writes in one transaction at most.
    :ivar file_bytes: bound on the main file, 0 for none; beyond it writes fail as on a full disk.
    """

    kept_versions: int = 20_000
    recent_events: int = 1_000
    recent_bytes: int = 4 << 20
    snapshots: int = 16
    snapshot_seconds: float = 60.0
    snapshot_versions: int = 5_000
    queued_writes: int = 10_000
    group: int = 1_000
    file_bytes: int = 0
