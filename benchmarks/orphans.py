"""Whole controllers, many in one process: the children of B8. They keep nothing and have neither API nor cluster.

``python -m benchmarks.orphans COUNT PARENT [PARENT ...]``; a parent is ``ws://HOST:PORT``. A line on stdin is answered with how
many are linked to a parent.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.forgetful import forget_everything
from ote_twisted.config.model import ControllerConfig
from ote_twisted.tap import node

AT_ONCE = 10
"""Controllers that begin in each turn."""

TURN = 0.05
"""Seconds between two turns."""


class Questions(LineOnlyReceiver):
    """The harness's questions."""

    delimiter = b"\n"

    def __init__(self, nodes: list[node.ControllerNode]) -> None:
        self._nodes = nodes

    def lineReceived(self, line: bytes) -> None:
        """Answer one."""
        self.sendLine(json.dumps({"linked": sum(each.controller.parent_answered for each in self._nodes)}).encode())


def main(count: int, parents: tuple[str, ...]) -> None:
    """Be controllers until told to stop."""
    from twisted.internet import reactor as running

    reactor: Any = running
    forget_everything()
    nodes: list[node.ControllerNode] = []

    def begin() -> None:
        for number in range(len(nodes), min(len(nodes) + AT_ONCE, count)):
            name = f"child-{number:05d}"
            config = ControllerConfig(name=name, parents=parents, shim="none", state=Path(name))
            nodes.append(node.ControllerNode(config, reactor))
            nodes[-1].startService()

    StandardIO(Questions(nodes))
    LoopingCall(begin).start(TURN)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), tuple(sys.argv[2:]))
