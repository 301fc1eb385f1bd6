"""Ports for controllers that are started again at the same place."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path

from ote_twisted.cli.demo.files import HOST
from ote_twisted.cli.errors import CommandError

FIRST = 16384
"""The lowest port that is looked at."""

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int, first: int = 0) -> list[int]:
    """Ports that nobody listens on now, and that the system gives to no connection while they are free.

    :param first: the first of them; 0 is any.
    :raise CommandError: that one is taken, or there are not enough.
    """
    with ExitStack() as held:
        if first and not _held(first, held):
            raise CommandError(f"port {first} is taken; choose another with --port, or --port 0 for any free one")
        found = [first] if first else []
        candidates = random.sample(range(FIRST, _end()), k=_end() - FIRST)
        while len(found) < count:
            if not candidates:
                raise CommandError(f"there are no {count} free ports; stop what listens on the loopback")
            if _held(candidates[-1], held):
                found.append(candidates[-1])
            candidates.pop()
        return found


def _held(port: int, held: ExitStack) -> bool:
    """Take a port for as long as the stack lives."""
    probe = held.enter_context(socket.socket())
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
    except OSError:
        return False
    return True


def _end() -> int:
    """Where the ports of outgoing connections begin."""
    try:
        low = int(RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        low = 32768
    return low if low > FIRST + 4096 else 65536
