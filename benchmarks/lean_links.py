"""Links of the bare programs: per-turn batching over :mod:`benchmarks.lean`, with and without ``ote.v2`` envelopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import ClientFactory, ServerFactory

from benchmarks.lean import LeanWebSocket
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage

_parse = ClusterMessage.FromString
PAYLOAD_ROOM = 65_000


class Turn:
    """Flushes the links that were written to, once per reactor turn."""

    def __init__(self, call_later: Callable[..., Any]) -> None:
        self._call_later = call_later
        self._dirty: list[Link] = []

    def wants_flush(self, link: Link) -> None:
        """``link`` has something to send."""
        if not self._dirty:
            self._call_later(0, self._flush)
        self._dirty.append(link)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for link in dirty:
            link.flush()


class Dialling(ClientFactory):
    """What a callable builds, for connections that this end makes; dials again when the other end is not there."""

    noisy = False

    def __init__(self, build: Callable[[], Link]) -> None:
        self._build = build

    def buildProtocol(self, address: object) -> Link:
        """Build one protocol."""
        return self._build()

    def clientConnectionFailed(self, connector: Any, reason: object) -> None:
        """Try again."""
        connector.connect()


class Listening(ServerFactory[Any]):
    """What a callable builds, for connections that the other end makes."""

    noisy = False

    def __init__(self, build: Callable[[], Link]) -> None:
        self._build = build

    def buildProtocol(self, address: object) -> Link:
        """Build one protocol."""
        return self._build()


class Link(LeanWebSocket):
    """One link; ``messages_received`` is the subclass's."""

    v2 = True

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._out: list[bytes] = []
        self._sent = 0
        self._received = 0
        self.subprotocol = "ote.v2" if self.v2 else None

    def messages_received(self, messages: list[bytes]) -> None:
        """Encoded messages arrived."""
        raise NotImplementedError

    def send(self, message: bytes) -> None:
        """Send one encoded message at the end of the turn."""
        if not self._out:
            self._turn.wants_flush(self)
        self._out.append(message)

    def send_many(self, messages: list[bytes]) -> None:
        """Send encoded messages at the end of the turn."""
        if not self._out:
            self._turn.wants_flush(self)
        self._out += messages

    def payloads_received(self, payloads: list[bytes]) -> None:
        """Open the envelopes."""
        if not self.v2:
            self.messages_received(payloads)
            return
        for payload in payloads:
            messages = _parse(payload).Batch[:]
            if messages:
                self._received += len(messages)
                self.messages_received(messages)

    def flush(self) -> None:
        """Write what waits."""
        messages, self._out = self._out, []
        if self.v2:
            self.send_payloads(self._envelopes(messages))
        else:
            self.send_payloads(messages)

    def _envelopes(self, messages: list[bytes]) -> list[bytes]:
        if len(messages) > 1 and sum(map(len, messages)) + 5 * len(messages) > PAYLOAD_ROOM:
            half = len(messages) // 2
            return self._envelopes(messages[:half]) + self._envelopes(messages[half:])
        envelope = ClusterMessage(Batch=messages, Sequence=self._sent + 1, Acknowledge=self._received)
        self._sent += len(messages)
        return [envelope.SerializeToString()]
