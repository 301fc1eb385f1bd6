"""What is known of possible parents: those configured, and those that parents told of. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson

from ote_twisted.failover.candidates import Candidate, Kind
from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.tunnel.address import InvalidAddress, ParentAddress, parse_parent
from ote_twisted.wire.notices import Ancestry, Neighbourhood

OF_A_KIND = 16
"""Learnt candidates of each kind that are remembered."""


class Knowledge:
    """Every candidate, by name where the name is known (F41), by address else.

    What one parent tells replaces what it told before. What nobody tells any more, or an earlier parent told, is kept
    as a last resort, because it is needed just when those who could tell are gone.

    :ivar configured: the configured parents, in order of preference.
    :ivar revision: grows with each change of what is kept.
    """

    def __init__(
        self, own: str, advertised: str, parents: Sequence[ParentAddress], settings: FailoverSettings, chance: Callable[[], float]
    ) -> None:
        """:param advertised: ``host:port`` of our own tunnel, which is never dialled because others tell of it."""
        self.configured = [
            Candidate(address, Kind.CONFIGURED, order, settings.settle) for order, address in enumerate(dict.fromkeys(parents))
        ]
        self.revision = 0
        self._own = own
        self._advertised = advertised
        self._settings = settings
        self._chance = chance
        self._learnt: dict[str, Candidate] = {}

    def __iter__(self) -> Iterator[Candidate]:
        """Every candidate, the most preferred first; no address and no name twice."""
        yield from self.configured
        names = {each.name for each in self.configured if each.name}
        addresses = {each.address for each in self.configured}
        for candidate in sorted(self._learnt.values(), key=lambda each: each.rank):
            if candidate.name not in names and candidate.address not in addresses:
                addresses.add(candidate.address)
                yield candidate

    def named(self, candidate: Candidate, name: str) -> None:
        """The controller at a configured address told its name."""
        if candidate.configured and candidate.name != name:
            candidate.name = name
            self.revision += 1

    def another_parent(self) -> None:
        """Another parent carries: what the one before told is a last resort from here on (F47)."""
        self._demote(self._learnt.values())

    def path_told(self, teacher: ParentAddress, ancestry: Ancestry) -> None:
        """The parent told its way to the root. One without a way to it tells nothing that could be used."""
        if ancestry.rooted and len(ancestry.listens) == len(ancestry.path):
            told = zip(ancestry.path[1:], ancestry.listens[1:], strict=True)
            self._replace(teacher, Kind.ANCESTOR, told)

    def neighbours_told(self, teacher: ParentAddress, neighbourhood: Neighbourhood) -> None:
        """The parent told of others. An empty list says that it knows none now, so it changes nothing."""
        for kind, told in (
            (Kind.PARENT_SIBLING, neighbourhood.parent_siblings),
            (Kind.SIBLING, neighbourhood.siblings),
        ):
            if told:
                self._replace(teacher, kind, [(each.name, each.listen) for each in told])

    def encode(self) -> bytes:
        """What is kept on disk."""
        names = {str(each.address): each.name for each in self.configured if each.name}
        learnt = [[each.name, str(each.address), int(each.kind)] for each in self._learnt.values()]
        return orjson.dumps({"configured": names, "learnt": learnt})

    def load(self, raw: bytes) -> None:
        """Take what was kept; anything unusable in it is left out."""
        try:
            kept: Any = orjson.loads(raw)
            names, learnt = dict(kept["configured"]), list(kept["learnt"])
        except (ValueError, TypeError, KeyError):
            return
        for candidate in self.configured:
            name = names.get(str(candidate.address), "")
            candidate.name = name if isinstance(name, str) else ""
        for item in learnt[: OF_A_KIND * len(Kind)] if self._settings.learn else ():
            self._load(item)

    def _load(self, item: Any) -> None:
        try:
            name, text, kind = item
            self._put(str(name), parse_parent(text), Kind(kind) or Kind.FORMER, self._chance())
        except (ValueError, TypeError, AttributeError, InvalidAddress):
            return

    def _replace(self, teacher: ParentAddress, kind: Kind, told: Iterable[tuple[str, str]]) -> None:
        if not self._settings.learn:
            return
        fresh = {name: address for name, listen in told if (address := self._usable(teacher, name, listen)) is not None}
        self._demote([each for each in self._learnt.values() if each.kind is kind and each.name not in fresh])
        for place, (name, address) in enumerate(list(fresh.items())[:OF_A_KIND]):
            self._put(name, address, kind, place if kind is Kind.ANCESTOR else self._chance())

    def _usable(self, teacher: ParentAddress, name: str, listen: str) -> ParentAddress | None:
        """The address behind ``listen``, reached as its teacher is.

        ``None`` for ourselves, for what is no address, and for one of the teacher's own machine unless that is ours too.
        """
        if not name or not listen or name == self._own or listen == self._advertised:
            return None
        try:
            address = teacher.redirected(listen)
        except InvalidAddress:
            return None
        return address if address.port and (teacher.local or not address.local) else None

    def _put(self, name: str, address: ParentAddress, kind: Kind, order: float) -> None:
        present = self._learnt.get(name)
        if present is None or present.address != address:
            self._learnt[name] = Candidate(address, kind, order, self._settings.settle, name)
            self.revision += 1
        elif present.kind is not kind:
            present.kind, present.order = kind, order
            self.revision += 1

    def _demote(self, candidates: Iterable[Candidate]) -> None:
        for candidate in list(candidates):
            self.revision += candidate.kind is not Kind.FORMER
            candidate.kind = Kind.FORMER
            self._learnt[candidate.name] = self._learnt.pop(candidate.name)
        former = [name for name, each in self._learnt.items() if each.kind is Kind.FORMER]
        for name in former[: max(0, len(former) - OF_A_KIND)]:
            del self._learnt[name]
