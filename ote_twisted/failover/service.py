"""Has the links to parents: does what the policy decides, and shows the controller the one that carries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ote_twisted.errors import DialFailed
from ote_twisted.failover.diary import Diary
from ote_twisted.failover.keeping import Keeper
from ote_twisted.failover.knowledge import Knowledge
from ote_twisted.failover.lingering import Lingering
from ote_twisted.failover.overhearing import Overheard
from ote_twisted.failover.policy import ParentPolicy
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.failover.status import Connected, Connecting, FailoverStatus, Stopped, Waiting
from ote_twisted.failover.ways import Carry, Dial, Leave, Wait, Way
from ote_twisted.interfaces import IEventRecorder, IKeptState, ILink, ILinkSink, IParentDialler, IParentObserver, IParentUser
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.wire.join import Admission, JoinRequest
from ote_twisted.wire.notices import Ancestry, Neighbourhood

REDIRECT = 302
"""HTTP status of a parent that sends us to another one."""

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
"""Websocket close codes."""


@implementer(ILinkSink, IParentObserver)
class Failover(Service):
    """Keeps a controller below one of its parents, for ever.

    :ivar policy: what decides.
    :ivar knowledge: the candidates.
    :ivar link: the link that carries, if there is one.
    :ivar error: why the last attempt or link ended; empty before the first.
    :ivar moves: how often another parent became the one that carries; ``returns`` those back to a better one among them.
    :ivar probes: attempts to stand by at a better parent.
    :ivar malformed: messages of a parent that stands by that were out of grammar.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        advertised: str,
        parents: Sequence[ParentAddress],
        settings: FailoverSettings,
        sink: ILinkSink,
        user: IParentUser,
        dialler: IParentDialler,
        kept: IKeptState,
        recorder: IEventRecorder,
        clock: IReactorTime,
        chance: Callable[[], float],
    ) -> None:
        """
        :param advertised: ``host:port`` of our own tunnel.
        :param parents: in order of preference; none makes a root's service, which never dials.
        :param sink: is shown the link that carries.
        :param chance: gives numbers in [0, 1).
        """
        self.knowledge = Knowledge(name, advertised, parents, settings, chance)
        self.policy = ParentPolicy(name, self.knowledge, settings, chance, user.in_subtree)
        self.link: ILink | None = None
        self.moves = self.returns = self.probes = self.malformed = 0
        self._sink = sink
        self._user = user
        self._dialler = dialler
        self._clock = clock
        self._keeper = Keeper(kept, self.knowledge, clock)
        self._diary = Diary(name, recorder)
        self._lingering = Lingering(settings.linger, clock)
        self._dialling: dict[Way, Deferred[None]] = {}
        self._ways: dict[ILink, Way] = {}
        self._links: dict[Way, ILink] = {}
        self._heard: dict[Way, Overheard] = {}
        self._timer: IDelayedCall | None = None
        self._acting = False
        self.error = ""
        self._gone: Deferred[None] | None = None

    # ---- service

    async def prepare(self) -> None:
        """Read what was learnt before a restart. Call before :meth:`startService`."""
        await self._keeper.load()

    def startService(self) -> None:
        """Begin to dial."""
        super().startService()
        self._keeper.start()
        if self.knowledge.configured:
            self.error = ""
            self.policy.start()
            self._act()

    def stopService(self) -> Deferred[None]:
        """Close the links with a close frame (F46). Fires when they are gone, at most the limit for closing later."""
        super().stopService()
        self.policy.stop(self._now())
        self._act()
        for way in self._lingering.stop():
            self._close(way, "the controller is stopping")
        self._keeper.stop()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        while self._dialling or self._ways:
            self._gone = Deferred()
            await self._gone
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._dialler.stop()

    @property
    def status(self) -> FailoverStatus:
        """For people."""
        policy = self.policy
        if not self.running or not self.knowledge.configured:
            return Stopped()
        if policy.carrying is not None and self.link is not None:
            return Connected(str(policy.carrying.address), policy.carrying.since, "ote.v2" if self.link.v2 else "ote.v1")
        if policy.attempt is not None:
            return Connecting(str(policy.attempt.address), policy.attempt.since, self.error)
        when = self._timer.getTime() if self._timer is not None else self._now()
        return Waiting(when, str(policy.target[0].address) if policy.target is not None else "", self.error)

    # ---- ILinkSink

    def admit(self, request: JoinRequest) -> Admission:
        """Nobody joins by the links that we dialled; whoever asks is answered by the controller."""
        return self._sink.admit(request)

    def link_opened(self, link: ILink) -> None:
        """See :meth:`ILinkSink.link_opened`."""
        self.policy.opened(self._ways[link], not link.v2, self._now())
        self._act()

    def messages_received(self, link: ILink, messages: Sequence[bytes]) -> None:
        """See :meth:`ILinkSink.messages_received`. A link that stands by is heard here alone."""
        way = self._ways[link]
        if way not in self._heard:
            self._sink.messages_received(link, messages)
            return
        for ancestry in self._heard[way].received(messages):
            self.policy.path_told(way, ancestry, self._now())
        self.malformed += self._heard[way].take_malformed()
        self._act()

    def link_drained(self, link: ILink) -> None:
        """See :meth:`ILinkSink.link_drained`."""
        if self._ways[link] not in self._heard:
            self._sink.link_drained(link)

    def link_lost(self, link: ILink, reason: str) -> None:
        """See :meth:`ILinkSink.link_lost`. The controller hears of it before anything is done about it."""
        way = self._ways.pop(link)
        del self._links[way]
        self._lingering.ended(way)
        if link is self.link:
            self.link, self.error = None, reason
        if self._heard.pop(way, None) is None:
            self._sink.link_lost(link, reason)
            self._diary.lost(way, reason)
        self.policy.lost(way, self._now())
        self._act()
        self._check_gone()

    # ---- IParentObserver

    def path_learnt(self, link: ILink, ancestry: Ancestry) -> None:
        """See :meth:`IParentObserver.path_learnt`."""
        if link in self._ways:
            self.policy.path_told(self._ways[link], ancestry, self._now())
            self._act()

    def neighbours_learnt(self, link: ILink, neighbourhood: Neighbourhood) -> None:
        """See :meth:`IParentObserver.neighbours_learnt`."""
        if link in self._ways:
            self.policy.neighbours_told(self._ways[link], neighbourhood)
            self._act()

    # ---- what the policy decides

    def _act(self) -> None:
        """Do what is to be done, until there is nothing more; whatever happens meanwhile is seen to here, too."""
        if self._acting:
            return
        self._acting = True
        try:
            while not isinstance(action := self.policy.next(self._now()), Wait):
                self._do(action)
        finally:
            self._acting = False
        self._wake_at(action.until)
        self._keeper.changed()

    def _do(self, action: Dial | Carry | Leave) -> None:
        if isinstance(action, Dial):
            self._dial(action.way)
        elif isinstance(action, Carry):
            self._carry(action)
        elif action.way in self._dialling:
            self._dialling[action.way].cancel()
        else:
            self._close(action.way, action.reason)

    def _dial(self, way: Way) -> None:
        self.probes += way.standby and not way.hops
        identity = self._user.next_identity(way.candidate.configured, way.standby)
        dialling = self._dialler.dial(way.address, identity, self, way.seconds)
        made: Deferred[None] = dialling.addCallbacks(self._made, self._not_made, (way,), errbackArgs=(way,))
        if not made.called:
            self._dialling[way] = made

    def _made(self, link: ILink, way: Way) -> None:
        self._dialling.pop(way, None)
        self._ways[link] = way
        self._links[way] = link
        self._heard[way] = Overheard()

    def _not_made(self, failure: Failure, way: Way) -> None:
        self._dialling.pop(way, None)
        fault = self._fault(failure)
        if fault.status == REDIRECT:
            why = self.policy.redirected(way, fault.redirect, self._now())
            fault = DialFailed(0, why) if why else fault
        if fault.status != REDIRECT:
            self._failed(way, fault)
        self._act()
        self._check_gone()

    def _failed(self, way: Way, fault: DialFailed) -> None:
        if way is self.policy.attempt:
            self.error = f"{way.address}: {fault}"
            self._diary.refused(way, fault)
        self.policy.failed(way, self._now(), fault.status, fault.retry_after)

    def _fault(self, failure: Failure) -> DialFailed:
        if isinstance(failure.value, DialFailed):
            return failure.value
        if not failure.check(CancelledError):
            self._log.failure("the dialler failed", failure=failure)
        return DialFailed(0, failure.getErrorMessage() or "given up")

    def _carry(self, action: Carry) -> None:
        """The controller hears of the link, and at once what was overheard on it while it stood by."""
        way, link = action.way, self._links[action.way]
        heard = self._heard.pop(way).messages
        link.standby = False
        self.link = link
        self._diary.carries(action, link)
        if action.former is not None:
            better = way.candidate.rank < action.former.candidate.rank
            self.moves, self.returns = self.moves + 1, self.returns + better
            self._linger(action.former)
        self._sink.link_opened(link)
        if heard:
            self._sink.messages_received(link, heard)

    def _linger(self, way: Way) -> None:
        link = self._links[way]
        self._lingering.begin(way, link, lambda: self._close(way, "another parent carries"))

    def _close(self, way: Way, reason: str) -> None:
        if (link := self._links.get(way)) is not None:
            link.close(POLICY_VIOLATION if way.spoilt else GOING_AWAY, reason)

    # ---- time

    def _now(self) -> float:
        return self._clock.seconds()

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when != float("inf"):
            self._timer = self._clock.callLater(max(0.0, when - self._now()), self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._act()

    def _check_gone(self) -> None:
        if self._gone is not None and not self._dialling and not self._ways:
            gone, self._gone = self._gone, None
            gone.callback(None)
