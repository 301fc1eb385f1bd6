"""What the own cluster owes: its answers and reports are sent until their receiver says that it has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from zlib import crc32

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ote_twisted.controller.keeping import Keeper
from ote_twisted.controller.uplink import Uplink
from ote_twisted.tasks.journal import OutboxEntry
from ote_twisted.values import define
from ote_twisted.wire import clustermessage_pb2 as pb

FIRST_PATIENCE = 30.0
"""Seconds after which a message is sent again that nobody has confirmed; they double each time."""

LONGEST_PATIENCE = 600.0
"""Longest time between two such repetitions, seconds."""

TICK = 15.0
"""How often is looked for what has to be sent again while anything is owed, seconds."""

RECENT = 5.0
"""Who asks for something that was sent on this link less than so many seconds ago, has asked before it arrived."""

OWED_AGAIN = 7200.0
"""How long what an earlier life owed is owed at least, seconds."""

SETTLING = 1.0
"""How long changes of the way to the root are gathered before what is owed is sent again, seconds."""


@define(eq=False)
class _Owed:
    entry: OutboxEntry
    sent: int = 0
    due: float = 0.0
    last: float = 0.0


class Outbox:
    """Sends what is owed in its order, no faster than the parent takes it.

    Everything is sent on each link that begins to carry, and when the way from the parent to the root is another one; without
    a confirmation it is sent again after a while, which doubles. An original confirms nothing: what was sent to it is forgotten.

    The bound takes the oldest answers that were sent at least once, because they have probably arrived, and whoever misses one
    asks again and is answered from what is remembered of performed tasks; then the oldest reports. An answer that was never
    sent is not dropped: while those fill the bound, no further task of others is begun.

    :ivar bytes: bytes of the messages that are owed.
    :ivar confirmed: messages that their receiver has.
    :ivar repeated: messages sent again.
    :ivar dropped: messages that the bound cost.
    :ivar expired: messages that nobody waits for any more.
    :ivar freed: is called when it is no longer full.
    :ivar replaced: reports that a newer one of the same kind replaced before they were confirmed.
    """

    _log = Logger()

    def __init__(self, uplink: Uplink, keeper: Keeper, clock: IReactorTime, now: Callable[[], float], limit: int) -> None:
        """
        :param now: unix seconds.
        :param limit: how much is kept, bytes.
        """
        self.bytes = 0
        self.confirmed = 0
        self.repeated = 0
        self.dropped = 0
        self.expired = 0
        self.replaced = 0
        self.freed: Callable[[], None] = lambda: None
        self._uplink = uplink
        self._keeper = keeper
        self._clock = clock
        self._now = now
        self._limit = limit
        self._owed: dict[str, _Owed] = {}
        self._keys: dict[str, str] = {}
        self._unsent: dict[str, None] = {}
        self._path: tuple[str, ...] | None = None
        self._fresh = False
        self._ticking: IDelayedCall | None = None
        self._settling: IDelayedCall | None = None
        self._stopped = False

    def __len__(self) -> int:
        return len(self._owed)

    def __contains__(self, uid: str) -> bool:
        return uid in self._owed

    @property
    def congested(self) -> bool:
        """There is a parent, and it has not taken yet what is owed."""
        return self._uplink.link is not None and bool(self._unsent)

    @property
    def full(self) -> bool:
        """No more answers should be made that are owed."""
        return self.bytes > self._limit

    def load(self, entries: Iterable[OutboxEntry]) -> None:
        """Owe what an earlier life owed. Its clock may have been another: all of it is owed for a while."""
        least = self._now() + OWED_AGAIN
        for entry in entries:
            self._take(evolve(entry, until=max(entry.until, least)) if entry.until else entry)
        self._bound()

    def owe(self, entry: OutboxEntry) -> None:
        """Owe a message that is noted already, and send it when its turn comes."""
        self._take(entry)
        self.send()

    def put(self, entry: OutboxEntry) -> None:
        """Note a message, owe it, and send it without waiting for the disk."""
        Deferred.fromCoroutine(self._keeper.put(entry)).addErrback(
            lambda fault: self._log.failure("a message could not be noted", failure=fault)
        )
        self.owe(entry)

    def again(self, uid: str) -> bool:
        """Somebody asks for it: send it again, if that was not done just now; false if it is not owed."""
        owed = self._owed.get(uid)
        if owed is not None and not (owed.sent and self._clock.seconds() - owed.last < RECENT):
            self._unsent[uid] = None
            self.send()
        return owed is not None

    def received(self, uids: Sequence[str]) -> None:
        """These have arrived."""
        known = [uid for uid in uids if uid in self._owed]
        self.confirmed += len(known)
        self._remove(known)

    def opened(self) -> None:
        """Another link carries: everything goes again."""
        self._fresh = True
        self._path = None
        self._all_again()

    def path_learnt(self, path: Sequence[str], rooted: bool) -> None:
        """The parent told its way to the root. If it is another one than before, messages may have been lost with the old one."""
        fresh, self._fresh = self._fresh, False
        known, self._path = self._path, tuple(path) if rooted else None
        if not rooted or known == self._path or fresh or not self._owed:
            return
        if self._settling is None and not self._stopped:
            self._settling = self._clock.callLater(SETTLING, self._settled)

    def send(self) -> None:
        """Send what has to be sent, as much as the parent takes."""
        uplink = self._uplink
        while self._unsent and uplink.link is not None and not uplink.congested:
            uid = next(iter(self._unsent))
            del self._unsent[uid]
            self._send(uid, self._owed[uid], uplink.link.v2)
        self._bound()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
        for call in (self._ticking, self._settling):
            if call is not None:
                call.cancel()
        self._ticking = self._settling = None

    def _send(self, uid: str, owed: _Owed, confirms: bool) -> None:
        self.repeated += owed.sent > 0
        message = owed.entry.message
        if not confirms:
            self._remove([uid])
        else:
            owed.last = self._clock.seconds()
            owed.due = owed.last + _patience(uid, owed.sent)
            owed.sent += 1
            if owed.entry.is_report:
                message += _named(uid)
        self._uplink.send(message)

    def _take(self, entry: OutboxEntry) -> None:
        if entry.key and (older := self._keys.get(entry.key, entry.uid)) != entry.uid:
            self.replaced += 1
            self._drop(older)
        self._drop(entry.uid)
        if entry.key:
            self._keys[entry.key] = entry.uid
        self._owed[entry.uid] = _Owed(entry)
        self._unsent[entry.uid] = None
        self.bytes += len(entry.message)
        if self._ticking is None and not self._stopped:
            self._ticking = self._clock.callLater(TICK, self._tick)

    def _drop(self, uid: str) -> None:
        owed = self._owed.pop(uid, None)
        if owed is None:
            return
        self._unsent.pop(uid, None)
        self.bytes -= len(owed.entry.message)
        if self._keys.get(owed.entry.key) == uid:
            del self._keys[owed.entry.key]

    def _remove(self, uids: Sequence[str]) -> None:
        full = self.full
        for uid in uids:
            self._drop(uid)
        self._keeper.received(uids)
        if full and not self.full:
            self.freed()

    def _bound(self) -> None:
        if not self.full:
            return
        sent = [uid for uid, owed in self._owed.items() if owed.sent and not owed.entry.is_report]
        reports = [uid for uid, owed in self._owed.items() if owed.entry.is_report]
        gone, over = [], self.bytes - self._limit
        for uid in (*sent, *reports):
            if over <= 0:
                break
            over -= len(self._owed[uid].entry.message)
            gone.append(uid)
        self.dropped += len(gone)
        self._remove(gone)

    def _all_again(self) -> None:
        self._unsent = dict.fromkeys(self._owed)
        self.send()

    def _settled(self) -> None:
        self._settling = None
        self._all_again()

    def _tick(self) -> None:
        self._ticking = None
        now, today = self._clock.seconds(), self._now()
        over = [uid for uid, owed in self._owed.items() if 0 < owed.entry.until <= today]
        self.expired += len(over)
        self._remove(over)
        self._unsent.update((uid, None) for uid, owed in self._owed.items() if owed.sent and owed.due <= now)
        self.send()
        if self._owed:
            self._ticking = self._clock.callLater(TICK, self._tick)


def _patience(uid: str, sent: int) -> float:
    """Seconds until it is sent again; different for each, so that not everybody repeats at the same time."""
    chance = crc32(uid.encode()) / 2**32
    return min(LONGEST_PATIENCE, FIRST_PATIENCE * float(2 ** min(sent, 30))) * (0.75 + chance / 2)


def _named(uid: str) -> bytes:
    """What to append to a message so that its receiver can name it; protobuf merges the second head into the first."""
    return pb.ClusterMessage(Head=pb.MessageHead(Uid=uid)).SerializeToString()
