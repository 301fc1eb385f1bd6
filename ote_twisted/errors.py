"""The errors of the whole package. Every message is a sentence for the person who has to act on it."""

from __future__ import annotations


class OTEError(Exception):
    """Root of every error that this package raises on purpose."""


class MalformedMessage(OTEError):
    """Bytes from a peer are not a message of the wire; the text names the rule that was broken."""


class InvalidName(OTEError):
    """A cluster name is out of grammar; the text names the rule."""


class InvalidSelector(OTEError):
    """A selector is out of grammar.

    :ivar column: 1-based column of the fault in the selector's text.
    :ivar rule: what was expected there.
    """

    def __init__(self, column: int, rule: str) -> None:
        super().__init__(f"selector, column {column}: {rule}")
        self.column = column
        self.rule = rule


class ConfigError(OTEError):
    """A configuration is unusable; the text gives file, line and key path."""


class StoreError(OTEError):
    """An object store refused."""


class NotFound(StoreError):
    """No object under that key."""


class AlreadyExists(StoreError):
    """An object is already under that key."""


class Conflict(StoreError):
    """The stored version is not the expected one."""


class Expired(StoreError):
    """The asked version is older than what the change log still holds (HTTP 410)."""


class StoreUnavailable(StoreError):
    """The store cannot write now, e.g. because the disk is full (HTTP 507). Reads may still work."""


class CorruptStore(StoreError):
    """The store's file is damaged or of another program; the text says what to do. It was not changed."""


class ShimUnavailable(OTEError):
    """The cluster's shim cannot be reached or is not started (HTTP 503)."""
