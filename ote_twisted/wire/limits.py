"""The bounds of the wire (docs/wire.md, "Limits"). What exceeds one is a :class:`~ote_twisted.errors.MalformedMessage`."""

from __future__ import annotations

from typing import Final

MESSAGE_LIMIT: Final = 64 * 1024 * 1024
"""Longest encoded ClusterMessage, and the sum of what the chunked messages open on one link may announce, bytes."""

PAYLOAD_LIMIT: Final = 64 * 1024
"""Longest websocket message of ``ote.v2``, bytes."""

OPEN_CHUNKED_LIMIT: Final = 8
"""Chunked messages that one end may have under way at the same time on one link."""

TREE_DEPTH_LIMIT: Final = 64
"""Tiers of a tree; the hop limit of a new message and the longest path to a root."""

ROUTE_BODY_LIMIT: Final = 16 * 1024 * 1024
"""Longest JSON body of a v1 route message, bytes."""

REGISTRY_BODY_LIMIT: Final = 64 * 1024
"""Longest JSON body of a v1 registration, bytes."""

ANNOUNCEMENT_LIMIT: Final = 32 * 1024 * 1024
"""Longest body of an announcement and of the other v2 route messages, bytes."""

NAMES_LIMIT: Final = 200_000
"""Clusters that one route message, announcement or refusal of delivery may name."""

NOTICE_LIMIT: Final = 128 * 1024
"""Longest body of what a parent tells of the tree (Ancestry, Neighbourhood, Refusal), bytes."""

NEIGHBOURS_LIMIT: Final = 64
"""Siblings, and siblings of the parent, that one Neighbourhood may name."""

ENTRY_LIMIT: Final = 16 * 1024
"""Longest encoded ClusterEntry, bytes."""

NESTING_LIMIT: Final = 64
"""Arrays and objects in one JSON body of v1, at any depth."""
