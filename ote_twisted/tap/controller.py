"""``twistd ote-controller``: one cluster controller as a process of its own."""

from __future__ import annotations

import linecache
import os
import signal
import sys
import time
from typing import Any

from twisted.application.service import IService

from ote_twisted.config.flags import ControllerOptions
from ote_twisted.config.model import ControllerConfig
from ote_twisted.config.reload import Reloader
from ote_twisted.errors import OTEError
from ote_twisted.observability.lifecycle import OrderedServices, ReadyAnnouncer, SignalService
from ote_twisted.observability.logging import LoggedService, make_observer
from ote_twisted.observability.notify import make_notifier
from ote_twisted.tap.node import ControllerNode
from ote_twisted.tap.open_files import raise_open_files
from ote_twisted.tap.watching import process_measures

Options = ControllerOptions

LIVE = ("labels", "tags", "log")
"""Options that a reload applies."""


def makeService(options: ControllerOptions) -> IService:
    """A controller with what watches over its process.

    :raise SystemExit: the store, the shim or the configuration is unusable; the text is one line for people.
    """
    from twisted.internet import reactor as running

    reactor: Any = running
    config = options.config
    linecache.clearcache()  # attrs keeps the source of what it generates for debuggers: half a MB
    raise_open_files()
    observer = make_observer(sys.stdout, config.log.format, config.log.level)

    def apply(wanted: ControllerConfig) -> None:
        observer.set_level(wanted.log.level)
        node.reload(wanted)

    notifier = make_notifier(os.environ, reactor, time.monotonic, os.getpid())
    reloader = Reloader(options.load, config, LIVE, apply)
    services = OrderedServices(reactor, config.stop_timeout + 1.0)
    try:
        node = ControllerNode(config, reactor, process_measures(observer, reloader, notifier, services))
    except OTEError as fault:
        raise SystemExit(f"ote-controller {config.name}: {fault}") from None
    services.addService(notifier)
    services.addService(SignalService(reactor, signal.SIGHUP, lambda: notifier.while_reloading(reloader.reload)))
    services.addService(node)
    services.addService(ReadyAnnouncer(reactor, lambda: not node.ready.failing(), notifier.ready))
    root = LoggedService(observer)
    root.addService(services)
    return root
