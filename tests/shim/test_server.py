"""The shim server: who may connect, what is answered, and that nothing from outside stops it."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.errors import ShimUnavailable
from ote_twisted.shim.guard import GuardedShim, GuardLimits
from ote_twisted.shim.served import ServedLimits
from ote_twisted.shim.server import ServerLimits, ShimServer
from ote_twisted.shim.websocket import LinkLimits
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.testing.shim import MemoryHost, MemoryShim
from ote_twisted.wire.clustermessage_pb2 import (
    ClusterMessage,
    ControlMultiReq,
    ControlReq,
    ControlResp,
    EdgeReport,
    MessageHead,
    SubTreeRoute,
)
from ote_twisted.wire.messages import answer_of, control_request, multi_request

from .links import NOW, Joined, OriginalController, joined, shim_server

READ = Task("api", "GET", "/thing")


def request(task: Task, identifier: str = "", uid: str = "") -> bytes:
    """A ControlReq."""
    head = MessageHead(MessageID=identifier, ClusterSelector="a,b", ParentClusterName="root", Uid=uid)
    return control_request(head, task)


def multi(bodies: list[bytes], uid: str = "") -> bytes:
    """A ControlMultiReq that writes each body in turn."""
    return multi_request(MessageHead(MessageID="m", Uid=uid), "api", "PUT", "/thing", bodies)


class ServerCase(SynchronousTestCase):
    """A server and an original controller that does what the test says."""

    def controller(self, limits: ServerLimits | None = None) -> OriginalController:
        """A connected controller."""
        self.link = joined(limits)
        return OriginalController(self.link.clock, self.link.network)


class RequestTests(ServerCase):
    """What is answered, and how."""

    def test_answer_echoes_the_head(self):
        """An answer has the request's head with the command of an answer, and the shim's time (T48)."""
        controller = self.controller()
        controller.say(request(READ, "m", "u.1"))
        head = MessageHead(
            MessageID="m", Command=ControlResp, ClusterSelector="a,b", ClusterName="c1", ParentClusterName="root", Uid="u.1"
        )
        self.assertEqual(controller.received[0].Head, head)
        answer, timestamp = answer_of(controller.received[0])
        self.assertEqual((answer.code, timestamp), (404, int(NOW)))

    def test_codes(self):
        """Unknown destinations, methods and unreadable tasks are 404, 405 and 400, each with a sentence (T48, T58, T61)."""
        controller = self.controller()
        garbage = ClusterMessage(Head=MessageHead(Command=ControlReq), Body=b"\xff").SerializeToString()
        controller.say(request(Task("helm", "GET", "/")), request(Task("api", "TRACE", "/")), garbage)
        self.assertEqual([answer.code for answer in controller.answers()], [404, 405, 400])
        self.assertTrue(all(answer.body for answer in controller.answers()))

    def test_unknown_head_fields_come_back(self):
        """Fields of the head that we do not know are echoed."""
        controller = self.controller()
        unknown = b"\x92\x4e\x03abc"  # field 1250, length-delimited
        head = MessageHead.FromString(MessageHead(MessageID="m").SerializeToString() + unknown)
        controller.say(control_request(head, READ))
        self.assertIn(unknown, controller.received[0].Head.SerializeToString())

    def test_same_answers_as_in_process(self):
        """The same task has the same answer from a shim in the process and from a remote one (F58)."""
        link = joined()
        link.remote.start("c1", MemoryHost())
        link.settle()
        local = GuardedShim(MemoryShim(link.clock), link.clock)
        local.start("c1", MemoryHost())
        for method, uri in (("GET", "/thing"), ("PUT", "/thing"), ("TRACE", "/"), ("GET", "nowhere"), ("", "/"), ("G T", "/")):
            for destination in ("api", "helm"):
                task = Task(destination, method, uri, b"x")
                remote = link.remote.perform(task)
                link.settle()
                self.assertEqual(self.successResultOf(remote), self.successResultOf(local.perform(task)), task)

    def test_slow_request_holds_up_no_other(self):
        """A slow request does not hold up another object's, and its answer follows later (F70)."""
        controller = self.controller()
        self.link.behind.script(delay=30)
        controller.say(request(READ, "slow"), request(Task("api", "GET", "/other"), "quick"))
        self.assertEqual([each.Head.MessageID for each in controller.received], ["quick"])
        self.link.advance(30)
        self.assertEqual([each.Head.MessageID for each in controller.received], ["quick", "slow"])

    def test_order_of_one_object(self):
        """Requests for one object take effect in order, though the first is slow (F70)."""
        controller = self.controller()
        self.link.behind.script(delay=5)
        writes = [request(Task("api", "PUT", "/thing", b"%d" % number)) for number in range(10)]
        controller.say(*writes, request(READ))
        self.link.advance(5)
        self.assertEqual(controller.answers()[-1].body, b"9")

    def test_bounded_concurrency(self):
        """No more requests are performed at once than allowed; the others wait their turn."""
        controller = self.controller(ServerLimits(concurrency=2))
        for _ in range(4):
            self.link.behind.script(delay=5)
        controller.say(*(request(Task("api", "GET", f"/{number}")) for number in range(4)))
        self.assertEqual(self.link.behind.running, 2)
        self.link.advance(10)
        self.assertEqual(len(controller.answers()), 4)

    def test_unavailable_is_503(self):
        """A shim that is not available is a 503 with its reason (F81)."""
        controller = self.controller()
        self.link.behind.script(outcome=ShimUnavailable("the disk is gone"))
        controller.say(request(READ))
        self.assertEqual(controller.answers()[0].code, 503)
        self.assertIn(b"the disk is gone", controller.answers()[0].body)

    def test_long_answer(self):
        """An answer above the limit is cut and marked (F59)."""
        controller = self.controller(ServerLimits(guard=GuardLimits(body_bytes=3)))
        self.link.behind.contents["/thing"] = b"abcdef"
        controller.say(request(READ))
        self.assertEqual(controller.answers(), [Answer(200, b"abc", True, 6)])

    def test_multi_request_of_the_original(self):
        """A multi request without uid is performed in order and not answered (T49, T64)."""
        controller = self.controller()
        controller.say(multi([b"1", b"2", b"3"]))
        self.assertEqual([task.body for task in self.link.behind.performed], [b"1", b"2", b"3"])
        self.assertEqual(controller.received, [])

    def test_multi_request_with_uid(self):
        """A multi request with a uid is answered with every result, in order (F74)."""
        controller = self.controller()
        self.link.behind.script(delay=2, outcome=Answer(409, b"no"))
        controller.say(multi([b"1", b"2"], "u.1"))
        self.link.advance(2)
        [answer] = controller.answers()
        self.assertEqual(answer.code, 409)
        self.assertEqual(json.loads(answer.body), [{"code": 409, "body": "no"}, {"code": 201, "body": "2"}])

    def test_description(self):
        """A server tells what its shim says of the cluster."""
        controller = self.controller()
        controller.say(request(Task("shim", "GET", "/describe")))
        self.assertEqual(json.loads(controller.answers()[0].body), self.link.behind.description)


class HostileTests(ServerCase):
    """Input that is wrong costs at most its sender."""

    def test_without_head(self):
        """A message without head, or garbage, is counted and the next request is answered (F62)."""
        controller = self.controller()
        controller.say(b"", b"\xff\xff", ClusterMessage(Body=b"x").SerializeToString(), request(READ))
        self.assertEqual((len(controller.answers()), self.link.server.clusters()[0].malformed), (1, 3))

    def test_other_commands(self):
        """A command that no shim knows is counted and not answered (T47, T54)."""
        controller = self.controller()
        for command in (SubTreeRoute, ControlResp, EdgeReport, 999):
            head = MessageHead()
            head.MergeFromString(
                b"\x10" + bytes([command & 0x7F | (0x80 if command > 127 else 0)]) + (b"\x07" if command > 127 else b"")
            )
            controller.say(ClusterMessage(Head=head).SerializeToString())
        self.assertEqual((controller.received, self.link.server.clusters()[0].unknown), ([], 4))

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.binary(max_size=60)
            | st.builds(
                lambda command, body: ClusterMessage(
                    Head=MessageHead(Command=command, MessageID="x"), Body=body
                ).SerializeToString(),
                st.sampled_from([ControlReq, ControlMultiReq, ControlResp]),
                st.binary(max_size=60),
            ),
            max_size=12,
        )
    )
    def test_any_bytes(self, messages):
        """Whatever a controller sends, the next request is answered."""
        controller = self.controller()
        controller.say(*messages, request(READ, "last"))
        self.assertEqual([each.Head.MessageID for each in controller.received][-1], "last")

    def test_too_long_message(self):
        """A message above the limit ends its own connection only (F69)."""
        controller = self.controller(ServerLimits(link=LinkLimits(message=1000)))
        other = OriginalController(self.link.clock, self.link.network, "c2")
        controller.say(request(Task("api", "PUT", "/thing", b"x" * 2000)))
        other.say(request(READ))
        self.link.advance(10)
        self.assertEqual((controller.lost, other.lost, len(other.answers())), (True, False, 1))

    def test_flood_is_held_back(self):
        """From a controller with too many open requests nothing is read until half are answered; none is lost."""
        controller = self.controller(ServerLimits(served=ServedLimits(open_tasks=4), concurrency=2))
        for _ in range(20):
            self.link.behind.script(delay=1)
        for number in range(20):
            controller.say(request(Task("api", "GET", f"/{number}")))
        self.assertTrue(self.link.served.held)
        self.assertEqual(self.link.server.lanes.active + self.link.server.lanes.waiting, 4)
        self.link.advance(60)
        self.assertEqual(len(controller.answers()), 20)

    def test_slow_reader(self):
        """A controller that reads no answers is dropped when too much waits for it."""
        controller = self.controller(ServerLimits(link=LinkLimits(unsent=1000)))
        self.link.behind.contents["/thing"] = b"x" * 600
        self.link.served.pauseProducing()
        controller.say(request(READ), request(READ))
        self.link.settle()
        self.assertTrue(controller.lost)

    def test_slow_reader_that_recovers(self):
        """A controller that reads again gets everything."""
        controller = self.controller(ServerLimits(link=LinkLimits(unsent=1000)))
        self.link.behind.contents["/thing"] = b"x" * 600
        for _ in range(5):
            self.link.served.pauseProducing()
            controller.say(request(READ))
            self.link.served.resumeProducing()
        self.assertEqual(len(controller.answers()), 5)


class _Aborted(StringTransport):
    def abortConnection(self) -> None:
        self.loseConnection()


class HandshakeTests(SynchronousTestCase):
    """Who may connect."""

    def setUp(self):
        """A running server."""
        self.clock = Clock()
        self.made: list[MemoryShim] = []
        self.server = shim_server(self.clock, self.made, ServerLimits(clusters=2))

    def dial(self, head: str) -> StringTransport:
        """Send a request's head and give what came back."""
        protocol = self.server.factory().buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        transport = _Aborted()
        protocol.makeConnection(transport)
        protocol.dataReceived(head.encode("latin-1"))
        return transport

    def get(self, path: str, *more: str) -> str:
        """The status line for a websocket request of the original's kind."""
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: h:8262",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *more,
            "",
            "",
        ]
        transport = self.dial("\r\n".join(lines))
        return transport.value().decode().partition("\r\n")[0]

    def test_path(self):
        """Only /clustercontroller/NAME is served; anything else is 404 (T50)."""
        self.assertIn("101", self.get("/clustercontroller/c1"))
        self.assertEqual(self.server.clusters()[0].name, "c1")
        for path in (
            "/",
            "/clustercontroller",
            "/clustercontroller/",
            "/clustercontroller/a/b",
            "/clustercontroller/a/",
            "/access/c1",
            "/clustercontroller/" + "x" * 300,
            "/clustercontroller/%00",
            "/clustercontroller/%0d%0aX",
        ):
            self.assertIn("404", self.get(path), path)

    def test_name_is_decoded(self):
        """The name is percent-decoded."""
        self.get("/clustercontroller/caf%C3%A9%20x")
        self.assertEqual(self.server.clusters()[0].name, "café x")

    def test_answer_is_one_that_the_original_takes(self):
        """The answer has the header values that a Go client wants, and no extension."""
        lines = [
            "GET /clustercontroller/c HTTP/1.1",
            "Host: h",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Extensions: permessage-deflate",
            "",
            "",
        ]
        answer = self.dial("\r\n".join(lines)).value().decode().lower()
        self.assertIn("\r\nupgrade: websocket\r\n", answer)
        self.assertIn("\r\nconnection: upgrade\r\n", answer)
        self.assertIn("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n", answer)
        self.assertNotIn("extensions", answer)
        self.assertNotIn("sec-websocket-protocol", answer)

    def test_browser(self):
        """A connection from a web page is refused."""
        self.assertIn("403", self.get("/clustercontroller/c1", "Origin: http://h:8262"))

    def test_no_websocket(self):
        """Plain HTTP is told that an upgrade is wanted; another method is 405."""
        self.assertIn("426", self.dial("GET /clustercontroller/c1 HTTP/1.1\r\nHost: h\r\n\r\n").value().decode())
        self.assertIn("405", self.dial("POST /clustercontroller/c1 HTTP/1.1\r\nHost: h\r\n\r\n").value().decode())

    def test_no_http(self):
        """Garbage instead of a handshake ends the connection."""
        self.assertTrue(self.dial("\x16\x03\x01\x00\r\n\r\n").disconnecting)

    def test_endless_head(self):
        """A handshake that grows without end is cut off."""
        transport = self.dial("GET / HTTP/1.1\r\nX: " + "x" * 70000)
        self.assertTrue(transport.disconnecting)

    def test_no_handshake(self):
        """A connection that says nothing is closed after its time."""
        transport = self.dial("")
        self.clock.advance(15)
        self.assertTrue(transport.disconnecting)

    def test_too_many_names(self):
        """A name above the bound is 503; the known ones go on."""
        for name in ("a", "b"):
            self.assertIn("101", self.get(f"/clustercontroller/{name}"))
        self.assertIn("503", self.get("/clustercontroller/c"))
        self.assertEqual((len(self.made), self.server.refused), (2, 1))

    def test_stopped_server(self):
        """A server that is stopped lets nobody in."""
        self.server.stopService()
        self.assertIn("503", self.get("/clustercontroller/c1"))

    def test_shim_that_does_not_start(self):
        """A shim that fails to start is a 503, logged, and tried again with the next connection."""

        class Broken(MemoryShim):
            def start(self, cluster, host):
                raise ZeroDivisionError

        self.server = ShimServer(lambda: Broken(self.clock), self.clock, lambda: NOW)
        self.server.startService()
        for _ in range(2):
            self.assertIn("503", self.get("/clustercontroller/c1"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(self.server.clusters(), ())


class SharedServerTests(SynchronousTestCase):
    """Several controllers at one server."""

    def join(self, name: str, link: Joined) -> tuple[Joined, MemoryHost]:
        """Another controller at the same server."""
        other, host = link.another(), MemoryHost()
        other.remote.start(name, host)
        link.settle()
        return other, host

    def test_several_names(self):
        """Controllers of several names are served at once, each with a shim of its own name (T50)."""
        link = joined()
        link.remote.start("a", MemoryHost())
        other, _ = self.join("b", link)
        self.assertEqual([shim.cluster for shim in link.made], ["a", "b"])
        performing = [remote.perform(READ) for remote in (link.remote, other.remote)]
        link.settle()
        for task in performing:
            self.assertEqual(self.successResultOf(task).code, 404)

    def test_reports_go_to_their_own_controller(self):
        """A report goes to the controller of its cluster."""
        link = joined()
        link.remote.start("a", host := MemoryHost())
        _, other_host = self.join("b", link)
        link.server.clusters()[1].shim_report(b"of b")
        link.settle()
        self.assertEqual((host.reports, other_host.reports), ([], [b"of b"]))

    def test_same_name_while_alive(self):
        """A second controller of a name is refused with 400 while the first is alive, also when two come together (F72)."""
        link = joined()
        link.remote.start("a", MemoryHost())
        link.settle()
        refused = [self.join("a", link)[1] for _ in range(2)]
        link.advance(2.5)
        self.assertTrue(link.remote.connected)
        for host in refused:
            self.assertIn("another controller is connected", host.states[-1][1])

    def test_same_name_replaces_the_dead(self):
        """A controller gets in within two seconds when the one before is half-open (F73)."""
        link = joined()
        link.remote.start("a", MemoryHost())
        link.settle()
        link.network.cut.add(0)
        other, _ = self.join("a", link)
        link.advance(2)
        self.assertTrue(other.remote.connected)
        self.assertEqual((link.server.replaced, len(link.made)), (1, 1))

    def test_reports_wait_for_the_controller(self):
        """Reports made while no controller is there are kept and arrive when it is back (F82)."""
        link = joined(ServerLimits(served=ServedLimits(kept_messages=2)))
        link.remote.start("a", host := MemoryHost())
        link.settle()
        link.drop()
        for body in (b"1", b"2", b"3"):
            link.reporter.shim_report(body)
        link.advance(60)
        self.assertEqual((host.reports, link.server.clusters()[0].backlog.dropped), ([b"2", b"3"], 1))

    def test_lost_controller_of_ours(self):
        """What a controller of ours had open is given up when it is gone, since it has told so already."""
        link = joined()
        link.remote.start("a", MemoryHost())
        link.settle()
        link.behind.script(delay=60)
        link.remote.perform(READ)
        link.settle()
        link.drop()
        self.assertEqual((len(link.behind.cancelled), link.server.lanes.active), (1, 0))

    def test_lost_controller_of_the_original(self):
        """An original controller that comes back gets the answer to what it had asked before."""
        link = joined()
        first = OriginalController(link.clock, link.network)
        link.behind.script(delay=10)
        first.say(request(READ, "slow"))
        link.drop()
        again = OriginalController(link.clock, link.network)
        link.advance(10)
        self.assertEqual([each.Head.MessageID for each in again.received], ["slow"])
        self.assertTrue(first.lost)


class StopTests(SynchronousTestCase):
    """A clean stop."""

    def test_stop(self):
        """A stopping server answers what is open with 503, closes, stops its shims, and leaves no timer."""
        link = joined()
        link.remote.start("a", MemoryHost())
        link.settle()
        link.behind.script(delay=60)
        performing = link.remote.perform(READ)
        link.settle()
        stopping: Deferred[None] = link.server.stopService()
        link.settle()
        self.successResultOf(stopping)
        self.assertEqual(self.successResultOf(performing).code, 503)
        self.assertIsNone(link.behind.host)
        link.remote.stop()
        link.settle()
        self.assertEqual(link.clock.getDelayedCalls(), [])

    def test_stop_with_a_dead_controller(self):
        """A controller that does not answer the close does not hold up the stop for long (F78)."""
        link = joined()
        link.remote.start("a", MemoryHost())
        link.settle()
        link.network.cut.add(0)
        stopping = link.server.stopService()
        link.advance(15)
        self.successResultOf(stopping)

    def test_stop_while_a_newcomer_waits(self):
        """A handshake that is being decided is refused at the stop."""
        link = joined()
        link.remote.start("a", MemoryHost())
        link.settle()
        other = OriginalController(link.clock, link.network, "a")
        stopping = link.server.stopService()
        link.advance(5)
        self.successResultOf(stopping)
        self.assertTrue(other.lost)
