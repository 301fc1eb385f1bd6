"""Whole trees for tests, and peers in them that speak the original's bytes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.failover.settings import FailoverSettings
from ote_twisted.testing.tree import PORT, MemoryNode, MemoryTree
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.codec import decode
from ote_twisted.wire.routes import encode_subtree
from tests.tunnel.builders import frame, go_head, go_server_answer

STAYING = FailoverSettings(learn=False, settle=3600, settle_cap=3600)
"""Controllers that use the parents that they are configured with, and do not go back to one for an hour."""


def demo_tree(v2: bool = True) -> MemoryTree:
    """The tree of the demo: root, two regions, six sites."""
    tree = MemoryTree(STAYING)
    tree.add("root", performs=True)
    for region in ("north", "south"):
        tree.add(region, ["root"], {"region": region, "tier": "region"}, v2=v2)
        for number in (1, 2, 3):
            labels = {"region": region, "tier": "site"} | ({"gpu": "true"} if number == 1 else {})
            tags = ("camera",) if number > 1 else ()
            tree.add(f"{region}-{number}", [region], labels, tags, v2=v2)
    tree.settle()
    return tree


class TreeTestCase(SynchronousTestCase):
    """A tree that is stopped at the end, after which nothing may be left on its clock."""

    def setUp(self) -> None:
        """An empty tree, in which nobody moves without need."""
        self.tree = self.watched(MemoryTree(STAYING))

    def watched(self, tree: MemoryTree) -> MemoryTree:
        """Stop it at the end."""
        self.addCleanup(self._stop, tree)
        return tree

    def _stop(self, tree: MemoryTree) -> None:
        tree.network.heal()
        tree.stop()
        self.assertEqual(tree.network.clock.getDelayedCalls(), [])

    def chain(self, *names: str, v2: Mapping[str, bool] | None = None) -> None:
        """A root and below it one cluster after the other."""
        for number, name in enumerate(names):
            parents = [names[number - 1]] if number else []
            self.tree.add(name, parents, v2=(v2 or {}).get(name, True))
        self.tree.settle()

    def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> float:
        """Let time pass until something is so; gives how long it took. Fails when it takes too long."""
        clock = self.tree.network.clock
        start = clock.seconds()
        self.tree.network.flush()
        while not condition():
            self.assertLess(clock.seconds() - start, seconds, "it does not become so")
            self.tree.network.advance(0.25)
        return float(clock.seconds() - start)

    def online(self, at: str = "root") -> list[str]:
        """Clusters that the objects at a controller say are online, sorted, that controller left out."""
        return sorted(name for name, state in self.tree.node(at).clusters().items() if state == "online" and name != at)

    def reached(self, at: str, selector: str, uri: str = "/t", **spec: Any) -> dict[str, int]:
        """Who performed a task written at a controller, and how often."""
        self.tree.node(at).submit(f"task{uri.replace('/', '-')}", selector, "PUT", uri, "x", **spec)
        self.tree.settle()
        return self.tree.performers(uri)

    def condition(self, at: str, task: str, kind: str = "Complete") -> tuple[str, str]:
        """Status and reason of a task's condition."""
        found = [each for each in self.tree.node(at).status(task).get("conditions", []) if each["type"] == kind]
        return (found[0]["status"], found[0].get("reason", "")) if found else ("", "")

    def parent_of(self, name: str, at: str = "root") -> str:
        """Whom the objects at a controller say a cluster is below."""
        parent: str = self.tree.node(at).cluster(name)["status"].get("parentName", "")
        return parent


class GoPeer(Protocol):
    """An original: v1 messages in websocket frames, one each, and an HTTP handshake before.

    :ivar head: the HTTP head that it got.
    :ivar messages: what it got since, in order; see :meth:`take`.
    """

    masked = True

    def __init__(self) -> None:
        self.head = b""
        self.messages: list[pb.ClusterMessage] = []
        self.pings = 0
        self.ended = False
        self._buffer = b""

    def dataReceived(self, data: bytes) -> None:
        """Take the head, then frames."""
        self._buffer += data
        if not self.head:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self.head, self._buffer = head, rest
            self.head_received()
        while (b" 101 " in self.head or b"GET " in self.head) and self._frame():
            pass

    def head_received(self) -> None:
        """The HTTP head is complete."""

    def connectionLost(self, reason: object = None) -> None:
        """Over."""
        self.ended = True

    def say(self, message: pb.ClusterMessage | bytes) -> None:
        """Send one message."""
        raw = message if isinstance(message, bytes) else message.SerializeToString()
        self._write(raw, 2)

    def take(self) -> list[pb.ClusterMessage]:
        """What came since the last call."""
        messages, self.messages = self.messages, []
        return messages

    def requests(self) -> list[pb.ClusterMessage]:
        """The tasks among what came since the last call."""
        return [message for message in self.take() if message.Head.Command == pb.ControlReq]

    def _write(self, raw: bytes, opcode: int) -> None:
        assert self.transport is not None
        self.transport.write(frame(raw, opcode, True, b"\x01\x02\x03\x04" if self.masked else None))

    def _frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        length, at = buffer[1] & 0x7F, 2
        if length > 125:
            size = 2 if length == 126 else 8
            length, at = int.from_bytes(buffer[2 : 2 + size], "big"), 2 + size
        mask = buffer[at : at + 4] if buffer[1] & 0x80 else b""
        at += len(mask)
        if len(buffer) < at + length:
            return False
        body = (
            bytes(byte ^ mask[index % 4] for index, byte in enumerate(buffer[at : at + length]))
            if mask
            else buffer[at : at + length]
        )
        self._buffer = buffer[at + length :]
        self._take(buffer[0] & 0x0F, body)
        return True

    def _take(self, opcode: int, body: bytes) -> None:
        if opcode == 9:
            self.pings += 1
            self._write(body, 10)
        elif opcode in (1, 2):
            self.messages.append(decode(body))


class GoChild(GoPeer):
    """An original that joined a controller of ours."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def connectionMade(self) -> None:
        """Ask to join."""
        assert self.transport is not None
        head = go_head(name=self.name, listen_addr=f"{self.name}:8287").replace(b"/access/c1", b"/access/" + self.name.encode())
        self.transport.write(head)

    def report(self, hops: Mapping[str, str]) -> None:
        """What it sends each second."""
        self.say(
            pb.ClusterMessage(Head=pb.MessageHead(Command=pb.SubTreeRoute, ClusterName=self.name), Body=encode_subtree(hops))
        )

    def answer(self, request: pb.ClusterMessage, cluster: str, code: int = 200) -> None:
        """Answer a task as the original does: its head comes back, unknown fields too."""
        head = pb.MessageHead()
        head.CopyFrom(request.Head)
        head.Command, head.ClusterName = pb.ControlResp, cluster
        body = pb.ControllerTaskResponse(Timestamp=1, StatusCode=code, Body=b"{}")
        self.say(pb.ClusterMessage(Head=head, Body=body.SerializeToString()))


def go_child(tree: MemoryTree, name: str, parent: str, host: str = "") -> GoChild:
    """An original that dials a controller of a tree."""
    child = GoChild(name)
    connecting = tree.network.client_endpoint(host or name, parent, PORT).connect(Factory.forProtocol(lambda: child))
    connecting.addErrback(lambda failure: None)
    tree.network.flush()
    return child


class GoParent(GoPeer):
    """An original that a controller of ours joined."""

    masked = False

    def head_received(self) -> None:
        """Accept."""
        key = next(line for line in self.head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))[19:]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
        assert self.transport is not None
        self.transport.write(go_server_answer(accept))
        children = orjson.dumps({"Childs": {"mid": "mid:8287"}, "Neighbor": None, "ParentNeighbor": None})
        self.say(pb.ClusterMessage(Head=pb.MessageHead(Command=pb.NeighborRoute), Body=children))

    def task(self, name: str, selector: str, uri: str = "/t") -> None:
        """Send one down, as an original does for an object of its own."""
        head = pb.MessageHead(MessageID=name, Command=pb.ControlReq, ClusterSelector=selector, ParentClusterName="root")
        body = pb.ControllerTask(Destination="api", Method="PUT", URI=uri, Body=b"x")
        self.say(pb.ClusterMessage(Head=head, Body=body.SerializeToString()))


class GoParents(Factory):
    """An original that listens.

    :ivar links: its children's links, in order.
    """

    noisy = False

    def __init__(self) -> None:
        self.links: list[GoParent] = []

    def buildProtocol(self, addr: object) -> GoParent:
        """One more."""
        self.links.append(GoParent())
        return self.links[-1]


def go_parent(tree: MemoryTree, host: str) -> GoParents:
    """An original that listens on a machine of a tree."""
    parents = GoParents()
    tree.network.server_endpoint(host, PORT).listen(parents)
    return parents


def states(node: MemoryNode, task: str) -> dict[str, tuple[str, str]]:
    """State and reason of every target of a task, from the books."""
    uids: list[str] = []
    node.ledger.uids().addCallback(uids.extend)
    uid = node.read_task(task)["metadata"]["uid"]
    found: list[Any] = []
    for each in uids:
        if each.startswith(f"{uid}."):
            node.ledger.page(each, 10_000).addCallback(found.extend)
    return {entry.cluster: (entry.state.value, entry.why) for entry in found}
