"""What was learnt of parents, on disk, so that a restart while the parent is dead still finds a way."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.failover.knowledge import Knowledge
from ote_twisted.interfaces import IKeptState

KEY = "parents"
"""Name of the kept value."""

GATHER = 1.0
"""How long changes are gathered before they are written, seconds."""

RETRY = 30.0
"""When a write that the store refused is tried again, seconds."""


class Keeper:
    """Writes what is known of parents when it changed, one write at a time."""

    _log = Logger()

    def __init__(self, kept: IKeptState, knowledge: Knowledge, clock: IReactorTime) -> None:
        self._kept = kept
        self._knowledge = knowledge
        self._clock = clock
        self._written = knowledge.revision
        self._call: IDelayedCall | None = None
        self._writing = self._running = False

    async def load(self) -> None:
        """Take what was written before."""
        raw = (await self._kept.load()).get(KEY)
        if raw is not None:
            self._knowledge.load(raw)
            self._written = self._knowledge.revision

    def start(self) -> None:
        """Write from now on."""
        self._running = True

    def changed(self) -> None:
        """Something may have been learnt."""
        if self._running and self._written != self._knowledge.revision and self._call is None and not self._writing:
            self._call = self._clock.callLater(GATHER, self._write)

    def stop(self) -> None:
        """Write no more."""
        self._running = False
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _write(self) -> None:
        self._call, self._writing = None, True
        revision = self._knowledge.revision
        writing: Deferred[None] = self._kept.keep(KEY, self._knowledge.encode())
        writing.addCallbacks(self._wrote, self._failed, (revision,))

    def _wrote(self, result: None, revision: int) -> None:
        self._writing, self._written = False, revision
        self.changed()

    def _failed(self, failure: Failure) -> None:
        self._writing = False
        self._log.warn("what is known of other parents could not be kept: {reason}", reason=failure.getErrorMessage())
        if self._running:
            self._call = self._clock.callLater(RETRY, self._write)
