"""The floor of B7: the libraries that a site controller cannot do without, and nothing of the product.

Twisted with TLS and HTTP, protobuf, SQLite: opens a store, dials the parent over TLS, answers HTTP requests with 200 once
that link is up. ``python -m benchmarks.floor_site API_PORT PARENT_PORT STORE``.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from twisted.internet import ssl
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.web import http

from benchmarks.hop_children import Child, Children
from benchmarks.lean_links import Dialling, Turn


class Request(http.Request):
    """Any request."""

    up = False

    def process(self) -> None:
        """Ready or not."""
        self.setResponseCode(200 if Request.up else 503)
        self.finish()


class Channel(http.HTTPChannel):
    """One connection to the API."""

    requestFactory = Request


class Site(Child):
    """The link to the parent."""

    def opened(self) -> None:
        """Ready."""
        super().opened()
        Request.up = True


class Alone(Children):
    """One child, over TLS."""

    def __init__(self, reactor: Any, port: int) -> None:
        super().__init__(reactor, port, (), Site)
        endpoint = wrapClientTLS(ssl.optionsForClientTLS("localhost"), HostnameEndpoint(reactor, "localhost", port))
        endpoint.connect(Dialling(lambda: Site(Turn(reactor.callLater), self, 0)))


def main(api_port: int, parent_port: int, store: str) -> None:
    """Serve until told to stop."""
    from twisted.internet import reactor

    database = sqlite3.connect(store)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, value BLOB)")
    factory = http.HTTPFactory()
    factory.protocol = Channel
    reactor.listenTCP(api_port, factory, interface="127.0.0.1")
    Alone(reactor, parent_port)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
