"""What an edge has performed already, so that a repeated task is answered and not performed twice. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from attrs import field

from ote_twisted.tasks.journal import Known
from ote_twisted.tasks.model import Answer
from ote_twisted.values import define, frozen


@frozen
class New:
    """The task is not under way and was not finished: perform it, then :meth:`PerformedTasks.finish` or ``abandon``.

    :ivar begun: it was begun in an earlier life of this controller, which ended before the task did.
    """

    begun: bool = False


@frozen
class Running:
    """The task is being performed; its answer will be sent when it is there, so the repeat needs nothing."""


@frozen
class Done:
    """The task was performed; send this answer again. ``None``: it is not in memory, the journal has it."""

    answer: Answer | None


Verdict = New | Running | Done


@define
class _Kept:
    answer: Answer | None
    size: int
    until: float


@define
class PerformedTasks:
    """Bounded table of task uids. Running tasks are never forgotten; finished ones go by age, bytes and number, oldest first.

    :ivar limit: finished tasks kept at most.
    :ivar limit_bytes: bytes of answer bodies kept at most.
    :ivar age: seconds that a finished task is kept at least, beyond the time left until its deadline.
    :ivar journalled: a journal keeps the answers, so they are not kept in memory.
    :ivar repeats: repeats found so far.
    :ivar evicted: finished tasks that were forgotten before their age because a bound acted.
    """

    limit: int = 10_000
    limit_bytes: int = 64 * 1024 * 1024
    age: float = 7200.0
    journalled: bool = False
    repeats: int = field(default=0, init=False)
    evicted: int = field(default=0, init=False)
    _running: set[str] = field(factory=set, init=False)
    _begun: dict[str, float] = field(factory=dict, init=False)
    _done: OrderedDict[str, _Kept] = field(factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)
    _forgotten: list[str] = field(factory=list, init=False)

    def load(self, begun: Mapping[str, float], performed: Mapping[str, Known], now: float) -> None:
        """Take over what an earlier life left. Its clock may have been another: what it finished is kept for ``age`` at least."""
        for uid, until in begun.items():
            if until + self.age < now:
                self._forgotten.append(uid)
            else:
                self._begun[uid] = until
        for uid, known in performed.items():
            self._keep(uid, _Kept(None, known.size, max(known.until, now + self.age)))

    def begin(self, uid: str, now: float) -> Verdict:
        """Ask before performing.

        :param uid: task generation. An empty one (a v1 owner) identifies nothing and is always new.
        :param now: seconds, of the clock that ``finish`` is told.
        """
        if not uid:
            return New()
        self._age_out(now)
        if uid in self._running:
            self.repeats += 1
            return Running()
        kept = self._done.get(uid)
        if kept is not None:
            self.repeats += 1
            return Done(kept.answer)
        self._running.add(uid)
        return New(uid in self._begun)

    def finish(self, uid: str, answer: Answer, now: float, left: float = 0.0) -> None:
        """The task was performed; keep its answer for repeats.

        :param left: seconds until its deadline, as far as they are known: so long it may come again.
        """
        if uid not in self._running:
            return
        self.abandon(uid)
        self._keep(uid, _Kept(None if self.journalled else answer, len(answer.body), self.until(now, left)))

    def until(self, now: float, left: float) -> float:
        """Until when a repeat of a task may come whose deadline is in ``left`` seconds."""
        return now + max(0.0, left) + self.age

    def abandon(self, uid: str) -> None:
        """The task was given up before it took effect: a repeat is performed."""
        self._running.discard(uid)
        self._begun.pop(uid, None)

    def interrupt(self, uid: str) -> None:
        """The task was given up, and nobody knows whether it took effect; this life ends."""
        self._running.discard(uid)

    def was_begun(self, uid: str) -> bool:
        """It was begun in an earlier life and not finished since."""
        return uid in self._begun

    def take_forgotten(self, at_least: int = 1) -> list[str]:
        """What was forgotten since the last call, if it is so many; the journal need not keep it any longer."""
        if len(self._forgotten) < at_least:
            return []
        forgotten, self._forgotten = self._forgotten, []
        return forgotten

    @property
    def running(self) -> int:
        """Tasks under way."""
        return len(self._running)

    @property
    def kept(self) -> int:
        """Finished tasks that are remembered."""
        return len(self._done)

    @property
    def kept_bytes(self) -> int:
        """Bytes of their answers."""
        return self._bytes

    def _keep(self, uid: str, kept: _Kept) -> None:
        self._done[uid] = kept
        self._bytes += kept.size
        while self._done and (len(self._done) > self.limit or self._bytes > self.limit_bytes):
            self._drop_oldest()
            self.evicted += 1

    def _age_out(self, now: float) -> None:
        while self._done:
            oldest = next(iter(self._done.values()))
            if now < oldest.until:
                return
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        uid, kept = self._done.popitem(last=False)
        self._bytes -= kept.size
        if self.journalled:
            self._forgotten.append(uid)
