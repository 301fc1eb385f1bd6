"""What stores say when they refuse, the same in each of them. Pure."""

from __future__ import annotations

from ote_twisted.storage.model import Key, ResourceVersion


def named(key: Key) -> str:
    """An object's name for people."""
    return f"{key.resource} {key.namespace}/{key.name}" if key.namespace else f"{key.resource} {key.name}"


def not_found(key: Key) -> str:
    """No object under the key."""
    return f"{named(key)} not found"


def already_exists(key: Key) -> str:
    """Something is there already."""
    return f"{named(key)} already exists"


def conflict(key: Key, expected: ResourceVersion, found: int) -> str:
    """Another write came first."""
    return f"{named(key)} has changed: version {expected} was expected and {found} is stored; read it again and repeat the change"


def list_expired(version: ResourceVersion) -> str:
    """A list took too long."""
    return f"the list of version {version} is no longer held: start it again"
