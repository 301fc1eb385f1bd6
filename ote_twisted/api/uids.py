"""Identities of objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import UUID

_BLOCK = 256


class Uids:
    """Random (version 4) UUIDs; the kernel is asked once for many of them."""

    def __init__(self) -> None:
        self._made = self._make()

    def next(self) -> str:
        """A new one."""
        return next(self._made)

    def _make(self) -> Iterator[str]:
        while True:
            block = os.urandom(16 * _BLOCK)
            for start in range(0, len(block), 16):
                yield str(UUID(bytes=block[start : start + 16], version=4))
