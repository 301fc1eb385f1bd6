"""A failover service over links that tests hold in their hands."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ote_twisted.errors import DialFailed
from ote_twisted.failover.service import Failover
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.interfaces import ILink, ILinkSink, IParentDialler
from ote_twisted.storage.journal_memory import MemoryKeptState
from ote_twisted.testing.events import MemoryEventRecorder
from ote_twisted.testing.links import MemoryLink
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.join import JoinIdentity
from ote_twisted.wire.messages import message
from ote_twisted.wire.notices import (
    Ancestry,
    Neighbour,
    Neighbourhood,
    decode_ancestry,
    decode_neighbourhood,
    encode_ancestry,
    encode_neighbourhood,
)

SETTINGS = FailoverSettings(delay_base=1)


def ancestry(*path: str, rooted: bool = True) -> bytes:
    """What a parent says of its way to the root."""
    return message(pb.Ancestry, encode_ancestry(Ancestry(path, rooted, tuple(f"{name}:8287" for name in path))))


def neighbourhood(*parent_siblings: str) -> bytes:
    """What a parent says of others."""
    told = Neighbourhood((), tuple(Neighbour(name, f"{name}:8287") for name in parent_siblings))
    return message(pb.Neighbourhood, encode_neighbourhood(told))


class Attempt:
    """One call of a dialler."""

    def __init__(self, address: ParentAddress, identity: JoinIdentity, sink: ILinkSink, seconds: float | None) -> None:
        self.host = address.host
        self.identity = identity
        self.seconds = seconds
        self.given_up = False
        self.result: Deferred[ILink] = Deferred(self._give_up)
        self._sink = sink

    def opens(self, *messages: bytes, v2: bool = True) -> MemoryLink:
        """It becomes a link, on which the parent says something."""
        link = MemoryLink("", self._sink, v2=v2, is_parent=True, listen=f"{self.host}:8287", standby=self.identity.standby)
        link.peer_address = f"ws://{self.host}:8287"
        self.result.callback(link)
        link.open()
        if messages:
            link.receive(*messages)
        return link

    def fails(self, status: int = 0, reason: str = "no answer", retry_after: float = 0.0, redirect: str = "") -> None:
        """It fails."""
        self.result.errback(DialFailed(status, reason, retry_after, redirect))

    def _give_up(self, result: object) -> None:
        self.given_up = True


@implementer(IParentDialler)
class HeldDialler:
    """Keeps every attempt for the test to decide about.

    :ivar attempts: those that were not looked at yet, in order.
    """

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.stopped = False

    def dial(
        self, address: ParentAddress, identity: JoinIdentity, sink: ILinkSink, seconds: float | None = None
    ) -> Deferred[ILink]:
        """See IParentDialler."""
        self.attempts.append(Attempt(address, identity, sink, seconds))
        return self.attempts[-1].result

    def stop(self) -> None:
        """See IParentDialler."""
        self.stopped = True


class FailoverTestCase(SynchronousTestCase):
    """One service, with everything around it held."""

    def setUp(self) -> None:
        """Build what outlives it."""
        self.clock = Clock()
        self.kept = MemoryKeptState()
        self.events = MemoryEventRecorder("own", self.clock.seconds)

    def begin(self, *parents: str, learn: bool = True) -> Failover:
        """A started service with these parents; stopped at the end, after which nothing is left on the clock."""
        self.dialler, self.sink = HeldDialler(), RecordingSink()
        addresses = [ParentAddress(parent, 8287) for parent in parents]
        settings = evolve(SETTINGS, learn=learn)
        failover = self.failover = Failover(
            "own", "own:8287", addresses, settings, self.sink, self.sink, self.dialler, self.kept, self.events, self.clock,
            lambda: 0.5,
        )  # fmt: skip
        self.successResultOf(Deferred.fromCoroutine(failover.prepare()))
        failover.startService()
        self.addCleanup(self.end, failover)
        return failover

    def end(self, failover: Failover) -> None:
        """Stop it."""
        if failover.running:
            stopped = failover.stopService()
            for link in list(self.links()):
                link.move()
            self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def links(self) -> list[MemoryLink]:
        """Every link that is there."""
        return [link for link in self.failover._links.values() if isinstance(link, MemoryLink)]

    def attempt(self) -> Attempt:
        """The attempt under way; there is one."""
        self.assertEqual(len(self.dialler.attempts), 1)
        return self.dialler.attempts.pop()

    def told(self) -> list[str]:
        """Reasons and messages of the events."""
        return [f"{each.told.reason}: {each.told.message}" for each in self.events.happenings()]

    def learnt(self, link: MemoryLink, *raws: bytes) -> None:
        """What a controller does with what the link that carries brings of the tree."""
        for raw in raws:
            read = decode(raw)
            if read.Head.Command == pb.Ancestry:
                self.failover.path_learnt(link, decode_ancestry(read.Body))
            else:
                self.failover.neighbours_learnt(link, decode_neighbourhood(read.Body))
