"""Policies that are told what happens, and do as they decide, without any link."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from attrs import evolve

from ote_twisted.failover.knowledge import Knowledge
from ote_twisted.failover.phases import Phase
from ote_twisted.failover.policy import ParentPolicy
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.failover.ways import Action, Carry, Dial, Leave, Wait, Way
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.wire.notices import Ancestry, Neighbour, Neighbourhood

SETTINGS = FailoverSettings(learn=False, delay_base=1, delay_cap=30, settled=10)
LEARNING = evolve(SETTINGS, learn=True)


def at(host: str) -> ParentAddress:
    """Where a host listens."""
    return ParentAddress(host, 8287)


class WatchedPolicy(ParentPolicy):
    """Keeps each step from one phase to another."""

    steps: set[tuple[Phase, Phase]]
    _phase: Phase | None = None

    @property
    def phase(self) -> Phase:
        """Where the search stands."""
        assert self._phase is not None
        return self._phase

    @phase.setter
    def phase(self, phase: Phase) -> None:
        if self._phase is None:
            self.steps = set()
        else:
            self.steps.add((self._phase, phase))
        self._phase = phase


class Script:
    """A policy and its time.

    :ivar done: what it decided so far, in words: ``dial a``, ``stand by a``, ``carry a``, ``leave a``.
    :ivar until: when it wants to be asked again.
    :ivar below: clusters in our subtree.
    :ivar lingering: links that carried before another began to, and are still there.
    """

    def __init__(
        self, *parents: str, chance: float | Callable[[], float] = 1.0, settings: FailoverSettings = SETTINGS, now: float = 0.0
    ) -> None:
        self.now = now
        self.below: set[str] = set()
        self.done: list[str] = []
        self.until = inf
        self.lingering: list[Way] = []
        draw = chance if callable(chance) else lambda: chance
        self.knowledge = Knowledge("own", "own:8287", [at(parent) for parent in parents], settings, draw)
        self.policy = WatchedPolicy("own", self.knowledge, settings, draw, self.below.__contains__)
        self.policy.start()
        self.run()

    @property
    def phase(self) -> Phase:
        """Where the search stands."""
        return self.policy.phase

    @property
    def carrying(self) -> str:
        """Host of the link that carries."""
        return self.policy.carrying.address.host if self.policy.carrying is not None else ""

    def take(self) -> list[str]:
        """What was decided since the last call."""
        done, self.done = self.done, []
        return done

    def run(self) -> None:
        """Let it decide until it waits."""
        for _ in range(100):
            action = self.policy.next(self.now)
            if isinstance(action, Wait):
                self.until = action.until
                return
            self.decided(action)
        raise AssertionError(f"it never waits: {self.done[-10:]}")

    def decided(self, action: Action) -> None:
        """Do as it decided."""
        if isinstance(action, Dial):
            self.done.append(f"{'stand by' if action.way.standby else 'dial'} {action.way.address.host}")
        elif isinstance(action, Carry):
            self.done.append(f"carry {action.way.address.host}")
            self.lingering += [action.former] if action.former is not None else []
        elif isinstance(action, Leave):
            self.done.append(f"leave {action.way.address.host}")

    def wait(self, seconds: float | None = None) -> float:
        """Let time pass, or until it wants to be asked; gives how long that was."""
        before = self.now
        self.now = self.until if seconds is None else self.now + seconds
        self.run()
        return self.now - before

    def opens(self, mute: bool = False, tells: tuple[str, ...] | None = None, rooted: bool = True) -> Way:
        """The attempt becomes a link; the parent tells its way to the root, unless it is mute."""
        way = self.policy.attempt
        assert way is not None
        self.policy.opened(way, mute, self.now)
        self.run()
        if tells is not None or not mute:
            self.tells(way, *(tells or (way.address.host, "root")), rooted=rooted)
        return way

    def tells(self, way: Way, *path: str, rooted: bool = True) -> None:
        """The parent tells its way to the root."""
        self.policy.path_told(way, Ancestry(path, rooted, tuple(f"{name}:8287" for name in path)), self.now)
        self.run()

    def shows(self, siblings: Iterable[str] = (), parent_siblings: Iterable[str] = ()) -> None:
        """The parent that carries tells of others."""
        assert self.policy.carrying is not None
        told = (tuple(Neighbour(name, f"{name}:8287") for name in names) for names in (siblings, parent_siblings))
        self.policy.neighbours_told(self.policy.carrying, Neighbourhood(*told))

    def fails(self, status: int = 0, retry_after: float = 0.0) -> None:
        """The attempt fails."""
        assert self.policy.attempt is not None
        self.policy.failed(self.policy.attempt, self.now, status, retry_after)
        self.run()

    def old_links_end(self) -> None:
        """Links that linger are gone."""
        while self.lingering:
            self.loses(self.lingering.pop())

    def loses(self, way: Way | None = None) -> None:
        """A link is gone, that which carries if none is named."""
        way = way or self.policy.carrying
        assert way is not None
        self.policy.lost(way, self.now)
        self.run()
