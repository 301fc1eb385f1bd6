"""The floor of B7: the libraries that a site controller cannot do without, and nothing of the product.

Twisted with TLS and HTTP, protobuf, SQLite: opens a store, dials the parent over TLS, answers HTTP requests with 200 once
that link is up. Run by twistd: ``FLOOR_SITE="API_PORT PARENT_PORT STORE" twistd -y benchmarks/floor_site.py``.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from twisted.application.service import Application, Service
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


class Floor(Service):
    """All of it."""

    def startService(self) -> None:
        """Open, listen and dial."""
        from twisted.internet import reactor as running

        reactor: Any = running
        api_port, parent_port, store = os.environ["FLOOR_SITE"].split()
        database = sqlite3.connect(store)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, value BLOB)")
        factory: Any = http.HTTPFactory()
        factory.protocol = Channel
        reactor.listenTCP(int(api_port), factory, interface="127.0.0.1")
        Alone(reactor, int(parent_port))


application = Application("floor")
Floor().setServiceParent(application)
