"""``twistd ote-shim`` as a process: a controller's end drives it over a real socket, and others try to disturb it."""

from __future__ import annotations

from pathlib import Path

from twisted.internet import endpoints
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, readBody

from ote_twisted.tasks.model import Answer, Task

from .shim_processes import ShimProcess, WaitingHost

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "third-party-shim"


class Lost(Protocol):
    """Sends something and tells when the other side has closed."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Send it."""
        self.transport.write(self.data)

    def connectionLost(self, reason: object = None) -> None:
        """Closed."""
        self.closed.callback(None)


class _Once(Factory):
    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> Protocol:
        """The one there is."""
        return self._protocol


class RemoteShimProcessTests(TestCase):
    """The files shim of the examples in its own process."""

    timeout = 120

    async def running(self, *options: str) -> ShimProcess:
        """A shim process of the files kind."""
        from twisted.internet import reactor

        self.reactor = reactor
        process = ShimProcess(reactor, environment={"PYTHONPATH": str(EXAMPLE)})
        self.addCleanup(process.stop)
        await process.start(Path(self.mktemp()).absolute(), "--kind", "files", *options)
        return process

    async def test_many_tasks(self) -> None:
        """Hundreds of tasks at once are all answered, those for one file in order, large bodies included."""
        process = await self.running()
        remote, host = process.remote(), WaitingHost(self.reactor)
        self.addCleanup(remote.stop)
        remote.start("site", host)
        await host.ready()
        large = b"\x00\xff" * 300_000
        tasks = [Task("files", "PUT", f"/file-{number % 20}", b"%d" % number) for number in range(400)]
        answers = await gatherResults([remote.perform(task) for task in [*tasks, Task("files", "PUT", "/large", large)]])
        self.assertEqual({answer.code for answer in answers}, {200, 201})
        reads = await gatherResults([remote.perform(Task("files", "GET", f"/file-{number}")) for number in range(20)])
        self.assertEqual([int(answer.body) for answer in reads], list(range(380, 400)))
        self.assertEqual((await remote.perform(Task("files", "GET", "/large"))).body, large)

    async def test_embedded_cluster(self) -> None:
        """The embedded kind is a cluster of its own, and what it holds is there after a restart."""
        process = await self.running("--kind", "embedded")
        create = Task("api", "POST", "/api/v1/namespaces", b'{"metadata": {"name": "kept"}}')
        created = await self.one(process, create)
        self.assertEqual(created.code, 201, created.body)
        await process.stop()
        again = ShimProcess(self.reactor)
        self.addCleanup(again.stop)
        await again.start(process.folder)
        self.assertEqual((await self.one(again, Task("api", "GET", "/api/v1/namespaces/kept"))).code, 200)

    async def one(self, process: ShimProcess, task: Task) -> Answer:
        """The answer to one task over a connection of its own."""
        remote, host = process.remote(), WaitingHost(self.reactor)
        remote.start("site", host)
        await host.ready()
        answer = await remote.perform(task)
        await remote.stop()
        return answer

    async def test_disturbed(self) -> None:
        """Garbage, plain HTTP and half a handshake on the port disturb nobody."""
        process = await self.running()
        remote, host = process.remote(), WaitingHost(self.reactor)
        self.addCleanup(remote.stop)
        remote.start("site", host)
        await host.ready()
        for data in (b"\x16\x03\x01\x00\r\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"x" * 200_000):
            stranger = Lost(data)
            endpoint = endpoints.HostnameEndpoint(self.reactor, "127.0.0.1", process.address.port)
            await endpoint.connect(_Once(stranger))
            await stranger.closed.addTimeout(30, self.reactor)
        self.assertEqual((await remote.perform(Task("files", "GET", "/"))).code, 404)

    async def test_shim_comes_and_goes(self) -> None:
        """A controller's end that starts before the shim has it when it comes."""
        process = await self.running()
        first, host = process.remote(), WaitingHost(self.reactor)
        first.start("site", host)
        await host.ready()
        await first.stop()
        again, host = process.remote(), WaitingHost(self.reactor)
        self.addCleanup(again.stop)
        again.start("site", host)
        await host.ready()
        self.assertEqual((await again.perform(Task("files", "DELETE", "/none"))).code, 404)

    async def test_metrics_and_health(self) -> None:
        """With --api the process serves its counts and its health."""
        process = await self.running("--api", "tcp:0:interface=127.0.0.1")
        found = await process.output.wait_for(r"metrics listens on (127\.0\.0\.1:\d+)", self.reactor)
        agent = Agent(self.reactor)
        pages = {}
        for page in ("metrics", "livez", "readyz"):
            response = await agent.request(b"GET", f"http://{found.group(1)}/{page}".encode(), None, None)
            pages[page] = (response.code, await readBody(response))
        self.assertEqual((pages["livez"], pages["readyz"]), ((200, b"ok"), (200, b"ok")))
        self.assertIn(b"ote_shim_tasks_active 0.0", pages["metrics"][1])

    async def test_port_in_use(self) -> None:
        """A port that is taken is one clear line and a failure."""
        process = await self.running()
        other = ShimProcess(self.reactor, environment={"PYTHONPATH": str(EXAMPLE)})
        taken = f"tcp:{process.address.port}:interface=127.0.0.1"
        starting = other.start(Path(self.mktemp()).absolute(), "--kind", "files", listen=taken)
        with self.assertRaises(RuntimeError):
            await starting
        self.assertEqual(await other.output.ended, 1)
        self.assertIn("ote-shim cannot listen on tcp:", other.output.text)
        self.assertIn("Address already in use", other.output.text)
        self.assertNotIn("Traceback", other.output.text)

    async def test_stops_on_sigterm(self) -> None:
        """SIGTERM closes the controller's connection and ends the process."""
        process = await self.running()
        remote, host = process.remote(), WaitingHost(self.reactor)
        self.addCleanup(remote.stop)
        remote.start("site", host)
        await host.ready()
        await process.stop()
        self.assertIn("Server Shut Down", process.output.text)
        self.assertNotIn("Traceback", process.output.text)
