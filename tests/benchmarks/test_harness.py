"""Tests of :mod:`benchmarks.harness` and :mod:`benchmarks.lean`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from benchmarks.harness import (
    Row,
    at_least,
    at_most,
    baseline,
    figure,
    keep,
    keep_baseline,
    previous,
    ratio_at_least,
    ratio_at_most,
    show,
)
from benchmarks.lean import LeanWebSocket, frame


class VerdictTests(SynchronousTestCase):
    """Targets are judged by the ratio to the floor or by the figure itself."""

    def test_ratio(self) -> None:
        """A ratio is measured over floor."""
        self.assertEqual(Row("c", "q", 3.0, 2.0, ratio_at_most(1.5)).verdict, "met")
        self.assertEqual(Row("c", "q", 3.1, 2.0, ratio_at_most(1.5)).verdict, "missed")
        self.assertEqual(Row("c", "q", 1.3, 2.0, ratio_at_least(0.6)).verdict, "met")

    def test_value(self) -> None:
        """A bound on the figure needs no floor."""
        self.assertEqual(Row("c", "q", 5.0, None, at_most(5)).verdict, "met")
        self.assertEqual(Row("c", "q", 4.9, None, at_least(5)).verdict, "missed")

    def test_not_measured(self) -> None:
        """Without a figure there is no verdict, nor without a target."""
        self.assertEqual(Row("c", "q", None, 2.0, ratio_at_most(1.5)).verdict, "")
        self.assertEqual(Row("c", "q", 1.0, 2.0).verdict, "")

    def test_figures(self) -> None:
        """Figures have three digits that count."""
        figures = {None: "–", 0: "0", 0.01234: "0.0123", 12.34: "12.3", 123456.7: "123,457"}
        self.assertEqual({value: figure(value) for value in figures}, figures)


class FileTests(SynchronousTestCase):
    """Runs are kept, and the newest is what the next one is compared with."""

    def test_previous_run(self) -> None:
        """Rows come back as they were kept; quick and full runs do not mix."""
        folder = Path(self.mktemp())
        rows = [Row("c", "q", 1.5, 2.0, ratio_at_most(2), "n"), Row("c", "r", None)]
        self.assertEqual(previous("B1", False, folder), [])
        keep("B1", False, rows, folder)
        self.assertEqual(previous("B1", False, folder), rows)
        self.assertEqual(previous("B1", True, folder), [])
        self.assertEqual(previous("B", False, folder), [])

    def test_baseline(self) -> None:
        """A run that is kept with the source comes back, and those of other benchmarks stay."""
        folder = Path(self.mktemp())
        self.assertEqual(baseline("B1", folder), [])
        first, second = [Row("c", "q", 1.5, 2.0)], [Row("d", "q", 2.5, None, at_most(3))]
        keep_baseline("B1", first, folder)
        keep_baseline("B2", second, folder)
        self.assertEqual((baseline("B1", folder), baseline("B2", folder)), (first, second))
        self.assertEqual(previous("B1", False, folder), [])

    def test_change(self) -> None:
        """The table tells how the ratio changed since the run before."""
        text = StringIO()
        now, before = [Row("c", "q", 3.0, 2.0, ratio_at_most(2))], [Row("c", "q", 2.0, 2.0)]
        show("B1", now, before, Console(file=text, width=120))
        self.assertIn("+50 %", text.getvalue())
        self.assertIn("met", text.getvalue())


class TCPStringTransport(StringTransport):
    """A transport that keeps what is written, with the options of TCP."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is nothing to delay."""


class Collecting(LeanWebSocket):
    """Keeps what arrives."""

    def connectionMade(self) -> None:
        """Nothing has arrived."""
        super().connectionMade()
        self.arrived: list[bytes] = []

    def payloads_received(self, payloads: list[bytes]) -> None:
        """Keep them."""
        self.arrived += payloads


class LeanTests(SynchronousTestCase):
    """The websocket of the floors and load generators does what it has to."""

    def connected(self, is_client: bool) -> tuple[Collecting, StringTransport]:
        """One end on a transport that keeps what is written."""
        protocol, transport = Collecting(), TCPStringTransport()
        protocol.is_client = is_client
        protocol.makeConnection(transport)
        return protocol, transport

    def test_byte_by_byte(self) -> None:
        """Handshake and frames of every length arrive whole however the bytes are cut."""
        client, from_client = self.connected(True)
        server, from_server = self.connected(False)
        payloads = [b"", b"a" * 125, b"b" * 126, b"c" * 65535, b"d" * 65536]
        server.dataReceived(from_client.value())
        client.dataReceived(from_server.value())
        from_client.clear()
        client.send_payloads(payloads)
        data = from_client.value()
        for start in range(0, len(data), 1000):
            server.dataReceived(data[start : start + 1000])
        self.assertEqual(server.arrived, payloads)
        for start in range(400):
            client.dataReceived(frame(b"x" * 126, False)[start : start + 1])
        self.assertEqual(client.arrived, [b"x" * 126])

    def test_ping(self) -> None:
        """A ping is answered by its pong."""
        server, transport = self.connected(False)
        server.dataReceived(b"GET /access/a HTTP/1.1\r\nSec-WebSocket-Key: a\r\n\r\n")
        transport.clear()
        server.dataReceived(frame(b"hi", True, 9))
        self.assertEqual(transport.value(), frame(b"hi", False, 10))
