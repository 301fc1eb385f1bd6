"""The remote shim: dialling, correlation, and what happens when the other side is odd or away."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import ConfigError, ShimUnavailable
from ote_twisted.shim.dial import Delays, ShimAddress
from ote_twisted.shim.remote import RemoteLimits
from ote_twisted.shim.server import ServerLimits
from ote_twisted.shim.websocket import status_of
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.shim import MemoryHost
from ote_twisted.wire.clustermessage_pb2 import (
    ClusterMessage,
    ControlReq,
    ControlResp,
    EdgeReport,
    MessageHead,
    NeighborRoute,
)
from ote_twisted.wire.messages import task_of

from .links import Joined, OriginalServer, joined

READ = Task("api", "GET", "/thing", b"", "uid-1.1")


def write(value: bytes) -> Task:
    """Write the one object."""
    return Task("api", "PUT", "/thing", value)


class RemoteCase(SynchronousTestCase):
    """A remote shim with its server, over an in-memory network."""

    def connected(self, **options: object) -> Joined:
        """Both sides, connected."""
        self.host = MemoryHost()
        link = joined(**options)  # type: ignore[arg-type]
        self.successResultOf(link.remote.start("c1", self.host))
        link.settle()
        self.assertTrue(link.remote.connected)
        return link


class RemoteShimTests(RemoteCase):
    """Requests and their answers."""

    def scripted(self, limits: RemoteLimits | None = None) -> tuple[Joined, OriginalServer]:
        """A remote shim connected to an original shim that does as told."""
        link = joined(remote_limits=limits)
        server = OriginalServer(link.network)
        self.host = MemoryHost()
        self.successResultOf(link.remote.start("c1", self.host))
        link.settle()
        return link, server

    def perform(self, link: Joined, task: Task) -> Deferred[Answer]:
        """Begin one task and let its request travel."""
        performing = link.remote.perform(task)
        link.settle()
        return performing

    def test_request(self):
        """A request has our MessageID, the cluster, the uid, and the task (T50, T55)."""
        link, server = self.scripted()
        self.perform(link, READ)
        request = server.requests[0]
        self.assertEqual((request.Head.Command, request.Head.ClusterSelector, request.Head.Uid), (ControlReq, "c1", "uid-1.1"))
        self.assertTrue(request.Head.MessageID)
        self.assertEqual(task_of(request), READ)

    def test_answers_in_any_order(self):
        """Answers find their tasks whatever the order they come in."""
        link, server = self.scripted()
        tasks = [self.perform(link, READ) for _ in range(3)]
        for number in (2, 0, 1):
            server.answer(number, Answer(200, b"%d" % number))
        self.assertEqual([self.successResultOf(task).body for task in tasks], [b"0", b"1", b"2"])

    def test_same_answer_twice(self):
        """A repeated answer, and one to nothing, are counted and change nothing."""
        link, server = self.scripted()
        performing = self.perform(link, READ)
        server.answer(0, Answer(200))
        server.answer(0, Answer(500))
        self.assertEqual((self.successResultOf(performing), link.remote.unasked), (Answer(200), 1))

    def test_code_zero(self):
        """The original's code 0 is a 502 (F77)."""
        link, server = self.scripted()
        performing = self.perform(link, READ)
        server.answer(0, Answer(0))
        self.assertEqual(self.successResultOf(performing).code, 502)

    def test_unreadable_answer(self):
        """An answer whose body cannot be read is a 502 (F64)."""
        link, server = self.scripted()
        performing = self.perform(link, READ)
        head = MessageHead(MessageID=server.requests[0].Head.MessageID, Command=ControlResp)
        server.say(ClusterMessage(Head=head, Body=b"\xff\xff"))
        self.assertEqual((self.successResultOf(performing).code, link.remote.malformed), (502, 1))

    def test_message_without_head(self):
        """A message without head, or of garbage, is counted; the connection stays (F63)."""
        link, server = self.scripted()
        performing = self.perform(link, READ)
        for message in (b"", b"\xff\xff\xff", ClusterMessage(Body=b"x").SerializeToString()):
            server.say(message)
        server.say(ClusterMessage(Head=MessageHead(Command=NeighborRoute)))
        server.answer(0, Answer(204))
        self.assertEqual((self.successResultOf(performing).code, link.remote.malformed, link.remote.unasked), (204, 3, 1))

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.binary(max_size=60), max_size=10))
    def test_any_bytes_from_the_shim(self, messages):
        """Whatever a shim sends, the connection and later tasks live."""
        link, server = self.scripted()
        for message in messages:
            server.say(message)
        performing = self.perform(link, READ)
        server.answer(0, Answer(200))
        self.assertEqual(self.successResultOf(performing).code, 200)

    def test_too_late(self):
        """A task without an answer in time is a 504, and an answer that comes later is dropped."""
        link, server = self.scripted(RemoteLimits(task_seconds=30))
        performing = self.perform(link, READ)
        link.advance(30)
        self.assertEqual((self.successResultOf(performing).code, link.remote.timed_out), (504, 1))
        server.answer(0, Answer(200))
        self.assertEqual(link.remote.unasked, 1)

    def test_too_many_open(self):
        """A task that finds too many open fails with ShimUnavailable and is counted."""
        link, _ = self.scripted(RemoteLimits(open_tasks=2))
        self.perform(link, READ)
        self.perform(link, READ)
        self.failureResultOf(self.perform(link, READ), ShimUnavailable)
        self.assertEqual(link.remote.refused, 1)

    def test_reports(self):
        """A report goes to the host as it is; an odd head does not matter (T51, T55)."""
        _, server = self.scripted()
        server.say(ClusterMessage(Head=MessageHead(Command=EdgeReport, ClusterName="other"), Body=b"[1]"))
        self.assertEqual(self.host.reports, [b"[1]"])

    def test_cancelled_task_is_withdrawn(self):
        """Cancelling gives the task up at the other end too."""
        link = self.connected()
        link.behind.script(delay=5)
        performing = self.perform(link, READ)
        performing.cancel()
        link.settle()
        self.failureResultOf(performing, CancelledError)
        self.assertEqual(len(link.behind.cancelled), 1)

    def test_description_comes_from_the_shim(self):
        """The shim's own description is what the remote shim tells."""
        link = self.connected()
        describing = link.remote.describe()
        link.settle()
        self.assertEqual(self.successResultOf(describing), {"kind": "memory", "version": "1", "nodes": 1})

    def test_description_of_an_original(self):
        """An original shim knows no description, so its cluster is asked."""
        link, server = self.scripted()
        describing = link.remote.describe()
        link.settle()
        server.answer(0, Answer(404))
        server.answer(1, Answer(200, b'{"gitVersion": "v1.18.0"}'))
        server.answer(2, Answer(200, json.dumps({"items": []}).encode()))
        self.assertEqual(
            self.successResultOf(describing),
            {"kind": "kubernetes", "version": "v1.18.0", "nodes": 0, "nodesReady": 0, "capacity": {}, "allocatable": {}},
        )


class RemoteLinkTests(RemoteCase):
    """The connection comes, goes, and comes back."""

    def test_shim_is_not_there_yet(self):
        """A controller runs without its shim, tells why, and has it as soon as it is there (F80)."""
        link = joined()
        factory, link.network.factory = link.network.factory, None
        host = MemoryHost()
        self.successResultOf(link.remote.start("c1", host))
        self.failureResultOf(link.remote.perform(READ), ShimUnavailable)
        link.advance(60)
        link.network.factory = factory
        link.advance(30)
        self.assertEqual([ready for ready, _ in host.states], [False, True])
        self.assertTrue(link.remote.connected)

    def test_lost_while_performing(self):
        """A task under way when the connection goes is a 502 that says that its effect is not known (F81)."""
        link = self.connected()
        link.behind.script(delay=60)
        performing = link.remote.perform(READ)
        link.settle()
        link.drop()
        answer = self.successResultOf(performing)
        self.assertEqual(answer.code, 502)
        self.assertIn(b"not known", answer.body)
        self.failureResultOf(link.remote.perform(READ), ShimUnavailable)
        self.assertFalse(self.host.states[-1][0])

    def test_comes_back(self):
        """A lost connection is made anew, again and again (F66)."""
        link = self.connected()
        for _ in range(5):
            link.drop()
            self.assertFalse(link.remote.connected)
            link.advance(60)
            self.assertTrue(link.remote.connected)
        self.assertEqual(len(link.made), 1)

    def test_dead_shim_is_noticed(self):
        """A shim that is silent is dropped within the time, and dialled anew."""
        link = self.connected()
        link.network.cut.add(0)
        link.advance(21)
        self.assertEqual(len(link.network.pumps), 2)
        link.advance(10)
        self.assertTrue(link.remote.connected)

    def test_idle_link_lives(self):
        """An idle connection is kept alive by pings."""
        link = self.connected()
        link.advance(300, step=1)
        self.assertEqual((len(link.network.pumps), link.remote.connected), (1, True))

    def test_busy_original_is_not_dead(self):
        """An original shim answers no ping while it performs; it is not dropped for that (F70)."""
        link = joined()
        OriginalServer(link.network)
        link.remote.start("c1", MemoryHost())
        link.settle()
        link.remote.perform(READ)
        link.network.cut.add(0)
        link.advance(90)
        self.assertEqual(len(link.network.pumps), 1)
        link.advance(60)
        self.assertEqual(len(link.network.pumps), 2)

    def test_occupied_shim(self):
        """A 400 means that another controller has the shim: told, and not asked at once again."""
        link = self.connected()
        other, host = link.another(), MemoryHost()
        other.remote.start("c1", host)
        link.advance(2.5)
        self.assertIn("another controller is connected to it", host.states[-1][1])
        dialled = len(link.network.pumps)
        link.advance(4.5)
        self.assertEqual(len(link.network.pumps), dialled)
        link.advance(1)
        self.assertEqual(len(link.network.pumps), dialled + 1)

    def test_delays_grow(self):
        """Waits grow to their bound, with a random part; an occupied shim is asked less often."""
        delays = Delays(first=1, longest=30, occupied=10)
        self.assertEqual([delays.bound(number, 0) for number in (0, 1, 2, 5, 1000)], [1, 2, 4, 30, 30])
        self.assertEqual([delays.bound(number, 400) for number in (0, 9)], [10, 30])

    def test_handshake_that_never_ends(self):
        """A server that takes the connection and says nothing is given up."""
        link = joined()
        link.remote.start("c1", MemoryHost())
        link.network.cut.add(0)
        link.advance(15)
        link.advance(1)
        self.assertEqual(len(link.network.pumps), 2)

    def test_stop_leaves_nothing(self):
        """After the stop there is no connection and no timer, whatever the state before."""
        for prepare in (lambda link: None, lambda link: link.advance(3), lambda link: link.network.cut.add(0)):
            link = joined(limits=ServerLimits(clusters=1))
            link.remote.start("c1", MemoryHost())
            prepare(link)
            stopping = link.remote.stop()
            link.advance(30)
            self.successResultOf(stopping)
            self.assertFalse(link.remote.connected)
            self.assertEqual(link.clock.getDelayedCalls(), [])

    def test_stop_while_waiting(self):
        """A shim that waits to dial again stops at once."""
        link = joined()
        link.network.factory = None
        link.remote.start("c1", MemoryHost())
        self.successResultOf(link.remote.stop())
        self.assertEqual(link.clock.getDelayedCalls(), [])


class AddressTests(SynchronousTestCase):
    """Where a remote shim is."""

    def test_url_of_a_cluster(self):
        """The cluster's name is one segment of the path, encoded."""
        self.assertEqual(ShimAddress.parse("ws://h:1").url("a/b c"), "ws://h:1/clustercontroller/a%2Fb%20c")
        self.assertEqual(ShimAddress.parse("wss://[::1]/").url("c"), "wss://[::1]:8262/clustercontroller/c")

    def test_others_are_refused(self):
        """Anything but a websocket address of a host is refused with what is expected."""
        for url in ("http://h", "ws://", "ws://h/path", "ws://h?x", "ws://h:99999", "h:1", "ws://h:x"):
            with self.assertRaises(ConfigError):
                ShimAddress.parse(url)

    def test_endpoint(self):
        """An address is dialled by name, with TLS where it says so."""
        for url in ("ws://h:1", "wss://h:1"):
            self.assertTrue(hasattr(ShimAddress.parse(url).endpoint(Clock()), "connect"))

    def test_status_of_a_refusal(self):
        """The status of a refused handshake is found in what Autobahn says."""
        self.assertEqual(status_of("WebSocket connection upgrade failed [400]: taken"), 400)
        self.assertEqual([status_of(text) for text in ("", "upgrade failed [", "upgrade failed [4x0]")], [0, 0, 0])
