"""Listening as a service whose failure is one clear line."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure


class Listener(Service):
    """Listens on one endpoint while it runs.

    :ivar port: where it listens, once it does.
    """

    _log = Logger()

    def __init__(self, what: str, description: str, reactor: object, factory: IProtocolFactory) -> None:
        """
        :param what: for people: what is served there.
        :param description: the endpoint's text, e.g. ``tcp:8262:interface=127.0.0.1``.
        """
        self._what = what
        self._description = description
        self._endpoint = serverFromString(reactor, description)
        self._factory = factory
        self._begun = False
        self._refusal = ""
        self.port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """Listen, before privileges are given up.

        :raise SystemExit: the endpoint cannot be had.
        """
        self._begun = True
        self._endpoint.listen(self._factory).addCallbacks(self._opened, self._failed)
        if self._refusal:
            raise SystemExit(self._refusal)

    def startService(self) -> None:
        """Listen, if that is not begun yet."""
        super().startService()
        if not self._begun:
            self.privilegedStartService()

    def stopService(self) -> Deferred[None] | None:
        """Listen no more; connections stay."""
        super().stopService()
        port, self.port = self.port, None
        return None if port is None else port.stopListening()

    def _opened(self, port: IListeningPort) -> None:
        self.port = port
        self._log.info("{what} listens on {address}", what=self._what, address=_shown(port.getHost()))

    def _failed(self, reason: Failure) -> None:
        self._refusal = f"{self._what} cannot listen on {self._description}: {reason.getErrorMessage()}"
        self._log.critical("{refusal}", refusal=self._refusal)


def _shown(address: IAddress) -> str:
    if isinstance(address, IPv4Address):
        return f"{address.host}:{address.port}"
    return f"[{address.host}]:{address.port}" if isinstance(address, IPv6Address) else str(address)


class Announcer(Service):
    """Calls a function when everything added before it is started."""

    def __init__(self, announce: Callable[[], None]) -> None:
        self._announce = announce

    def startService(self) -> None:
        """Everything before this runs."""
        super().startService()
        self._announce()
