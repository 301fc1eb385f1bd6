"""An in-memory network on a :class:`~twisted.internet.task.Clock`: real protocols, no socket, no real time.

Hosts are plain names. A server endpoint listens at ``host:port``; a client endpoint belongs to the host that dials.
Bytes move when :meth:`MemoryNetwork.flush` is called and only between hosts that are not partitioned::

    network = MemoryNetwork(Clock())
    cloud = CloudTunnel([network.server_endpoint("root", 8287)], sink, CloudSettings(), network.clock)
    edge = EdgeDialler("c1", EdgeSettings(), network.clock, network.dialler("c1"))
    network.advance(1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError, ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import (
    IConsumer,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
    ITCPTransport,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

BUFFER_SIZE = 64 * 1024
"""Bytes from which a transport pauses its producer, as Twisted's own do."""


class HostAndPort(Protocol):
    """What a dialler needs of an address."""

    @property
    def host(self) -> str:
        """Host name."""

    @property
    def port(self) -> int:
        """Port number."""


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of an in-memory connection.

    :ivar host: name of the host at this end.
    :ivar buffered: bytes written and not delivered yet.
    :ivar peer: the other end.
    """

    disconnecting = False

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self.network = network
        self.host = host
        self.port = port
        self.protocol: Any = None
        self.peer: MemoryTransport = self
        self.producer: Any = None
        self.connected = True
        self.aborting = False
        self.reading = True
        self.buffered = 0
        self._out: list[bytes] = []
        self._producer_paused = False

    # ---- ITransport

    def write(self, data: bytes) -> None:
        """Buffer; delivered by the network's ``flush``."""
        if not isinstance(data, bytes):
            raise TypeError("only bytes are written")
        if not self.connected or self.disconnecting or not data:
            return
        self._out.append(data)
        self.buffered += len(data)
        if self.producer is not None and self.buffered > BUFFER_SIZE:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        """Buffer all pieces."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close when everything is delivered."""
        self.disconnecting = True

    def abortConnection(self) -> None:
        """Close at the next flush, without delivering."""
        self.disconnecting = self.aborting = True

    def getPeer(self) -> IPv4Address:
        """Host name and port of the other end."""
        return IPv4Address("TCP", self.peer.host, self.peer.port)

    def getHost(self) -> IPv4Address:
        """Host name and port of this end."""
        return IPv4Address("TCP", self.host, self.port)

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing is delayed."""

    def getTcpNoDelay(self) -> bool:
        """Nothing is delayed."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """There is no TCP."""

    def getTcpKeepAlive(self) -> bool:
        """There is no TCP."""
        return False

    def loseWriteConnection(self) -> None:
        """Half-closing is not offered."""
        raise NotImplementedError("the in-memory network closes both directions")

    # ---- IConsumer, IPushProducer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Only push producers."""
        if self.producer is not None or not streaming:
            raise RuntimeError("one push producer at a time")
        if not self.connected:
            producer.stopProducing()
            return
        self.producer = producer

    def unregisterProducer(self) -> None:
        """The producer is done."""
        self.producer = None

    def pauseProducing(self) -> None:
        """Take nothing from the peer."""
        self.reading = False

    def resumeProducing(self) -> None:
        """Take bytes again."""
        self.reading = True

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    # ---- for the network

    def deliver(self) -> bool:
        """Move everything buffered to the peer, if it reads. Gives whether anything moved."""
        if not self._out or not self.peer.connected or not self.peer.reading or self.aborting:
            return False
        data, self._out = b"".join(self._out), []
        self.network.delivered += len(data)
        self.buffered = 0
        pieces = self.network.piece or len(data)
        for at in range(0, len(data), pieces):
            if self.peer.connected:
                self.peer.protocol.dataReceived(data[at : at + pieces])
        if self.producer is not None and self._producer_paused and not self.buffered:
            self._producer_paused = False
            self.producer.resumeProducing()
        return True

    def end(self, reason: Exception) -> None:
        """This end is gone."""
        if self.connected:
            self.connected = False
            self._out = []
            self.buffered = 0
            producer, self.producer = self.producer, None
            if producer is not None:
                producer.stopProducing()
            self.protocol.connectionLost(Failure(reason))


@implementer(IListeningPort)
class MemoryPort:
    """A listener of the network."""

    def __init__(self, network: MemoryNetwork, host: str, port: int, factory: IProtocolFactory) -> None:
        self._network = network
        self.host = host
        self.port = port
        self.factory = factory

    def startListening(self) -> None:
        """It listens already."""

    def stopListening(self) -> Deferred[None]:
        """Connections are refused from here on."""
        self._network.ports.pop((self.host, self.port), None)
        self.factory.doStop()
        return succeed(None)

    def getHost(self) -> IPv4Address:
        """Where it listens."""
        return IPv4Address("TCP", self.host, self.port)


@implementer(IStreamServerEndpoint)
class MemoryServerEndpoint:
    """Listens on the network."""

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._port = port

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; fails with CannotListenError when the address is taken."""
        key = (self._host, self._port)
        if key in self._network.ports:
            return fail(CannotListenError(self._host, self._port, OSError("address in use")))
        port = MemoryPort(self._network, self._host, self._port, factory)
        self._network.ports[key] = port
        factory.doStart()
        return succeed(port)


@implementer(IStreamClientEndpoint)
class MemoryClientEndpoint:
    """Dials on the network. Towards a partitioned host the attempt hangs until it is cancelled or healed."""

    def __init__(self, network: MemoryNetwork, source: str, host: str, port: int) -> None:
        self._network = network
        self._source = source
        self._host = host
        self._port = port

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect at the next flush; fails with ConnectionRefusedError when nobody listens there."""
        connecting: Deferred[IProtocol] = Deferred(lambda deferred: self._network.dials.remove(dial))
        dial = (self._source, self._host, self._port, factory, connecting)
        self._network.dials.append(dial)
        return connecting


class MemoryNetwork:
    """Hosts, listeners, connections, and the partitions between hosts.

    :ivar clock: the time of everything on the network.
    :ivar piece: bytes delivered at once; 0 is all there are. 1 makes the worst network there is.
    :ivar connections: both ends of every living connection, the dialling one first.
    :ivar delivered: bytes that have arrived somewhere so far.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock if clock is not None else Clock()
        self.piece = 0
        self.delivered = 0
        self.ports: dict[tuple[str, int], MemoryPort] = {}
        self.dials: list[tuple[str, str, int, IProtocolFactory, Deferred[IProtocol]]] = []
        self.connections: list[tuple[MemoryTransport, MemoryTransport]] = []
        self._cut: set[frozenset[str]] = set()
        self._isolated: set[str] = set()
        self._next_port = 30_000

    def server_endpoint(self, host: str, port: int) -> MemoryServerEndpoint:
        """An endpoint that listens on ``host``."""
        return MemoryServerEndpoint(self, host, port)

    def client_endpoint(self, source: str, host: str, port: int) -> MemoryClientEndpoint:
        """An endpoint that dials from ``source``."""
        return MemoryClientEndpoint(self, source, host, port)

    def dialler(self, source: str) -> Callable[[HostAndPort], MemoryClientEndpoint]:
        """what an EdgeDialler on host ``source`` takes as ``endpoint_for_address``."""
        return lambda address: MemoryClientEndpoint(self, source, address.host, address.port)

    # ---- faults

    def partition(self, one: str, other: str | None = None) -> None:
        """Nothing passes between two hosts, or between one and all others; nobody is told."""
        if other is None:
            self._isolated.add(one)
        else:
            self._cut.add(frozenset((one, other)))

    def heal(self, one: str | None = None, other: str | None = None) -> None:
        """Undo one partition, all of a host, or all; what waited passes at the next flush."""
        if one is None:
            self._cut.clear()
            self._isolated.clear()
        elif other is None:
            self._isolated.discard(one)
            self._cut = {pair for pair in self._cut if one not in pair}
        else:
            self._cut.discard(frozenset((one, other)))

    def reset(self, one: str, other: str | None = None) -> None:
        """Break the living connections of a host, or between two, as a crash does; both ends are told at once."""
        for pair in list(self.connections):
            hosts = {end.host for end in pair}
            if one in hosts and (other is None or other in hosts):
                self._end(pair, ConnectionLost())

    def reachable(self, one: str, other: str) -> bool:
        """Bytes pass between the two hosts."""
        apart = one in self._isolated or other in self._isolated or frozenset((one, other)) in self._cut
        return one == other or not apart

    # ---- time

    def flush(self) -> bool:
        """Move bytes, connections and due calls until nothing moves. Gives whether anything did."""
        moved = False
        for _ in range(100_000):
            self.clock.advance(0)
            if not self._step():
                return moved
            moved = True
        raise RuntimeError("the network never comes to rest")

    def advance(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass in steps, flushing after each."""
        self.flush()
        end = self.clock.seconds() + seconds
        while (left := end - self.clock.seconds()) > 1e-9:
            self.clock.advance(min(step, left))
            self.flush()

    def _step(self) -> bool:
        moved = self._dial()
        for pair in list(self.connections):
            if self.reachable(pair[0].host, pair[1].host):
                moved = pair[0].deliver() | pair[1].deliver() | self._close(pair) or moved
            else:
                moved = self._give_up(pair) or moved
        return moved

    def _dial(self) -> bool:
        due = [dial for dial in self.dials if self.reachable(dial[0], dial[1])]
        for dial in due:
            self.dials.remove(dial)
            self._connect(*dial)
        return bool(due)

    def _connect(self, source: str, host: str, port: int, factory: IProtocolFactory, connecting: Deferred[IProtocol]) -> None:
        listener = self.ports.get((host, port))
        if listener is None:
            connecting.errback(Failure(ConnectionRefusedError()))
            return
        self._next_port += 1
        near, far = MemoryTransport(self, source, self._next_port), MemoryTransport(self, host, port)
        near.peer, far.peer = far, near
        client = factory.buildProtocol(far.getHost())
        server = listener.factory.buildProtocol(near.getHost())
        if client is None or server is None:
            connecting.errback(Failure(ConnectionLost()))
            return
        near.protocol, far.protocol = client, server
        self.connections.append((near, far))
        server.makeConnection(far)
        client.makeConnection(near)
        connecting.callback(client)

    def _close(self, pair: tuple[MemoryTransport, MemoryTransport]) -> bool:
        for end in pair:
            if end.aborting or (end.disconnecting and not end.buffered):
                self._end(pair, ConnectionDone() if not end.aborting else ConnectionLost())
                return True
        return False

    def _give_up(self, pair: tuple[MemoryTransport, MemoryTransport]) -> bool:
        """Across a partition an end that aborts is gone for itself only; the other learns it when healed."""
        gone = [end for end in pair if end.aborting and end.connected]
        for end in gone:
            end.end(ConnectionLost())
        return bool(gone)

    def _end(self, pair: tuple[MemoryTransport, MemoryTransport], reason: Exception) -> None:
        self.connections.remove(pair)
        for end in pair:
            end.end(reason)
