"""What systemd is told."""

from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.observability.notify import SystemdNotifier, datagram_sender, make_notifier, notify_address


def refuse(payload: bytes) -> None:
    """Send as to a systemd that is not there."""
    raise ConnectionRefusedError(111, "Connection refused")


class NotifierTests(SynchronousTestCase):
    """States and the watchdog, on a clock of ours."""

    def setUp(self) -> None:
        self.sent: list[bytes] = []
        self.clock = Clock()

    def notifier(self, watchdog: float = 0.0, healthy: bool = True) -> SystemdNotifier:
        """Give a started notifier whose datagrams are in ``sent``."""
        notifier = SystemdNotifier(self.sent.append, self.clock, lambda: 12.5, watchdog, lambda: healthy)
        notifier.startService()
        return notifier

    def test_life(self) -> None:
        """Ready, reloading with its time, ready again, stopping."""
        notifier = self.notifier()
        notifier.ready("joined root\nas c1")
        notifier.while_reloading(lambda: self.sent.append(b"(reload)"))
        notifier.stopService()
        self.assertEqual(
            self.sent,
            [
                b"READY=1\nSTATUS=joined root as c1",
                b"RELOADING=1\nMONOTONIC_USEC=12500000",
                b"(reload)",
                b"READY=1",
                b"STOPPING=1",
            ],
        )

    def test_failed_reload(self) -> None:
        """Systemd learns of the end of a reload that fails, too."""
        self.assertRaises(ZeroDivisionError, self.notifier().while_reloading, lambda: 1 / 0)
        self.assertEqual(self.sent[-1], b"READY=1")

    def test_watchdog(self) -> None:
        """The watchdog hears of us twice in its time, and not after the stop."""
        notifier = self.notifier(watchdog=10)
        self.clock.pump([5, 5])
        self.assertEqual(self.sent, [b"WATCHDOG=1"] * 2)
        notifier.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_wedged(self) -> None:
        """A program that is not healthy lets the watchdog bite."""
        self.notifier(watchdog=10, healthy=False)
        self.clock.pump([5, 5])
        self.assertEqual(self.sent, [])

    def test_no_systemd(self) -> None:
        """Without systemd nothing is sent and no timer runs."""
        notifier = SystemdNotifier(None, self.clock, lambda: 0.0, 10)
        notifier.startService()
        notifier.ready()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        notifier.stopService()

    def test_refused(self) -> None:
        """A systemd that does not listen is counted and never a failure."""
        notifier = SystemdNotifier(refuse, self.clock, lambda: 0.0)
        notifier.ready()
        notifier.ready()
        self.assertEqual(notifier.failed, 2)


class EnvironmentTests(SynchronousTestCase):
    """What systemd puts into the environment."""

    def interval(self, **environment: str) -> list[float]:
        """Give the times of the timers that an environment starts."""
        clock = Clock()
        notifier = make_notifier(environment, clock, clock.seconds, 7)
        notifier.startService()
        times = [call.getTime() for call in clock.getDelayedCalls()]
        notifier.stopService()
        return times

    def test_addresses(self) -> None:
        """Paths and abstract names are understood, everything else is no address."""
        self.assertEqual(notify_address("/run/x"), "/run/x")
        self.assertEqual(notify_address("@x"), b"\0x")
        self.assertEqual([notify_address(value) for value in ("", "@", "x", "vsock:1:2")], [None] * 4)

    def test_watchdog_of_ours(self) -> None:
        """A watchdog is answered when it is meant for us and well written."""
        self.assertEqual(self.interval(NOTIFY_SOCKET="/nonexistent", WATCHDOG_USEC="4000000"), [2.0])
        self.assertEqual(self.interval(NOTIFY_SOCKET="/nonexistent", WATCHDOG_USEC="4000000", WATCHDOG_PID="7"), [2.0])
        self.assertEqual(self.interval(NOTIFY_SOCKET="/nonexistent", WATCHDOG_USEC="4000000", WATCHDOG_PID="8"), [])
        self.assertEqual(self.interval(NOTIFY_SOCKET="/nonexistent", WATCHDOG_USEC="soon"), [])
        self.assertEqual(self.interval(WATCHDOG_USEC="4000000"), [])


class DatagramTests(SynchronousTestCase):
    """Real datagrams, which never leave the machine."""

    def receiver(self, address: str | bytes) -> socket.socket:
        """Give a bound socket."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.addCleanup(channel.close)
        channel.bind(address)
        return channel

    def test_path(self) -> None:
        """A datagram reaches a socket named by a path."""
        folder = TemporaryDirectory()  # a path within the length that a socket's name may have
        self.addCleanup(folder.cleanup)
        address = str(Path(folder.name) / "notify")
        channel = self.receiver(address)
        datagram_sender(address)(b"READY=1")
        self.assertEqual(channel.recv(100), b"READY=1")

    def test_abstract(self) -> None:
        """A datagram reaches a socket with an abstract name."""
        channel = self.receiver(b"")
        name = channel.getsockname()
        address = notify_address("@" + name[1:].decode())
        assert address is not None
        datagram_sender(address)(b"READY=1")
        self.assertEqual(channel.recv(100), b"READY=1")

    def test_nobody(self) -> None:
        """An address where nobody listens is an OSError."""
        self.assertRaises(OSError, datagram_sender("/nonexistent/notify"), b"READY=1")
