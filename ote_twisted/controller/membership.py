"""What this controller is towards its parents: its identity, and which of its links to them is the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.errors import StoreError
from ote_twisted.interfaces import IKeptState, IParentUser
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire.join import JoinIdentity

INSTANCE = "instance"
EPOCH = "epoch"
"""Names of what is kept; of the epoch an upper bound, so that not every link costs a write."""

RESERVED = 64
"""Epochs that are kept as used in advance."""

RENEW = RESERVED // 2
"""When so few of them are left the next are reserved."""


@implementer(IParentUser)
class Membership:
    """Tells parents who joins, and whoever chooses the parent whom not to choose.

    The epoch never goes back and is never used twice, also over a crash; only while the store has taken no write for
    as many links as are reserved it may be used again after a restart, and then the claims of the lost links stand as
    long as those seem to live.
    """

    _log = Logger()

    def __init__(self, table: RoutingTable, kept: IKeptState, new_uid: Callable[[], str]) -> None:
        """:param new_uid: gives texts that no other controller has."""
        self._table = table
        self._kept = kept
        self._new_uid = new_uid
        self._bound = 0
        self._reserving = False

    async def prepare(self) -> None:
        """Read who we are, or become somebody. A store that takes no write is no reason not to go on.

        :raise ote_twisted.errors.StoreUnavailable: it cannot be read either.
        """
        kept = await self._kept.load()
        instance, bound = _instance(kept), _number(kept)
        if not instance:
            instance, bound = blake2b(self._new_uid().encode(), digest_size=16).hexdigest(), 0
            await self._keep(INSTANCE, instance)
        self._table.replace_own(evolve(self._table.own, instance=instance, epoch=bound))
        self._bound = bound
        await self._reserve()

    def in_subtree(self, name: str) -> bool:
        """See :meth:`IParentUser.in_subtree`."""
        return name == self._table.own.name or name in self._table.via

    def next_identity(self, home: bool, standby: bool) -> JoinIdentity:
        """See :meth:`IParentUser.next_identity`."""
        own = self._table.own
        return JoinIdentity(own.instance, own.epoch + 1, home, standby)

    def another_link(self) -> Difference:
        """Another link to a parent carries from now on: what is announced from here on is newer than all before."""
        own = self._table.own
        if own.epoch + RENEW >= self._bound and not self._reserving:
            Deferred.fromCoroutine(self._reserve()).addErrback(self._failed)
        return self._table.replace_own(evolve(own, epoch=own.epoch + 1))

    async def _reserve(self) -> None:
        self._reserving = True
        bound = max(self._bound, self._table.own.epoch) + RESERVED
        if await self._keep(EPOCH, str(bound)):
            self._bound = bound
        self._reserving = False

    async def _keep(self, name: str, value: str) -> bool:
        try:
            await self._kept.keep(name, value.encode())
        except StoreError as fault:
            self._log.warn("the {name} of this controller is not kept: {fault}", name=name, fault=str(fault))
            return False
        return True

    def _failed(self, failure: Failure) -> None:
        self._reserving = False
        self._log.failure("keeping the epoch", failure=failure)


def _instance(kept: Mapping[str, bytes]) -> str:
    return kept.get(INSTANCE, b"").decode("ascii", "replace")


def _number(kept: Mapping[str, bytes]) -> int:
    text = kept.get(EPOCH, b"")
    return int(text) if text.isdigit() else 0
