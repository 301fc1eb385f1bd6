"""Collaborators that write down what they are told, for tests of either side of a contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zope.interface import implementer

from ote_twisted.interfaces import ILink, ILinkSink, IParentUser
from ote_twisted.wire.join import V2, Accept, Admission, JoinIdentity, JoinRequest


def accept_everybody(request: JoinRequest) -> Admission:
    """Accept with the best subprotocol offered."""
    return Accept(V2 if V2 in request.subprotocols else None, request.listen or "")


INSTANCE = "0123456789abcdef" * 2
"""Identity of whoever a recording sink is."""


@implementer(ILinkSink, IParentUser)
class RecordingSink:
    """An ILinkSink that keeps every event, in order; whoever chooses its parent may ask it as well.

    :ivar events: ``("opened", link)``, ``("messages", link, [bytes, …])``, ``("drained", link)``, ``("lost", link, reason)``.
    :ivar requests: what :meth:`admit` was asked.
    :ivar links: the links open now.
    :ivar below: clusters in its subtree.
    """

    def __init__(self, decide: Callable[[JoinRequest], Admission] = accept_everybody) -> None:
        self.decide = decide
        self.events: list[tuple[object, ...]] = []
        self.requests: list[JoinRequest] = []
        self.links: list[ILink] = []
        self.below: set[str] = set()

    def admit(self, request: JoinRequest) -> Admission:
        """See ILinkSink."""
        self.requests.append(request)
        return self.decide(request)

    def link_opened(self, link: ILink) -> None:
        """See ILinkSink."""
        self.links.append(link)
        self.events.append(("opened", link))

    def messages_received(self, link: ILink, messages: Sequence[bytes]) -> None:
        """See ILinkSink."""
        self.events.append(("messages", link, list(messages)))

    def link_drained(self, link: ILink) -> None:
        """See ILinkSink."""
        self.events.append(("drained", link))

    def link_lost(self, link: ILink, reason: str) -> None:
        """See ILinkSink."""
        self.links.remove(link)
        self.events.append(("lost", link, reason))

    def in_subtree(self, name: str) -> bool:
        """See IParentUser."""
        return name in self.below

    def next_identity(self, home: bool, standby: bool) -> JoinIdentity:
        """See IParentUser. Each link has an epoch that is higher than those before."""
        return JoinIdentity(INSTANCE, self.names().count("opened") + 1, home, standby)

    @property
    def messages(self) -> list[bytes]:
        """Every message of every link, in the order received."""
        received: list[bytes] = []
        for event in self.events:
            if event[0] == "messages" and isinstance(event[2], list):
                received += event[2]
        return received

    def names(self) -> list[object]:
        """The kinds of the events, in order."""
        return [event[0] for event in self.events]
