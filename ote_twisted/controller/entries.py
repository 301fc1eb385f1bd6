"""Bounds of what is told of one cluster, and announcements cut so that no parent has to refuse them. Pure.

A parent refuses an announcement as a whole. So that one child's entries cannot cost the others theirs, each is checked where
it enters, and what is passed on is paged by size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from attrs import evolve

from ote_twisted.errors import InvalidName
from ote_twisted.topology.names import check_labels, check_tags, parse_name
from ote_twisted.wire.entry import ClusterEntry, ClusterStatus
from ote_twisted.wire.limits import ANNOUNCEMENT_LIMIT, ENTRY_LIMIT

MAX_TEXT = 255
"""Characters of an address, a user's name for a cluster, or a version."""

GROWTH = 512
"""What a hop may add to an entry: the name of the parent and the address that its link knows, bytes."""

PAGE = 10_000
"""Clusters in one announcement at most."""

PAGE_BYTES = ANNOUNCEMENT_LIMIT // 4

_FIELDS = 64
"""Bytes that the fields of an entry cost beside their texts, at most."""

_AMOUNT = 12
"""Bytes that a quantity costs beside its texts, at most."""

_MEMBER = 8
"""Bytes that a label or a tag costs beside its texts, at most."""


def weight(entry: ClusterEntry) -> int:
    """Encoded length of an entry whose name, labels and tags are in grammar, bytes; never less than it is."""
    texts = len(entry.parent) + len(entry.listen) + len(entry.user_defined_name) + len(entry.version) + len(entry.instance)
    labels = sum(map(len, entry.labels)) + sum(map(len, entry.labels.values()))
    members = _MEMBER * (len(entry.labels) + len(entry.tags))
    told = 0 if entry.status is None else _status_weight(entry.status)
    return _FIELDS + len(entry.name) + 4 * texts + labels + sum(map(len, entry.tags)) + members + told


def _status_weight(status: ClusterStatus) -> int:
    texts = sum(map(_bytes, (status.kind, status.version, status.reason, status.message)))
    amounts = [*status.capacity.items(), *status.allocatable.items()]
    return _FIELDS + texts + sum(_bytes(name) + _bytes(amount) + _AMOUNT for name, amount in amounts)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else 4 * len(text)


def fitting(entry: ClusterEntry) -> ClusterEntry:
    """Without amounts, when they make it too long for the wire beside many labels."""
    if entry.status is None or weight(entry) <= ENTRY_LIMIT - GROWTH:
        return entry
    return evolve(entry, status=evolve(entry.status, capacity={}, allocatable={}))


def check_entry(entry: ClusterEntry) -> None:
    """Refuse what cannot be passed on.

    :raise InvalidName: the name, a label, a tag or a text is out of grammar or too long.
    """
    parse_name(entry.name)
    check_labels(entry.labels)
    check_tags(entry.tags)
    for what, text in (("address", entry.listen), ("name for people", entry.user_defined_name), ("version", entry.version)):
        if len(text) > MAX_TEXT:
            raise InvalidName(f"the {what} of cluster {entry.name} has {len(text)} characters; at most {MAX_TEXT} are allowed")
    if weight(entry) > ENTRY_LIMIT - GROWTH:
        raise InvalidName(
            f"cluster {entry.name} has labels and a status of {weight(entry)} bytes; at most {ENTRY_LIMIT - GROWTH} are allowed"
        )


def shortened(entry: ClusterEntry) -> ClusterEntry:
    """An entry made from what an original or a handshake says: an impossible address is none, a long text is cut."""
    return evolve(
        entry,
        listen=entry.listen if len(entry.listen) <= MAX_TEXT else "",
        user_defined_name=entry.user_defined_name[:MAX_TEXT],
    )


def pages(present: Iterable[ClusterEntry], gone: Sequence[str]) -> Iterator[tuple[tuple[ClusterEntry, ...], tuple[str, ...]]]:
    """What to announce, in parts that every parent takes; one empty part when there is nothing."""
    absent = [tuple(gone[at : at + PAGE]) for at in range(0, len(gone), PAGE)]
    parts = zip_longest(_by_weight(present), absent, fillvalue=())
    yield from parts


def _by_weight(entries: Iterable[ClusterEntry]) -> Iterator[tuple[ClusterEntry, ...]]:
    page: list[ClusterEntry] = []
    total = 0
    for entry in entries:
        heavy = weight(entry)
        if page and (len(page) == PAGE or total + heavy > PAGE_BYTES):
            yield tuple(page)
            page, total = [], 0
        page.append(entry)
        total += heavy
    if page:
        yield tuple(page)
