"""What shims, memories and processes count is shown to whoever scrapes."""

from __future__ import annotations

from io import StringIO

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from ote_twisted.config.model import ControllerConfig
from ote_twisted.config.reload import Reloader
from ote_twisted.errors import ConfigError
from ote_twisted.observability.exposition import Exposition
from ote_twisted.observability.lifecycle import OrderedServices
from ote_twisted.observability.logging import make_observer
from ote_twisted.observability.metrics import Measure
from ote_twisted.observability.notify import SystemdNotifier
from ote_twisted.shim.dial import ShimAddress
from ote_twisted.shim.guard import GuardedShim
from ote_twisted.shim.remote import RemoteShim
from ote_twisted.tap.watching import history_measures, process_measures, shim_measures
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.tasks.performed import PerformedTasks
from ote_twisted.testing.shim import MemoryHost, MemoryShim


def shown(measures: list[Measure]) -> str:
    """A scrape."""
    return Exposition("ote-controller", "c1", measures, process=False).render()[2].decode()


class ShimMeasureTests(SynchronousTestCase):
    """Shims."""

    def test_a_guarded_shim(self) -> None:
        """A crash, a timeout and a cut answer of a shim are counted where an operator sees them."""
        clock = Clock()
        inner = MemoryShim(clock)
        shim = GuardedShim(inner, clock)
        self.successResultOf(shim.start("c1", MemoryHost()))
        inner.script(outcome=RuntimeError("x"))
        inner.script(delay=1000)
        inner.script(outcome=Answer(200, b"x" * (2 << 20)))
        for number in range(3):
            shim.perform(Task("api", "GET", f"/{number}"))
        self.assertIn("ote_shim_active 1.0", shown(shim_measures(shim, None)))
        clock.advance(60)
        text = shown(shim_measures(shim, None))
        for line in ("ote_shim_crashed_total 1.0", "ote_shim_timed_out_total 1.0", "ote_shim_truncated_total 1.0"):
            self.assertIn(line, text)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertNotIn("remote", text)

    def test_a_remote_shim(self) -> None:
        """Whether a remote shim is connected, and what went wrong on its link, is shown."""
        reactor = MemoryReactorClock()
        endpoint = HostnameEndpoint(reactor, b"127.0.0.1", 8262)
        remote = RemoteShim(ShimAddress.parse("ws://127.0.0.1:8262"), endpoint, reactor)
        text = shown(shim_measures(GuardedShim(remote, reactor), remote))
        self.assertIn("ote_remote_shim_connected 0.0", text)
        for name in ("malformed", "unasked", "timed_out", "refused"):
            self.assertIn(f"ote_remote_shim_{name}_total 0.0", text)

    def test_what_was_performed(self) -> None:
        """Repeats that were answered from memory, and how much is remembered, are shown."""
        history = PerformedTasks()
        history.begin("u1", 0)
        history.finish("u1", Answer(200), 0)
        history.begin("u1", 0)
        text = shown(history_measures(history))
        for line in ("ote_performed_repeats_total 1.0", "ote_performed_kept 1.0", "ote_performed_evicted_total 0.0"):
            self.assertIn(line, text)


class ProcessMeasureTests(SynchronousTestCase):
    """What watches over a process."""

    def test_all_of_it(self) -> None:
        """Log events by level, reloads, systemd and parts that did not stop are shown."""
        observer = make_observer(StringIO(), "text", "error")
        observer({"log_format": "x"})

        def load() -> ControllerConfig:
            raise ConfigError("c.toml:1: no")

        reloader = Reloader(load, ControllerConfig(name="c1"), (), lambda wanted: None)
        reloader.reload()
        services = OrderedServices(Clock(), 1.0)
        text = shown(process_measures(observer, reloader, SystemdNotifier(None, Clock(), lambda: 0.0), services))
        for line in (
            'ote_log_events_total{level="info"} 1.0',
            "ote_config_reloads_total 0.0",
            "ote_config_refused_total 1.0",
            "ote_systemd_failed_total 0.0",
            "ote_stop_overdue_total 0.0",
        ):
            self.assertIn(line, text)
