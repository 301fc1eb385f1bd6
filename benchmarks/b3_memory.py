"""B3: memory of one child link at its parent, our own state and route included."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from attrs import frozen

from benchmarks.harness import Row, Target, at_most
from benchmarks.processes import LOAD_CORE, PRODUCT_CORE, DidNotStart, Program, resident_bytes

NAME = "B3 memory per child link"

PLAIN_TARGET = 6.0
TLS_TARGET = 45.0
_WARM_UP = 0.2
_TRAFFIC = 30 * 1024
_QUANTITY = "kB/link, resident"
_MASK = b"\x00\x00\x00\x00"


@frozen
class Case:
    """One row.

    :ivar subprotocol: offered in the handshake; empty makes an ote.v1 link.
    :ivar messages: of 30 KiB sent by each child.
    """

    text: str
    count: int
    tls: bool = False
    subprotocol: str = "ote.v2"
    messages: int = 0
    target: Target | None = None


def cases(quick: bool) -> Iterator[Case]:
    """All rows; quick: only 1,000 links."""
    for count in (1000,) if quick else (1000, 5000):
        yield Case("plain, ote.v2, idle", count, target=at_most(PLAIN_TARGET))
        yield Case("plain, ote.v1, idle", count, subprotocol="", target=at_most(PLAIN_TARGET))
        yield Case("plain, ote.v2, after 2 x 30 KiB", count, messages=2)
        yield Case("TLS, ote.v2, idle", count, tls=True)
        yield Case("TLS, ote.v2, after 2 x 30 KiB", count, tls=True, messages=2, target=at_most(TLS_TARGET))


def run(quick: bool) -> list[Row]:
    """The slope of resident memory over the last 80 % of the links, in a process of its own for each row."""
    rows = []
    for case in cases(quick):
        try:
            measured, floor, note = slope(case, "product"), slope(case, "floor"), ""
        except (OSError, DidNotStart) as fault:
            measured, floor, note = None, None, str(fault)
        rows.append(Row(f"{case.text}, {case.count} links", _QUANTITY, measured, floor, case.target, note))
    return rows


def slope(case: Case, kind: str) -> float:
    """Kilobytes that one more link takes in a server of that kind."""
    arguments = ["-m", "benchmarks.links_server", kind, "tls" if case.tls else "plain"]
    with Program(arguments, PRODUCT_CORE) as server, _on_core(LOAD_CORE), ExitStack() as stack:
        port = server.hear()["port"]
        context = _trusting() if case.tls else None
        first = int(case.count * _WARM_UP)
        _open(stack, case, port, context, range(first), kind)
        before = _settled(server, first)
        _open(stack, case, port, context, range(first, case.count), kind)
        return (_settled(server, case.count) - before) / (case.count - first) / 1000


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """The load runs where the measured program does not."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} if core in before else before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _trusting() -> ssl.SSLContext:
    """The certificate of the moment is not checked here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _open(stack: ExitStack, case: Case, port: int, context: ssl.SSLContext | None, numbers: range, kind: str) -> None:
    """Open links one after another, each with its traffic."""
    for number in numbers:
        link = socket.create_connection(("127.0.0.1", port), 10)
        if context is not None:
            link = context.wrap_socket(link)
        stack.enter_context(link)
        if kind == "product":
            _join(link, f"edge-{number:05d}.example", case.subprotocol)
        for sequence in range(1, case.messages + 1):
            link.sendall(_frame(_envelope(sequence) if case.subprotocol else os.urandom(_TRAFFIC)))


def _join(link: socket.socket, name: str, subprotocol: str) -> None:
    offer = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    link.sendall(
        f"GET /access/{name} HTTP/1.1\r\nHost: root\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Listen-Addr: :8287\r\nName: {name}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = link.recv(4096)
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise OSError(f"the server answered {answer[:60]!r}")


def _envelope(sequence: int) -> bytes:
    """An ote.v2 batch of one message of 30 KiB."""
    from ote_twisted.wire.clustermessage_pb2 import ClusterMessage

    return ClusterMessage(Batch=[os.urandom(_TRAFFIC)], Sequence=sequence).SerializeToString()


def _frame(payload: bytes) -> bytes:
    return b"\x82\xfe" + struct.pack("!H", len(payload)) + _MASK + payload


def _settled(server: Program, links: int) -> int:
    """Resident bytes once the server holds so many links and has read everything sent to it."""
    deadline = time.monotonic() + 20
    gc.collect()
    while time.monotonic() < deadline:
        state = server.ask(what="state")
        if state["links"] == links and state["idle"]:
            return resident_bytes(server.pid)
        time.sleep(0.05)
    raise DidNotStart(f"the server holds {state['links']} of {links} links")
