"""Which parent to dial, to stand by at, to carry on and to leave, and when. Pure: events and ``now`` in, actions out.

Whoever acts calls :meth:`ParentPolicy.next` after each event, and when the time of a ``Wait`` has come, until it gets
a ``Wait``; and tells what became of what it did. docs/healing.md has the picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from urllib.parse import urlsplit

from ote_twisted.failover.candidates import Candidate
from ote_twisted.failover.choice import Choice
from ote_twisted.failover.knowledge import Knowledge
from ote_twisted.failover.penalties import Penalties
from ote_twisted.failover.phases import Phase
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.failover.ways import Action, Carry, Dial, Leave, Role, Wait, Way, objection
from ote_twisted.tunnel.address import InvalidAddress, ParentAddress
from ote_twisted.wire.notices import Ancestry, Neighbourhood


class ParentPolicy:
    """Keeps one link carrying, and finds its way back to the preferred parent.

    :ivar phase: where the search stands.
    :ivar carrying: the link that carries; ``standby`` the one that stands by; ``attempt`` what is being dialled.
    :ivar target: while nobody may be dialled: who will be first, and when.
    """

    def __init__(
        self,
        own: str,
        knowledge: Knowledge,
        settings: FailoverSettings,
        chance: Callable[[], float],
        excluded: Callable[[str], bool],
    ) -> None:
        """
        :param own: this cluster's name.
        :param chance: gives numbers in [0, 1).
        :param excluded: that cluster must not be the parent, because it is this one or below it.
        """
        self.penalties = Penalties(settings, chance)
        self.phase = Phase.STOPPED
        self.carrying: Way | None = None
        self.standby: Way | None = None
        self.attempt: Way | None = None
        self.target: tuple[Candidate, float] | None = None
        self._own = own
        self._knowledge = knowledge
        self._settings = settings
        self._chance = chance
        self._choice = Choice(self.penalties, settings, excluded)
        self._actions: deque[Action] = deque()
        self._ending: set[Way] = set()
        self._last: Candidate | None = None
        self._impatient_at = inf
        self._probes, self._next_probe = 0, 0.0

    # ---- events

    def start(self) -> None:
        """Begin to look for a parent."""
        self.penalties.clear()
        self._choice.begin()
        self._last, self._probes, self._next_probe, self.phase = None, 0, 0.0, Phase.WAITING

    def stop(self, now: float) -> None:
        """Leave everything."""
        for way in (self.attempt, self.standby, self.carrying):
            if way is not None:
                self._leave(way, "the controller is stopping", now)
        self.phase = Phase.STOPPED

    def opened(self, way: Way, mute: bool, now: float) -> None:
        """The attempt is a link. A ``mute`` one tells nothing of the tree, as originals do, and cannot stand by."""
        if way is not self.attempt:
            self._leave(way, "the attempt was given up", now)
            return
        self.attempt = None
        self.penalties.opened(way.candidate.address)
        way.opened_at, way.turned, way.candidate.mute = now, now, mute
        if way.standby and not mute:
            way.become(Role.STANDBY, now)
            self.standby = way
        else:
            self._carry(way, now)
        self._look(now)

    def failed(self, way: Way, now: float, status: int = 0, retry_after: float = 0.0) -> None:
        """The attempt is over."""
        self._ending.discard(way)
        if way is self.attempt:
            self.attempt = None
            if way.seconds is not None and now - way.since >= way.seconds:
                self.penalties.too_slow(way.candidate.address)
            self._penalise(way.candidate, now, status, retry_after)
        self._look(now)

    def redirected(self, way: Way, location: str, now: float) -> str:
        """The attempt was answered by a redirect. It is followed at once, unless a sentence says why it has failed (F28)."""
        try:
            target = way.address.redirected(urlsplit(location).netloc)
        except (InvalidAddress, ValueError) as fault:
            return str(fault)
        if way.hops >= self._settings.max_redirects:
            return f"more than {self._settings.max_redirects} redirects, the last to {target}"
        if way is not self.attempt:
            return "it was given up"
        if self.carrying is not None and self.carrying.address == target:
            self.attempt, self.carrying.candidate, self._last = None, way.candidate, way.candidate
        elif target in self._busy(but=way):
            return f"the link to {target} still ends"
        else:
            way.address, way.hops = target, way.hops + 1
            self._actions.append(Dial(way))
        self._look(now)
        return ""

    def lost(self, way: Way, now: float) -> None:
        """The link is gone."""
        self._ending.discard(way)
        if way is self.standby:
            self.standby = None
            self._penalise(way.candidate, now)
        elif way is self.carrying:
            self._carrier_lost(way, now)
        way.become(Role.ENDING, now)
        self._look(now)

    def path_told(self, way: Way, ancestry: Ancestry, now: float) -> None:
        """The parent told its way to the root."""
        if way.role not in (Role.STANDBY, Role.CARRYING):
            return
        was_rooted = way.rooted
        way.told(ancestry.path, ancestry.rooted, now)
        self._knowledge.named(way.candidate, ancestry.path[0])
        if reason := objection(self._own, ancestry.path):
            self._spoil(way, reason, now)
        elif way is self.carrying:
            self._knowledge.path_told(way.address, ancestry)
            if was_rooted != way.rooted:
                self._impatient_at = inf if way.rooted else self._patience_ends(now)
        self._look(now)

    def neighbours_told(self, way: Way, neighbourhood: Neighbourhood) -> None:
        """The parent told which others there are."""
        if way is self.carrying:
            self._knowledge.neighbours_told(way.address, neighbourhood)

    # ---- what to do

    def next(self, now: float) -> Action:
        """What is to be done next."""
        self._look(now)
        if not self._actions:
            self.target = None
            self._decide(now)
            self._look(now)
        return self._actions.popleft() if self._actions else self._wait(inf, now)

    def _decide(self, now: float) -> None:
        carrying = self.carrying
        if self.phase is Phase.STOPPED:
            return
        if carrying is None:
            if self.attempt is None:
                self._seek(list(self._knowledge), False, now)
            return
        better, extra = self._better(carrying, now), self.attempt or self.standby
        if extra is not None and extra.candidate not in better:
            self._leave(extra, "there is nothing better to look for", now)
        elif self.standby is not None:
            self._judge(self.standby, carrying.rooted, now)
        elif self.attempt is None and better:
            self._seek(better, True, now)

    def _seek(self, candidates: Sequence[Candidate], standby: bool, now: float) -> None:
        """Dial the best that may be dialled, or wait for the first that may."""
        chosen = self._choice.choose(candidates, self._busy(), self._next_probe if standby else None, now)
        if chosen.candidate is None or chosen.when > now:
            self.target = None if chosen.candidate is None else (chosen.candidate, chosen.when)
            self._actions.append(self._wait(chosen.when, now))
            return
        self._choice.dialled(chosen.candidate)
        self.attempt = Way(chosen.candidate, chosen.candidate.address, standby, now, chosen.seconds)
        self._actions.append(Dial(self.attempt))

    def _judge(self, standby: Way, carrying_rooted: bool, now: float) -> None:
        """Take to the link that stands by, wait, or leave it."""
        settle, good = standby.candidate.settle if carrying_rooted else 0.0, standby.told_a_way
        until = standby.turned + (settle if good else max(settle, self._settings.attempt))
        if until > now:
            self._actions.append(self._wait(until, now))
        elif good:
            self._carry(standby, now)
        else:
            self._leave(standby, "it has no way to the root", now)
            self._penalise(standby.candidate, now)

    def _wait(self, until: float, now: float) -> Wait:
        """Nothing to do before; but the patience with a parent without a way may end earlier."""
        return Wait(min(until, self._impatient_at) if self._impatient_at > now else until)

    def _better(self, carrying: Way, now: float) -> list[Candidate]:
        """Whom we had rather be below."""
        if not carrying.rooted and now >= self._impatient_at:
            return [each for each in self._knowledge if each is not carrying.candidate]
        return [each for each in self._knowledge.configured if each.rank < carrying.candidate.rank]

    # ---- changes

    def _carry(self, way: Way, now: float) -> None:
        self._choice.begin()
        former, self.carrying, self.standby = self.carrying, way, None
        way.become(Role.CARRYING, now)
        if former is not None:
            former.become(Role.ENDING, now)
            former.candidate.lost_at = now
            self._ending.add(former)
        after, self._last = None if self._last is way.candidate else self._last, way.candidate
        if after is not None:
            self._moved(after, way.candidate, now)
        self._impatient_at = inf if way.rooted else self._patience_ends(now)
        self._probes, self._next_probe = 0, now
        self._actions.append(Carry(way, former, after))

    def _moved(self, from_candidate: Candidate, to_candidate: Candidate, now: float) -> None:
        """Another candidate is the parent: whoever ends soon after a return is waited for longer the next time."""
        returned, settle = from_candidate.returned_at, self._settings.settle
        if returned is not None and from_candidate.lost_at - returned < self._settings.relapse:
            settle = min(2 * from_candidate.settle, self._settings.settle_cap)
        from_candidate.settle, from_candidate.left, from_candidate.returned_at = settle, True, None
        to_candidate.returned_at = now if to_candidate.left or to_candidate.rank < from_candidate.rank else None
        self._knowledge.another_parent()

    def _carrier_lost(self, way: Way, now: float) -> None:
        candidate, lasted = way.candidate, now - way.opened_at
        self.carrying, candidate.lost_at, self._impatient_at = None, now, inf
        clean = lasted >= self._settings.settled or not self.penalties.of(candidate.address).failures
        if way.spoilt:
            self._penalise(candidate, now)
        else:
            self.penalties.ended(candidate.address, now, lasted)
            self._choice.begin(candidate if clean else None)
        if self.attempt is not None:
            self._leave(self.attempt, "the link that carried is lost", now)
        if (standby := self.standby) is not None:
            if standby.told_a_way:
                self._carry(standby, now)
            else:
                self._leave(standby, "the link that carried is lost", now)

    def _spoil(self, way: Way, reason: str, now: float) -> None:
        """The link must not stay (R2)."""
        if way is self.carrying:
            way.spoilt = way.spoilt or reason
            self._actions.append(Leave(way, reason))
        else:
            self._leave(way, reason, now)
            self._penalise(way.candidate, now)

    def _leave(self, way: Way, reason: str, now: float) -> None:
        way.become(Role.ENDING, now)
        self._ending.add(way)
        self.attempt = None if way is self.attempt else self.attempt
        self.standby = None if way is self.standby else self.standby
        self.carrying = None if way is self.carrying else self.carrying
        self._actions.append(Leave(way, reason))

    def _penalise(self, candidate: Candidate, now: float, status: int = 0, retry_after: float = 0.0) -> None:
        self.penalties.failed(candidate.address, now, status, retry_after)
        if self.carrying is not None and not self.penalties.of(candidate.address).promised:
            self._next_probe = now + self.penalties.delay(self._probes)
            self._probes += 1

    def _patience_ends(self, now: float) -> float:
        """When a parent without a way to the root is no longer put up with; at another time for each of its children."""
        return now + self._settings.attempt + self._chance() * self._settings.settle

    def _busy(self, but: Way | None = None) -> set[ParentAddress]:
        """Addresses that are dialled or linked."""
        ways = {self.attempt, self.standby, self.carrying, *self._ending} - {None, but}
        return {address for way in ways if way is not None for address in (way.address, way.candidate.address)}

    def _look(self, now: float) -> None:
        """See where we are."""
        carrying = self.carrying
        if carrying is None:
            phase = Phase.DIALLING if self.attempt else Phase.WAITING
        elif self.standby or self.attempt:
            phase = Phase.TRIAL if self.standby else Phase.PROBING
        else:
            good = carrying.candidate.best and (carrying.rooted or now < self._impatient_at)
            phase = Phase.HOME if good else Phase.AWAY
        if self.phase not in (Phase.STOPPED, phase):
            self.phase = phase
