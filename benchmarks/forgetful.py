"""A controller that keeps nothing: ``twistd ote-controller`` with its stores in memory. The reference of B9.

``python -m benchmarks.forgetful OPTIONS``, the options of ote-controller; everything else is the product's.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from twisted.application.service import Service

from ote_twisted.config.model import ControllerConfig
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal, MemoryKeptState
from ote_twisted.storage.ledger_memory import MemoryTaskLedger
from ote_twisted.storage.limits import Limits
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.sqlite.writers import Backlog
from ote_twisted.tap import node


class Forgetful(Service):
    """Stands for the store's file."""

    def __init__(self, config: ControllerConfig, reactor: Any) -> None:
        self.objects = MemoryObjectStore(reactor)
        self.ledger = MemoryTaskLedger()
        self.journal = MemoryDeliveryJournal()
        self.kept = MemoryKeptState()
        self.writer = self
        self.backlog = Backlog(lambda events: None, Limits())


def forget_everything() -> None:
    """From now on every controller of this process keeps nothing."""
    vars(node)["open_storage"] = Forgetful


def main(options: list[str]) -> None:
    """Run one."""
    forget_everything()
    sys.argv = ["twist", "ote-controller", *options]
    runpy.run_module("twisted", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
