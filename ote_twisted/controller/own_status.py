"""What the own cluster is: asked of its shim now and then, told to the tree when it changes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ote_twisted.controller.described import NO_SHIM, cluster_status
from ote_twisted.errors import ShimUnavailable
from ote_twisted.interfaces import IClusterShim
from ote_twisted.storage.model import JSON
from ote_twisted.values import frozen
from ote_twisted.wire.entry import ClusterStatus

PATIENCE = 10.0
"""How long a shim may think about what its cluster is, seconds."""


@frozen
class ShimState:
    """Whether tasks can be performed, and why (not), a sentence."""

    ready: bool
    reason: str


class OwnStatus:
    """Keeps the tree informed of the own cluster. While nothing changes nothing is told.

    :ivar state: as the shim told it last.
    :ivar told: how often a status was told.
    :ivar failures: times that the shim could not say what the cluster is.
    """

    _log = Logger()

    def __init__(
        self, shim: IClusterShim | None, clock: IReactorTime, interval: float, tell: Callable[[ClusterStatus], None]
    ) -> None:
        """
        :param interval: how often the shim is asked, seconds; 0 asks when it becomes ready only.
        :param tell: takes a status that is another one than before.
        """
        self.state = ShimState(shim is None, "" if shim is None else "the shim has not started yet")
        self.told = 0
        self.failures = 0
        self._shim = shim
        self._clock = clock
        self._interval = interval
        self._tell = tell
        self._description: JSON = {}
        self._status: ClusterStatus | None = None
        self._asking: Deferred[None] | None = None
        self._call: IDelayedCall | None = None
        self._running = False

    def start(self) -> None:
        """Begin: a controller without a shim says so, any other hears from it soon."""
        self._running = True
        if self._shim is None:
            self._become(NO_SHIM)

    def stop(self) -> None:
        """Ask no more."""
        self._running = False
        self._cancel()
        if self._asking is not None:
            self._asking.cancel()

    def changed(self, ready: bool, reason: str) -> None:
        """The shim tells whether tasks can be performed. Another sentence alone is told when the shim is asked next."""
        before, self.state = self.state, ShimState(ready, reason)
        if self.state != before:
            self._log.info("shim {state}: {reason}", state="ready" if ready else "not ready", reason=reason)
        if not ready and (before.ready or self._status is None):
            self._become(cluster_status(self._description, ready, reason))
        elif ready and (not before.ready or self._status is None):
            self._ask()

    def describe(self) -> Deferred[JSON]:
        """What the cluster is, as its shim tells now; empty without one, or while it cannot be reached."""
        if self._shim is None or not self.state.ready:
            return succeed({})
        asking: Deferred[JSON] = maybeDeferred(self._shim.describe)
        return asking.addTimeout(PATIENCE, self._clock).addErrback(self._unknown)

    def _unknown(self, failure: Failure) -> JSON:
        if failure.check(CancelledError):
            failure.raiseException()
        self.failures += 1
        if not failure.check(ShimUnavailable, TimeoutError):
            self._log.failure("the shim could not say what the cluster is", failure=failure)
        return {}

    def _ask(self) -> None:
        if not self._running or self._asking is not None:
            return
        self._cancel()
        asking = self._asking = self.describe().addCallback(self._described)
        asking.addErrback(lambda failure: failure.trap(CancelledError)).addBoth(self._asked)

    def _described(self, description: JSON) -> None:
        """A shim that could not say it is as it was."""
        self._description = description or self._description
        self._become(cluster_status(self._description, self.state.ready, self.state.reason))

    def _asked(self, result: object) -> None:
        self._asking = None
        if self._running and self._interval:
            self._call = self._clock.callLater(self._interval, self._again)

    def _again(self) -> None:
        self._call = None
        self._ask()

    def _become(self, status: ClusterStatus) -> None:
        if self._running and status != self._status:
            self._status = status
            self.told += 1
            self._tell(status)

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
