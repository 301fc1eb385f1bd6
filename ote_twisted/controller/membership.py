"""What this controller is towards its parents."""

from __future__ import annotations

from zope.interface import implementer

from ote_twisted.interfaces import IParentUser
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire.join import JoinIdentity


@implementer(IParentUser)
class Membership:
    """Tells parents who joins, and whoever chooses the parent whom not to choose."""

    def __init__(self, table: RoutingTable) -> None:
        self._table = table

    def in_subtree(self, name: str) -> bool:
        """See :meth:`IParentUser.in_subtree`."""
        return name == self._table.own.name or name in self._table.via

    def next_identity(self, home: bool, standby: bool) -> JoinIdentity:
        """See :meth:`IParentUser.next_identity`."""
        own = self._table.own
        return JoinIdentity(own.instance, own.epoch + 1, home, standby)
