"""What a shim, and what watches over the process, counts, named for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ote_twisted.config.reload import Reloader
from ote_twisted.controller.delivering import Delivery
from ote_twisted.observability.lifecycle import OrderedServices
from ote_twisted.observability.logging import LineObserver
from ote_twisted.observability.metrics import Measure, counter, counters_of, gauge, gauges_of
from ote_twisted.observability.notify import SystemdNotifier
from ote_twisted.shim.guard import GuardedShim
from ote_twisted.tasks.performed import PerformedTasks

if TYPE_CHECKING:
    from ote_twisted.shim.remote import RemoteShim


def shim_measures(shim: GuardedShim, remote: RemoteShim | None) -> list[Measure]:
    """What the shim of a controller counts.

    :param remote: the link to it, where it is in another program.
    """
    guard = {
        "crashed": "Tasks whose performance failed in an unforeseen way.",
        "timed_out": "Tasks given up after the longest time.",
        "truncated": "Answers cut to the limit.",
    }
    lanes = {"active": "Tasks at the shim.", "waiting": "Tasks that wait for others of the same object, or for room."}
    return [
        *counters_of(shim, "ote_shim", guard),
        *gauges_of(shim.lanes, "ote_shim", lanes),
        *counters_of(shim.lanes, "ote_shim", {"refused": "Tasks refused because too many waited."}),
        *(_remote(remote) if remote is not None else ()),
    ]


def _remote(remote: RemoteShim) -> list[Measure]:
    texts = {
        "malformed": "Messages of the shim that could not be read.",
        "unasked": "Answers to nothing that is open, and unknown commands.",
        "timed_out": "Tasks that the shim did not answer in time.",
        "refused": "Tasks refused because too many were open at the shim.",
    }
    return [
        gauge("ote_remote_shim_connected", "1 while there is a connection to the shim.", lambda: remote.connected),
        *counters_of(remote, "ote_remote_shim", texts),
    ]


def history_measures(history: PerformedTasks) -> list[Measure]:
    """What a controller remembers of the tasks that it performed."""
    counters = {
        "repeats": "Tasks that came again and were not performed again.",
        "evicted": "Performed tasks forgotten before their time for want of room.",
    }
    return [
        *counters_of(history, "ote_performed", counters),
        gauge("ote_performed_kept", "Performed tasks that are remembered with their answers.", lambda: history.kept),
    ]


def delivery_measures(delivery: Delivery) -> list[Measure]:
    """What makes answers and reports arrive."""
    outbox, keeper = delivery.outbox, delivery.keeper
    sent = {
        "confirmed": "Own answers and reports that their receiver has.",
        "repeated": "Own answers and reports sent again.",
        "dropped": "Own answers and reports that the bound cost.",
        "expired": "Own answers and reports that nobody waited for any more.",
        "replaced": "Own reports that a newer one replaced before they were confirmed.",
    }
    confirmations = {"sent": "Confirmations sent to clusters.", "repeats": "Reports that came again."}
    performer = {
        "unknown": "Tasks of which nobody knows whether they took effect.",
        "returned": "Tasks given back because the disk took no note of them.",
    }
    return [
        *counters_of(outbox, "ote_outbox", sent),
        gauge("ote_outbox_messages", "Own answers and reports that nobody has confirmed.", lambda: len(outbox)),
        gauge("ote_outbox_bytes", "Their bytes.", lambda: outbox.bytes),
        counter("ote_uplink_repeated", "Messages that a lost link had not acknowledged.", lambda: delivery.uplink.repeated),
        *counters_of(delivery.confirmations, "ote_confirmations", confirmations),
        *counters_of(delivery, "ote_confirmations", {"malformed": "Confirmations out of grammar."}),
        *counters_of(delivery.performer, "ote_performer", performer),
        gauge("ote_journal_held", "Writes to the delivery journal that wait for the disk.", lambda: keeper.held),
        gauge("ote_journal_held_bytes", "Their bytes.", lambda: keeper.held_bytes),
        counter("ote_journal_lost", "Writes to the delivery journal that could not be made.", lambda: keeper.lost),
    ]


def process_measures(
    observer: LineObserver, reloader: Reloader[Any], notifier: SystemdNotifier, services: OrderedServices
) -> list[Measure]:
    """What watches over a process."""
    reloads = {"reloads": "Reloads applied.", "refused": "Reloads refused because of the configuration."}
    return [
        counter("ote_log_events", "Log events by level, those not written included.", lambda: observer.counts, ["level"]),
        *counters_of(reloader, "ote_config", reloads),
        *counters_of(notifier, "ote_systemd", {"failed": "Messages to systemd that could not be sent."}),
        *counters_of(services, "ote_stop", {"overdue": "Parts that did not stop in time."}),
    ]
