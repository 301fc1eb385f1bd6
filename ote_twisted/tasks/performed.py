"""What an edge has performed already, so that a repeated task is answered and not performed twice. Pure."""

from __future__ import annotations

from collections import OrderedDict

from attrs import define, field, frozen

from ote_twisted.tasks.model import Answer


@frozen
class New:
    """The task was never seen: perform it, then :meth:`PerformedTasks.finish` or :meth:`PerformedTasks.abandon`."""


@frozen
class Running:
    """The task is being performed; its answer will be sent when it is there, so the repeat needs nothing."""


@frozen
class Done:
    """The task was performed; send this answer again."""

    answer: Answer


Verdict = New | Running | Done


@define
class _Kept:
    answer: Answer
    until: float


@define
class PerformedTasks:
    """Bounded table of task uids. Running tasks are never forgotten; finished ones go by age, bytes and number, oldest first.

    :ivar limit: finished tasks kept at most.
    :ivar limit_bytes: bytes of answer bodies kept at most.
    :ivar age: seconds that a finished task is kept at least, beyond the time left until its deadline.
    :ivar repeats: repeats found so far.
    :ivar evicted: finished tasks that were forgotten before their age because a bound acted.
    """

    limit: int = 10_000
    limit_bytes: int = 64 * 1024 * 1024
    age: float = 7200.0
    repeats: int = field(default=0, init=False)
    evicted: int = field(default=0, init=False)
    _running: set[str] = field(factory=set, init=False)
    _done: OrderedDict[str, _Kept] = field(factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)

    def begin(self, uid: str, now: float) -> Verdict:
        """Ask before performing.

        :param uid: task generation. An empty one (a v1 owner) identifies nothing and is always new.
        :param now: monotonic seconds.
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
        return New()

    def finish(self, uid: str, answer: Answer, now: float, left: float = 0.0) -> None:
        """The task was performed; keep its answer for repeats.

        :param left: seconds until its deadline, as far as they are known: so long it may come again.
        """
        if uid not in self._running:
            return
        self._running.discard(uid)
        self._done[uid] = _Kept(answer, now + max(0.0, left) + self.age)
        self._bytes += len(answer.body)
        while self._done and (len(self._done) > self.limit or self._bytes > self.limit_bytes):
            self._drop_oldest()
            self.evicted += 1

    def abandon(self, uid: str) -> None:
        """The task was given up before it took effect: a repeat is performed."""
        self._running.discard(uid)

    @property
    def running(self) -> int:
        """Tasks under way."""
        return len(self._running)

    @property
    def kept(self) -> int:
        """Finished tasks that are remembered."""
        return len(self._done)

    def _age_out(self, now: float) -> None:
        while self._done:
            oldest = next(iter(self._done.values()))
            if now < oldest.until:
                return
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, kept = self._done.popitem(last=False)
        self._bytes -= len(kept.answer.body)
