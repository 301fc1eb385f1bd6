"""HTTP clients for B6 and B9: many keep-alive connections in one thread, as cheap as Python allows."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

import orjson
from attrs import define, field, frozen

from benchmarks.floor_store import config_map

PATH = b"/api/v1/namespaces/default/configmaps"
_SECONDS = 20.0


@frozen
class Load:
    """What a run gave.

    :ivar requests: answered.
    :ivar seconds: it took.
    :ivar latencies: of each request, seconds, sorted.
    """

    requests: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """Latency that this share of the requests stays below, ms."""
        return self.latencies[int(share * (len(self.latencies) - 1))] * 1000


@define(eq=False)
class _Client:
    """One connection with one request under way."""

    socket: socket.socket
    begun: float = 0.0
    buffer: bytes = b""


@define(eq=False)
class Creators:
    """Clients that each create one object after another.

    :ivar sent: requests sent, the last of which may not have been waited for.
    """

    port: int
    prefix: str
    make: Callable[[str], Any] = config_map
    path: bytes = PATH
    clients: list[_Client] = field(factory=list)
    sent: int = 0

    def run(self, clients: int, requests: int) -> Load:
        """Create so many objects from so many connections."""
        latencies: list[float] = []
        selector = selectors.DefaultSelector()
        self.clients = [_Client(socket.create_connection(("127.0.0.1", self.port), _SECONDS)) for _ in range(clients)]
        begun = time.perf_counter()
        for client in self.clients:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(client.socket, selectors.EVENT_READ, client)
            self._send(client)
        while len(latencies) < requests:
            ready = selector.select(_SECONDS)
            if not ready:
                raise TimeoutError("the server does not answer")
            for key, _ in ready:
                self._receive(key.data, latencies, requests)
        seconds = time.perf_counter() - begun
        selector.close()
        for client in self.clients:
            client.socket.close()
        return Load(len(latencies), seconds, sorted(latencies))

    def _send(self, client: _Client) -> None:
        self.sent += 1
        body = orjson.dumps(self.make(f"{self.prefix}-{self.sent}"))
        about = b"Host: a\r\nContent-Type: application/json\r\nContent-Length: %d" % len(body)
        head = b"POST %b HTTP/1.1\r\n%b\r\n\r\n" % (self.path, about)
        client.begun = time.perf_counter()
        client.socket.sendall(head + body)

    def _receive(self, client: _Client, latencies: list[float], requests: int) -> None:
        data = client.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed a connection")
        client.buffer += data
        head, separator, body = client.buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        if b" 201 " not in head[:16]:
            raise ValueError(client.buffer.decode("utf-8", "replace"))
        client.buffer = b""
        latencies.append(time.perf_counter() - client.begun)
        if len(latencies) < requests:
            self._send(client)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


class Watchers:
    """Connections that watch."""

    def __init__(self, port: int, count: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port), _SECONDS) for _ in range(count)]
        for watcher in self._sockets:
            watcher.sendall(b"GET %b?watch=true HTTP/1.1\r\nHost: a\r\n\r\n" % PATH)
            if b" 200 " not in watcher.recv(65536)[:16]:
                raise ValueError("the watch was refused")
            watcher.setblocking(False)
        self._seen = [0] * count

    def read(self, events: int) -> None:
        """Read until each has seen so many events in all.

        :raise TimeoutError: some did not.
        """
        selector = selectors.DefaultSelector()
        behind = 0
        for index, watcher in enumerate(self._sockets):
            if self._seen[index] < events:
                selector.register(watcher, selectors.EVENT_READ, index)
                behind += 1
        while behind:
            ready = selector.select(_SECONDS)
            if not ready:
                raise TimeoutError(f"{behind} watchers do not get their events")
            for key, _ in ready:
                self._seen[key.data] += self._sockets[key.data].recv(1 << 20).count(b'{"type":"')
                if self._seen[key.data] >= events:
                    selector.unregister(key.fileobj)
                    behind -= 1
        selector.close()

    def close(self) -> None:
        """End them."""
        for watcher in self._sockets:
            watcher.close()
