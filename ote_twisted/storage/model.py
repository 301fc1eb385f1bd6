"""Values that stores take and give. Pure.

Those made for every write are slotted but not frozen, which would cost a microsecond each; nobody may change them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NewType

from attrs import field

from ote_twisted.values import define, frozen

ResourceVersion = NewType("ResourceVersion", int)
"""Version of the whole store after a write; grows by one with each write, never repeats."""


@define(unsafe_hash=True)
class Key:
    """Where an object lives.

    :ivar resource: plural and group, ``clusters.ote.baidu.com``; the core group has no dot: ``configmaps``.
    :ivar namespace: empty for cluster-scoped objects.
    """

    resource: str
    namespace: str
    name: str


@define(eq=False)
class StoredObject:
    """One version of one object.

    :ivar value: the object as JSON bytes, ``metadata.resourceVersion`` **included** (the store writes it there).
    :ivar version: its resource version.
    """

    key: Key
    version: ResourceVersion
    value: bytes = field(repr=False)
    labels: dict[str, str] = field(factory=dict, repr=False)


class EventType(StrEnum):
    """Kind of change, spelled as in a Kubernetes watch."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@define(eq=False)
class StoreEvent:
    """One change. For a deletion ``object`` is the last state, with the version of the deletion.

    ``previous`` is the state before, where the store still has it (live events; ``None`` for replayed ones), so that
    watchers with selectors can tell "left the selection" from "changed".
    """

    type: EventType
    object: StoredObject
    previous: StoredObject | None = None


@frozen(eq=False)
class Page:
    """Part of a list.

    :ivar version: store version the whole list (all its pages) belongs to.
    :ivar continue_key: pass to the next call; ``None`` at the end.
    :ivar remaining: how many follow, ``None`` if not known.
    """

    items: list[StoredObject]
    version: ResourceVersion
    continue_key: str | None = None
    remaining: int | None = None


JSON = dict[str, Any]
"""A decoded JSON object."""
