"""Tunnels over real sockets of the loopback, with and without TLS, and with an independent websocket implementation."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from random import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from websockets.sync.client import connect
from zope.interface import implementer

from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.interfaces import ILink, ILinkSink
from ote_twisted.testing.certificates import self_signed, self_signed_pem
from ote_twisted.testing.recording import RecordingSink
from ote_twisted.tunnel.address import parse_parent
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.endpoints import ParentEndpoints, tunnel_listener
from ote_twisted.tunnel.settings import KIB, MIB, CloudSettings, EdgeSettings
from tests.tunnel.builders import SEARCH, Edge

SECONDS = 20.0


@implementer(ILinkSink)
class WaitableSink(RecordingSink):
    """A recording sink that tells when a condition has come true."""

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when the condition is true after an event, fails after a deadline."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append((condition, waiting))
        waiting.addTimeout(SECONDS, self._reactor)
        self._check()
        return waiting

    def _check(self) -> None:
        for condition, waiting in list(self._waiting):
            if not waiting.called and condition():
                waiting.callback(None)

    def link_opened(self, link: ILink) -> None:
        """See ILinkSink."""
        super().link_opened(link)
        self._check()

    def messages_received(self, link: ILink, messages: Sequence[bytes]) -> None:
        """See ILinkSink."""
        super().messages_received(link, messages)
        self._check()

    def link_drained(self, link: ILink) -> None:
        """See ILinkSink."""
        super().link_drained(link)
        self._check()

    def link_lost(self, link: ILink, reason: str) -> None:
        """See ILinkSink."""
        super().link_lost(link, reason)
        self._check()


class SocketTests(TestCase):
    """The same code as in the unit tests, on real sockets."""

    timeout = 60

    def setUp(self) -> None:
        """Sinks on the real reactor."""
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.up = WaitableSink(reactor)
        self.down = WaitableSink(reactor)

    def listen(self, description: str = "tcp:0:interface=127.0.0.1") -> int:
        """A started cloud tunnel; gives its port."""
        endpoint = tunnel_listener(self.reactor, description)
        self.cloud = CloudTunnel([endpoint], self.up, CloudSettings(hard_bound=256 * MIB), self.reactor)
        self.cloud.startService()
        self.addCleanup(self.cloud.stopService)
        address: Any = self.cloud.addresses[0]
        port: int = address.port
        return port

    def join(self, url: str, trust: Any = None, **settings: Any) -> Edge:
        """A started edge tunnel."""
        search = FailoverSettings(**{key: settings.pop(key) for key in tuple(settings) if key in SEARCH})
        endpoints = ParentEndpoints(self.reactor, trust)
        edge = Edge("c1", [parse_parent(url)], self.down, EdgeSettings(**settings), self.reactor, endpoints, random(), search)
        edge.startService()
        self.addCleanup(edge.stopService)
        return edge

    async def exchange(self) -> None:
        """Messages of all sizes, both ways at the same time."""
        await self.down.until(lambda: bool(self.down.links))
        await self.up.until(lambda: bool(self.up.links))
        sent = [os.urandom(size) for size in (1, 100, 70_000, 5 * MIB)] + [b"x" * 128] * 5000
        for message in sent:
            self.down.links[0].send(message)
            self.up.links[0].send(message)
        await self.up.until(lambda: len(self.up.messages) == len(sent))
        await self.down.until(lambda: len(self.down.messages) == len(sent))
        self.assertEqual(sorted(self.up.messages), sorted(sent))
        self.assertEqual(sorted(self.down.messages), sorted(sent))

    async def test_v2(self) -> None:
        """An ote.v2 link carries messages of all sizes both ways, and ends cleanly when the edge stops."""
        edge = self.join(f"ws://127.0.0.1:{self.listen()}")
        await self.exchange()
        await edge.stopService()
        await self.up.until(lambda: not self.up.links)
        self.assertIn("closed by the peer with code 1001", str(self.up.events[-1][2]))

    async def test_v1(self) -> None:
        """An ote.v1 link does the same, and ends cleanly when the parent stops."""
        self.join(f"ws://127.0.0.1:{self.listen()}", subprotocols=(), delay_base=1000.0)
        await self.exchange()
        await self.cloud.stopService()
        await self.down.until(lambda: not self.down.links)
        self.assertIn("closed by the peer with code 1001", str(self.down.events[-1][2]))

    async def test_tls(self) -> None:
        """The same over TLS, by endpoint strings."""
        pem = Path(self.mktemp())
        pem.write_bytes(self_signed_pem("localhost"))
        trusted = self_signed("localhost").loadPEM(pem.read_bytes())
        port = self.listen(f"ssl:0:interface=127.0.0.1:privateKey={pem}:certKey={pem}")
        self.join(f"wss://localhost:{port}", lambda host: optionsForClientTLS(host, trusted))
        await self.exchange()

    async def test_slow_reader_is_congested_then_drained(self) -> None:
        """A peer that stops reading fills our queue and not the kernel's memory; when it reads again the queue drains."""
        self.join(f"ws://127.0.0.1:{self.listen()}")
        await self.down.until(lambda: bool(self.down.links))
        await self.up.until(lambda: bool(self.up.links))
        link = self.up.links[0]
        self.down.links[0].pause_reading()
        for _ in range(600):
            link.send(b"x" * 60 * KIB)
        self.assertTrue(link.congested)
        self.down.links[0].resume_reading()
        await self.up.until(lambda: "drained" in self.up.names())
        await self.down.until(lambda: len(self.down.messages) == 600)

    async def test_independent_client(self) -> None:
        """The websockets library joins, sends fragments and text, pings, and gets what is sent to it."""
        port = self.listen()
        big = os.urandom(300_000)

        def talk() -> object:
            headers = {"listen-addr": ":8287", "name": "c1"}
            with connect(f"ws://127.0.0.1:{port}/access/c1", additional_headers=headers, compression=None) as link:
                link.send([big[at : at + 4096] for at in range(0, len(big), 4096)])
                link.send("text")
                link.ping().wait(SECONDS)
                link.send(b"last")
                return link.recv(SECONDS)

        talking = deferToThread(talk)
        await self.up.until(lambda: len(self.up.messages) == 3)
        self.assertEqual(self.up.messages, [big, b"text", b"last"])
        self.up.links[0].send(big)
        self.assertEqual(await talking, big)
        await self.up.until(lambda: not self.up.links)
        self.assertIn("code 1000", str(self.up.events[-1][2]))
