"""Network namespaces as machines, and a router between them.

A namespace lives as long as the process that holds it, and that process as long as this one: nothing is left behind, whatever
happens to a test. Nothing outside these namespaces is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache

from twisted.trial.unittest import SkipTest, SynchronousTestCase

TOOLS = ("unshare", "nsenter", "ip", "tc", "nft")
SECONDS = 20.0
"""For one tool."""

RULES = "add table inet ote; add chain inet ote forward { type filter hook forward priority 0; policy accept; }"


class NoLab(Exception):
    """Namespaces cannot be had here; the text says why."""


def run(*command: str) -> str:
    """Run a tool to its end.

    :raise NoLab: it failed; the text is what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise NoLab(f"{' '.join(command)}: {(done.stderr or done.stdout).strip() or f'exit code {done.returncode}'}")
    return done.stdout


class Namespace:
    """One network namespace."""

    def __init__(self) -> None:
        """
        :raise NoLab: the system does not allow it.
        """
        self._holder = subprocess.Popen(
            ["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._holder.stdin is not None and self._holder.stdout is not None and self._holder.stderr is not None
        try:
            self._holder.stdin.write("there\n")
            self._holder.stdin.flush()
            said = self._holder.stdout.readline()
        except BrokenPipeError:
            said = ""
        if said != "there\n":
            raise NoLab(f"unshare --net: {self._holder.stderr.read().strip()}")
        self.run("ip", "link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._holder.pid

    def enter(self, *command: str) -> list[str]:
        """A command line that runs inside."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *command]

    def run(self, *command: str) -> str:
        """Run a tool inside."""
        return run(*self.enter(*command))

    def end(self) -> None:
        """Let go of it."""
        self._holder.kill()
        self._holder.communicate()


class Lab:
    """Machines behind one router; each has a wire to it, with an address of its own."""

    def __init__(self) -> None:
        self.machines: dict[str, Namespace] = {}
        self.router = Namespace()
        self.router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.router.run("nft", RULES)

    def machine(self, name: str) -> Namespace:
        """One more machine."""
        made = self.machines[name] = Namespace()
        number = len(self.machines)
        wire = _wire(name)
        self.router.run("ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", str(made.pid))
        self.router.run("ip", "address", "add", f"10.99.{number}.1/24", "dev", wire)
        self.router.run("ip", "link", "set", wire, "up")
        made.run("ip", "address", "add", f"{self.address(name)}/24", "dev", "eth0")
        made.run("ip", "link", "set", "eth0", "up")
        made.run("ip", "route", "add", "default", "via", f"10.99.{number}.1")
        return made

    def address(self, name: str) -> str:
        """A machine's address."""
        return f"10.99.{list(self.machines).index(name) + 1}.2"

    def lose(self, source: str, target: str) -> None:
        """Lose silently what one machine sends to another."""
        self.router.run("nft", f"add rule inet ote forward iifname {_wire(source)} oifname {_wire(target)} drop")

    def part(self, ours: Iterable[str], others: Iterable[str] | None = None) -> None:
        """Lose silently everything between two groups; the other one is everybody else unless it is named."""
        near = list(ours)
        far = [name for name in self.machines if name not in near] if others is None else list(others)
        for one in near:
            for other in far:
                self.lose(one, other)
                self.lose(other, one)

    def heal(self) -> None:
        """Lose nothing any more."""
        self.router.run("nft", "flush", "chain", "inet", "ote", "forward")

    def pull(self, name: str) -> None:
        """Pull a machine's wire."""
        self.router.run("ip", "link", "set", _wire(name), "down")

    def plug(self, name: str) -> None:
        """Plug it in again."""
        self.router.run("ip", "link", "set", _wire(name), "up")

    def throttle(self, name: str, rate: str) -> None:
        """Bound the rate at which a machine is sent to, e.g. ``1mbit``."""
        words = f"tc qdisc replace dev {_wire(name)} root tbf rate {rate} burst 32kbit latency 400ms"
        self.router.run(*words.split())

    def end(self) -> None:
        """Let go of everything."""
        for each in (*self.machines.values(), self.router):
            each.end()


@cache
def probe() -> str:
    """Why there can be no lab here; empty when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"{', '.join(missing)} not installed (util-linux, iproute2, nftables)"
    try:
        lab = Lab()
    except NoLab as fault:
        return str(fault)
    try:
        lab.machine("one")
        lab.machine("two")
        lab.part(["one"])
        lab.throttle("one", "1mbit")
        lab.heal()
    except NoLab as fault:
        return str(fault)
    finally:
        lab.end()
    return ""


class LabTestCase(SynchronousTestCase):
    """Has a lab that goes with the test. Where there can be none the tests are passed over, with the reason; never in CI."""

    def setUp(self) -> None:
        """An empty lab."""
        if why := probe():
            if os.environ.get("CI"):
                self.fail(f"no network namespaces: {why}")
            raise SkipTest(f"no network namespaces: {why}")
        self.lab = Lab()
        self.addCleanup(self.lab.end)


def _wire(name: str) -> str:
    """The router's end of a machine's wire."""
    return f"w-{name}"
