"""Tasks that wait for their turn at the own cluster, or for room for their answers. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ote_twisted.values import frozen
from ote_twisted.wire import clustermessage_pb2 as pb


@frozen(eq=False)
class Waiting:
    """One of them.

    :ivar arrived: clock reading.
    :ivar repeat: it was performed before; only its answer is wanted again.
    """

    request: pb.ClusterMessage
    arrived: float
    repeat: bool
    size: int


class WaitingTasks:
    """First in, first out, but for those that are held; bounded by number and bytes.

    :ivar bytes: bytes of all of them.
    """

    def __init__(self, limit: int, limit_bytes: int) -> None:
        self.bytes = 0
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._queue: deque[Waiting] = deque()
        self._held: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._queue) + len(self._held)

    def put(self, request: pb.ClusterMessage, arrived: float, repeat: bool) -> bool:
        """Keep one more; false if there is no room."""
        size = request.ByteSize()
        if len(self) >= self._limit or self.bytes + size > self._limit_bytes:
            return False
        self.bytes += size
        self._queue.append(Waiting(request, arrived, repeat, size))
        return True

    def take(self, held: Callable[[pb.MessageHead], bool]) -> Waiting | None:
        """The next whose head is not ``held``; those passed over wait until :meth:`release`."""
        while self._queue:
            waiting = self._queue.popleft()
            if not held(waiting.request.Head):
                self.bytes -= waiting.size
                return waiting
            self._held.append(waiting)
        return None

    def release(self) -> None:
        """Those that are held are the next again."""
        self._held.extend(self._queue)
        self._queue, self._held = self._held, deque()

    def drop(self, uid: str) -> None:
        """Forget those with that uid."""
        for queue in (self._queue, self._held):
            gone = [waiting for waiting in queue if waiting.request.Head.Uid == uid]
            for waiting in gone:
                queue.remove(waiting)
                self.bytes -= waiting.size

    def clear(self) -> None:
        """Forget all."""
        self._queue.clear()
        self._held.clear()
        self.bytes = 0
