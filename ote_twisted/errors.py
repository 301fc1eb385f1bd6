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


class DialFailed(OTEError):
    """An attempt at a parent made no link.

    :ivar status: HTTP status of its answer; 0 when there was no usable one.
    :ivar reason: a sentence for people.
    :ivar retry_after: seconds for which it asks to be left alone.
    :ivar redirect: ``Location`` of a redirect.
    """

    def __init__(self, status: int, reason: str, retry_after: float = 0.0, redirect: str = "") -> None:
        super().__init__(f"{status} {reason}" if status else reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.redirect = redirect


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
