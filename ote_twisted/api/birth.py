"""What the server gives a new object. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ote_twisted.values import frozen


@frozen
class Birth:
    """What the server gives a new object.

    :ivar created: RFC 3339 time.
    :ivar suffix: gives random characters that complete ``generateName``.
    """

    uid: str
    created: str
    suffix: Callable[[], str]
