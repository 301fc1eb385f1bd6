"""A remote shim and a shim server joined by an in-memory network, on one clock."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.test.iosim import FakeTransport, IOPump, connect
from zope.interface import implementer

from ote_twisted.interfaces import IClusterShim, IShimHost
from ote_twisted.shim.dial import ShimAddress
from ote_twisted.shim.remote import RemoteLimits, RemoteShim
from ote_twisted.shim.server import ServerLimits, ShimServer
from ote_twisted.shim.websocket import AUTOBAHN, ClientLink, Link, LinkLimits, ServerLink
from ote_twisted.tasks.model import Answer
from ote_twisted.testing.shim import MemoryShim
from ote_twisted.websocket import WebSocketClientFactory, WebSocketServerFactory
from ote_twisted.wire.clustermessage_pb2 import ClusterMessage, ControlResp
from ote_twisted.wire.messages import answer_of, control_response

_SOMEWHERE = IPv4Address("TCP", "127.0.0.1", 1)
ADDRESS = ShimAddress.parse("ws://shim.example:8262")
NOW = 1_700_000_000.0


class _Transport(FakeTransport):
    """A transport that may be told to stop reading, and that knows an abort."""

    reading = True
    told = False

    def lose(self) -> bool:
        """Nothing reaches the peer any more; closing is felt on this side only."""
        self.getOutBuffer()
        if not self.disconnecting or self.told:
            return False
        self.told = True
        self.reportDisconnect()
        return True

    def pauseProducing(self) -> None:
        """Deliver nothing."""
        self.reading = False

    def resumeProducing(self) -> None:
        """Deliver again."""
        self.reading = True


@implementer(IStreamClientEndpoint)
@define
class MemoryNetwork:
    """Connects to a factory, or refuses while there is none.

    :ivar factory: who listens.
    :ivar pumps: every connection ever made.
    :ivar cut: bytes are lost from now on, both ways: a half-open connection.
    """

    clock: Clock
    factory: IProtocolFactory | None = None
    pumps: list[IOPump] = field(factory=list)
    cut: set[int] = field(factory=set)

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """See IStreamClientEndpoint."""
        if self.factory is None:
            return fail(ConnectionRefusedError())
        client, server = factory.buildProtocol(_SOMEWHERE), self.factory.buildProtocol(_SOMEWHERE)
        assert client is not None and server is not None
        pump = connect(
            server, _Transport(server, isServer=True), client, _Transport(client, isServer=False), greet=False, clock=self.clock
        )
        self.pumps.append(pump)
        return succeed(client)

    def flush(self) -> bool:
        """Carry all bytes; tell whether there were any."""
        moved = [self._pump(number, pump) for number, pump in enumerate(self.pumps)]
        return any(moved)

    def _pump(self, number: int, pump: IOPump) -> bool:
        if number in self.cut:
            return any([pump.clientIO.lose(), pump.serverIO.lose()])
        if not (pump.serverIO.reading and pump.clientIO.reading):
            return False
        return bool(pump.pump())


@define
class Joined:
    """A remote shim, its server and the shim behind it.

    :ivar made: shims that the server made, by order.
    """

    clock: Clock
    network: MemoryNetwork
    server: ShimServer
    remote: RemoteShim
    made: list[MemoryShim]

    @property
    def served(self) -> Link:
        """The server's end of the first cluster's connection."""
        link = self.server.clusters()[0].link
        assert link is not None
        return link

    @property
    def reporter(self) -> IShimHost:
        """Where the first shim sends its reports."""
        host = self.behind.host
        assert host is not None
        return host

    def drop(self) -> None:
        """The first cluster's connection goes, by the server's doing."""
        self.served.abort("gone")
        self.settle()

    def another(self) -> Joined:
        """A second remote shim at the same server, on the same network."""
        remote = RemoteShim(ADDRESS, MemoryNetwork(self.clock, self.network.factory, self.network.pumps), self.clock, lambda: 0.5)
        return Joined(self.clock, self.network, self.server, remote, self.made)

    @property
    def behind(self) -> MemoryShim:
        """The shim of the first cluster name."""
        return self.made[0]

    def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        while self.network.flush():
            pass

    def advance(self, seconds: float, step: float = 0.5) -> None:
        """Let time pass, bytes travelling all the while."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.settle()


def shim_server(clock: Clock, made: list[MemoryShim], limits: ServerLimits | None = None, delay: float = 0.0) -> ShimServer:
    """A running server whose shims are recorded."""

    def make() -> IClusterShim:
        made.append(MemoryShim(clock, delay))
        return made[-1]

    server = ShimServer(make, clock, lambda: NOW + clock.seconds(), limits)
    server.startService()
    return server


def joined(
    limits: ServerLimits | None = None,
    remote_limits: RemoteLimits | None = None,
    delay: float = 0.0,
    random: Callable[[], float] = lambda: 0.5,
) -> Joined:
    """A remote shim that will reach its server when started."""
    clock = Clock()
    made: list[MemoryShim] = []
    server = shim_server(clock, made, limits, delay)
    network = MemoryNetwork(clock, server.factory())
    remote = RemoteShim(ADDRESS, network, clock, random, remote_limits)
    return Joined(clock, network, server, remote, made)


class OriginalServer(WebSocketServerFactory):
    """Listens as an original shim does: no subprotocol, and what it says is up to the test.

    :ivar requests: every request, in order.
    """

    def __init__(self, network: MemoryNetwork) -> None:
        super().__init__(reactor=network.clock)
        self.setProtocolOptions(**AUTOBAHN)
        self.requests: list[ClusterMessage] = []
        self._network = network
        self._links: list[Link] = []
        network.factory = self

    def buildProtocol(self, addr: object) -> ServerLink:
        """One connection."""
        link = ServerLink()
        link.factory = self
        link.setup(self, self._network.clock, LinkLimits())
        return link

    def link_opened(self, link: Link) -> None:
        """Talk to this one from now on."""
        self._links.append(link)

    def link_message(self, link: Link, message: bytes) -> None:
        """Keep a request."""
        self.requests.append(ClusterMessage.FromString(message))

    def link_lost(self, link: Link, reason: str) -> None:
        """Nothing to do."""

    def say(self, message: ClusterMessage | bytes) -> None:
        """Send something."""
        self._links[-1].send(message if isinstance(message, bytes) else message.SerializeToString())
        while self._network.flush():
            pass

    def answer(self, number: int, answer: Answer) -> None:
        """Answer one request."""
        self.say(control_response(self.requests[number].Head, "", answer, 1))


class OriginalController(WebSocketClientFactory):
    """Connects as an original controller does: no subprotocol, and what it says is up to the test.

    :ivar received: what the shim said, in order.
    :ivar lost: the connection is gone.
    """

    def __init__(self, clock: Clock, network: MemoryNetwork, name: str = "c1") -> None:
        super().__init__(ADDRESS.url(name), reactor=clock)
        self.setProtocolOptions(serverConnectionDropTimeout=0, **AUTOBAHN)
        self.received: list[ClusterMessage] = []
        self.lost = False
        self._network = network
        self._links: list[Link] = []
        network.connect(self)
        self._settle()

    def buildProtocol(self, addr: object) -> ClientLink:
        """The connection."""
        link = ClientLink()
        link.factory = self
        link.setup(self, self._network.clock, LinkLimits())
        return link

    def link_opened(self, link: Link) -> None:
        """Talk to this one."""
        self._links.append(link)

    def link_message(self, link: Link, message: bytes) -> None:
        """Keep what the shim says."""
        self.received.append(ClusterMessage.FromString(message))

    def link_lost(self, link: Link, reason: str) -> None:
        """Remember."""
        self.lost = True

    def say(self, *messages: bytes) -> None:
        """Send messages."""
        for message in messages:
            self._links[-1].send(message)
        self._settle()

    def answers(self) -> list[Answer]:
        """Every answer so far."""
        return [answer_of(each)[0] for each in self.received if each.Head.Command == ControlResp]

    def _settle(self) -> None:
        while self._network.flush():
            pass
