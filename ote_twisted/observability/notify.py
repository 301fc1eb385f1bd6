"""Tells systemd how the program is (sd_notify): readiness, reload, stop, watchdog. Without systemd it does nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

Send = Callable[[bytes], None]


def notify_address(value: str) -> str | bytes | None:
    """Give the socket address that ``NOTIFY_SOCKET`` names: a path, or an abstract name after ``@``; else ``None``."""
    if value.startswith("@") and len(value) > 1:
        return b"\0" + value[1:].encode()
    return value if value.startswith("/") else None


def datagram_sender(address: str | bytes) -> Send:
    """Give a function that sends one datagram and never blocks.

    :raise OSError: (when called) nobody listens there.
    """

    def send(payload: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(payload, address)

    return send


class SystemdNotifier(Service):
    """Speaks for the program as long as it runs.

    :param send: gives one datagram to systemd; ``None`` when there is no systemd.
    :param clock: for the watchdog.
    :param watchdog: seconds within which systemd wants to hear of us, 0 for never; told twice in that time.
    :param healthy: the watchdog is told nothing while this gives ``False``, so that systemd restarts a wedged program.
    :param monotonic: seconds of CLOCK_MONOTONIC, which systemd wants beside RELOADING.
    :ivar failed: datagrams that could not be sent.
    """

    _log = Logger()

    def __init__(
        self,
        send: Send | None,
        clock: IReactorTime,
        monotonic: Callable[[], float],
        watchdog: float = 0.0,
        healthy: Callable[[], bool] = lambda: True,
    ) -> None:
        self._send = send
        self._monotonic = monotonic
        self._healthy = healthy
        self._interval = watchdog / 2
        self._beat = LoopingCall(self._alive)
        self._beat.clock = clock
        self.failed = 0

    def startService(self) -> None:
        """Begin to answer the watchdog."""
        super().startService()
        if self._send is not None and self._interval > 0:
            self._beat.start(self._interval, now=False)

    def stopService(self) -> None:
        """Say that the program stops."""
        if self._beat.running:
            self._beat.stop()
        self.tell("STOPPING=1")
        super().stopService()

    def ready(self, status: str = "") -> None:
        """Say that the program does its work."""
        self.tell("READY=1", f"STATUS={status}" if status else "")

    def while_reloading(self, reload: Callable[[], object]) -> None:
        """Say that the configuration is read anew, read it, and say that the program does its work again."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={int(self._monotonic() * 1_000_000)}")
        try:
            reload()
        finally:
            self.ready()

    def tell(self, *lines: str) -> None:
        """Send lines of the form ``NAME=value``; line breaks inside them become spaces. Never fails."""
        if self._send is None:
            return
        payload = "\n".join(line.replace("\n", " ") for line in lines if line).encode()
        try:
            self._send(payload)
        except OSError as error:
            self.failed += 1
            if self.failed == 1:
                self._log.warn("systemd cannot be told: {error}", error=error)

    def _alive(self) -> None:
        if self._healthy():
            self.tell("WATCHDOG=1")


def make_notifier(
    environment: Mapping[str, str], clock: IReactorTime, monotonic: Callable[[], float], pid: int
) -> SystemdNotifier:
    """Give the notifier for what systemd put into the environment.

    :param pid: our process id; a watchdog meant for another process is not ours to answer.
    """
    address = notify_address(environment.get("NOTIFY_SOCKET", ""))
    wanted = environment.get("WATCHDOG_USEC", "")
    ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
    watchdog = int(wanted) / 1_000_000 if ours and wanted.isascii() and wanted.isdigit() else 0.0
    return SystemdNotifier(None if address is None else datagram_sender(address), clock, monotonic, watchdog)
