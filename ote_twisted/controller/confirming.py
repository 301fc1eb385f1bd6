"""Telling clusters that their answers and reports are durable here, so that they need not send them again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.messages import request_head
from ote_twisted.wire.notices import encode_received

GATHER = 0.02
"""How long confirmations are gathered, seconds."""

NAMED = 1000
"""Uids in one message at most."""

REMEMBERED = 10_000
"""Reports that are known again when they come again."""


class Confirmations:
    """Gathers what arrived and tells it in few messages: clusters with the same to be told share one.

    :ivar sent: messages sent.
    :ivar repeats: reports that came again.
    """

    def __init__(self, own: str, send: Callable[[pb.ClusterMessage, Iterable[str]], object], clock: IReactorTime) -> None:
        """:param send: sends a message to clusters below, as far as there is a way."""
        self.sent = 0
        self.repeats = 0
        self._own = own
        self._send = send
        self._clock = clock
        self._uids: dict[str, dict[str, None]] = {}
        self._reports: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._call: IDelayedCall | None = None
        self._stopped = False

    def received(self, uid: str, clusters: Iterable[str]) -> None:
        """What has this uid is durable here, as far as it comes from these clusters. The own one is owed nothing by itself."""
        for cluster in clusters:
            if cluster != self._own:
                self._uids.setdefault(cluster, {})[uid] = None
        if self._uids and self._call is None and not self._stopped:
            self._call = self._clock.callLater(GATHER, self._flush)

    def reported(self, cluster: str, uid: str) -> bool:
        """A report arrived at its end; false if it did before. One without a uid, of an original, is always new."""
        if not uid:
            return True
        self.received(uid, [cluster])
        if (cluster, uid) in self._reports:
            self.repeats += 1
            return False
        self._reports[cluster, uid] = None
        if len(self._reports) > REMEMBERED:
            self._reports.popitem(last=False)
        return True

    def stop(self) -> None:
        """Tell nobody any more; who is not told sends again."""
        self._stopped = True
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _flush(self) -> None:
        self._call = None
        gathered, self._uids = self._uids, {}
        groups: dict[tuple[str, ...], list[str]] = {}
        for cluster, uids in gathered.items():
            groups.setdefault(tuple(uids), []).append(cluster)
        for told, clusters in groups.items():
            for start in range(0, len(told), NAMED):
                self._tell(told[start : start + NAMED], clusters)

    def _tell(self, uids: Sequence[str], clusters: Sequence[str]) -> None:
        self.sent += 1
        head = request_head(pb.Received, parent=self._own)
        self._send(pb.ClusterMessage(Head=head, Body=encode_received(uids)), clusters)
