"""What a controller's parts count, named for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ote_twisted.api.engine import ApiEngine
from ote_twisted.api.listener import ApiSite
from ote_twisted.controller.service import ClusterController
from ote_twisted.events.recorder import EventRecorder
from ote_twisted.failover.service import Failover
from ote_twisted.observability.metrics import Measure, counter, counters_of, gauge
from ote_twisted.storage.sqlite.opening import SQLiteStorage
from ote_twisted.tasks.owner import TaskOwner
from ote_twisted.tunnel.cloud import CloudTunnel
from ote_twisted.tunnel.edge import EdgeDialler
from ote_twisted.tunnel.turn import TunnelCounters

TUNNEL_TEXTS = {
    "links_opened": "Links established.",
    "links_lost": "Links that ended.",
    "messages_received": "Cluster messages received.",
    "messages_sent": "Cluster messages sent.",
    "bytes_received": "Bytes received in websocket messages.",
    "bytes_sent": "Bytes sent in websocket messages.",
    "messages_dropped": "Messages given to a link that was closed already.",
    "messages_refused": "Messages over the limit that were not sent.",
    "pings_sent": "Pings sent to silent peers.",
    "peers_dead": "Peers that gave no sign of life in time.",
    "slow_readers": "Links closed because the peer left too much unread.",
    "malformed_messages": "Websocket messages that were no envelope.",
    "protocol_violations": "Websocket frames against the protocol.",
    "oversize_messages": "Websocket messages over the limit.",
    "bad_handshakes": "Requests that were no usable handshake.",
    "handshakes_timed_out": "Handshakes not completed in time.",
    "joins_refused": "Handshakes refused.",
    "joins_redirected": "Handshakes answered with another address.",
    "sessions_replaced": "Dead sessions that a newcomer of the same name replaced.",
    "connections_turned_away": "Connections closed because too many handshakes were under way.",
    "sink_failures": "Messages whose handling failed; a fault of this program.",
    "dials": "Attempts to reach a parent.",
    "dial_failures": "Attempts that failed.",
}


def measures(
    controller: ClusterController,
    owner: TaskOwner,
    storage: SQLiteStorage,
    cloud: CloudTunnel,
    edge: EdgeDialler,
    engine: ApiEngine,
    site: ApiSite | None,
) -> list[Measure]:
    """Everything that one controller shows at ``/metrics``."""
    tunnels = {"child": cloud.counters, "parent": edge.counters}
    return [
        *_tree(controller),
        *_traffic(controller),
        *_tasks(owner),
        *_storage(storage),
        *(counter(f"ote_tunnel_{name}", text, _by_side(tunnels, name), ["side"]) for name, text in TUNNEL_TEXTS.items()),
        counter("ote_api_refused", "API calls answered with a code from 400 to 499.", lambda: engine.refused),
        counter("ote_api_failed", "API calls answered with a code of 500 or more.", lambda: engine.failed),
        *(_api(site) if site is not None else ()),
    ]


def _by_side(tunnels: Mapping[str, TunnelCounters], name: str) -> Callable[[], dict[tuple[str, ...], float]]:
    return lambda: {(side,): getattr(counters, name) for side, counters in tunnels.items()}


def _tree(controller: ClusterController) -> list[Measure]:
    return [
        gauge("ote_clusters_known", "Clusters known here, online or not, this one included.", lambda: len(controller.directory)),
        gauge("ote_clusters_online", "Clusters with a way to them, this one included.", controller.directory.online_count),
        gauge("ote_children", "Children linked.", lambda: len(controller.links)),
        gauge("ote_rooted", "1 while there is a way to a root.", lambda: controller.neighbours.ancestry.rooted),
        *counters_of(
            controller.children,
            "ote_joins",
            {
                "paced": "Handshakes that were told to come again at their turn.",
                "unrooted": "Handshakes refused because there was no way to a root.",
            },
        ),
        counter("ote_routes_moved", "Routes that went to another child without a gap.", lambda: controller.table.moves),
        gauge("ote_claims_waiting", "Claims without a route: refused, or superseded.", lambda: len(controller.table.disputes)),
        gauge("ote_parent_linked", "1 while there is a link to a parent.", lambda: controller.uplink.link is not None),
        gauge("ote_shim_ready", "1 while the shim can perform tasks.", lambda: controller.own_status.state.ready),
        gauge("ote_uplink_waiting_bytes", "Bytes kept until there is a parent.", lambda: controller.uplink.waiting_bytes),
        counter("ote_uplink_dropped", "Messages dropped by the bound on what is kept.", lambda: controller.uplink.dropped),
        *counters_of(
            controller.records,
            "ote_cluster_objects",
            {"writes": "Cluster objects written.", "failures": "Writes that the store refused."},
        ),
        gauge("ote_cluster_objects_pending", "Cluster objects that wait to be written.", lambda: controller.records.pending),
    ]


def _traffic(controller: ClusterController) -> list[Measure]:
    performer = {
        "performed": "Tasks given to the shim.",
        "refused": "Tasks refused because too many waited.",
        "malformed": "Requests whose body was no task.",
    }
    down = {
        "forwarded": "Requests passed to a child.",
        "malformed": "Undecodable messages from the parent.",
        "exhausted": "Requests whose hop limit ran out.",
        "undeliverable": "Targets that had no way, or one without room.",
        "faulty_selectors": "Parts of originals' selectors that are no expression.",
    }
    up = {
        "forwarded": "Messages passed to the parent.",
        "malformed": "Undecodable messages from children.",
        "spoofed": "Messages that spoke for a cluster that is not below their sender.",
        "exhausted": "Messages whose hop limit ran out.",
    }
    own = {"reports": "Edge reports received.", "unowned": "Answers that nobody here asked for."}
    claims = {
        "invalid": "Announcements out of grammar.",
        "mismatches": "Announcements after which digests differed.",
        "resumed": "Children that announced only what had changed since their last link.",
    }
    from_child = {
        "malformed": "Bodies of children's other messages that were out of grammar.",
        "spoofed": "Other messages and failures that spoke for clusters not below their sender.",
    }
    from_parent = {
        "malformed": "Bodies of the parent's messages that were out of grammar.",
        "unknown": "Messages of the parent with a command that nothing here understands.",
    }
    return [
        *counters_of(controller.downward, "ote_down", down),
        *counters_of(controller.upward, "ote_up", up),
        *counters_of(controller.claims, "ote_claims", claims),
        *counters_of(controller.performer, "ote_performer", performer),
        *counters_of(controller, "ote_up", own),
        *counters_of(controller.owned, "ote_answers", {"malformed": "Answers to tasks owned here whose body was none."}),
        *counters_of(controller.from_child, "ote_from_child", from_child),
        *counters_of(controller.from_parent, "ote_from_parent", from_parent),
        gauge("ote_performer_running", "Tasks under way here.", lambda: controller.performer.running),
        gauge("ote_performer_waiting", "Tasks that wait for their turn here.", lambda: controller.performer.waiting),
    ]


def _tasks(owner: TaskOwner) -> list[Measure]:
    texts = {
        "answers_received": "Answers that arrived.",
        "answers_duplicate": "Answers to targets that had one, or that were over.",
        "answers_unknown": "Answers to no task or no target of it.",
        "answers_shed": "Answers dropped because too much was held back.",
        "targets_sent": "Targets handed to the tree, repeats included.",
        "targets_bounced": "Targets that a hop could not reach.",
        "status_writes": "Status updates written.",
        "status_conflicts": "Status updates that met another writer.",
        "retries": "Operations repeated because the store or the tree failed.",
    }
    return [
        *counters_of(owner.counters, "ote_tasks", texts),
        gauge("ote_tasks_active", "Tasks whose deadline is not over.", lambda: owner.tasks_active),
        gauge(
            "ote_task_targets",
            "Targets of active tasks by state.",
            lambda: {(state.value,): count for state, count in owner.targets().items()},
            ["state"],
        ),
    ]


def _storage(storage: SQLiteStorage) -> list[Measure]:
    backlog = storage.writer.backlog
    return [
        gauge("ote_store_queued_writes", "Writes that wait for the disk.", lambda: backlog.queued),
        counter("ote_store_writes", "Writes made durable.", lambda: backlog.writes),
        counter("ote_store_groups", "Transactions that made them durable.", lambda: backlog.groups),
        counter("ote_store_refused", "Writes refused because too many waited.", lambda: backlog.refused),
        counter("ote_store_unavailable", "Writes that the disk refused.", lambda: backlog.unavailable),
        counter("ote_store_events", "Changes delivered to watches.", lambda: storage.objects.feed.delivered),
    ]


def event_measures(events: EventRecorder) -> list[Measure]:
    """What the events of a controller cost."""
    book = {
        "recorded": "What was recorded as events, repetitions included.",
        "combined": "What was counted in an event that stands for several because there were too many of its reason.",
        "dropped": "Events that a bound or their age took before they were written.",
    }
    written = {"writes": "Events written or removed.", "failures": "Writes of events that the store refused."}
    return [
        *counters_of(events.book, "ote_events", book),
        *counters_of(events, "ote_events", written),
        gauge("ote_events_kept", "Events that are kept.", lambda: len(events.book)),
        gauge("ote_events_pending", "Events that wait to be written or removed.", lambda: events.book.pending),
    ]


def _api(site: ApiSite) -> list[Measure]:
    counters = site.counters
    return [
        counter(
            "ote_api_requests",
            "API answers by method and code.",
            lambda: {(method, str(code)): count for (method, code), count in counters.requests.items()},
            ["method", "code"],
        ),
        *counters_of(
            counters,
            "ote_api",
            {
                "oversize": "Request bodies over the limit.",
                "watches": "Watches opened.",
                "events": "Events given to watchers.",
                "slow_watchers": "Watchers cut off because they did not read.",
                "refused_watchers": "Watches refused because there were too many.",
            },
        ),
        gauge("ote_api_watching", "Watches under way.", lambda: len(site.streams)),
    ]


def failover_measures(failover: Failover) -> list[Measure]:
    """How the search for a parent goes."""
    policy = failover.policy
    counted = {
        "moves": "How often another parent began to carry while there was one.",
        "returns": "How often that was a return to a more preferred one.",
        "probes": "Attempts to stand by at a better parent.",
        "malformed": "Messages of a parent standing by that were out of grammar.",
    }
    return [
        *counters_of(failover, "ote_parent", counted),
        gauge("ote_parent_preferred", "1 while the most preferred parent carries.", lambda: _preferred(failover)),
        gauge("ote_parent_standby", "1 while a better parent stands by.", lambda: policy.standby is not None),
        gauge("ote_parent_candidates", "Parents that could be joined.", lambda: len(list(failover.knowledge))),
    ]


def _preferred(failover: Failover) -> bool:
    carrying = failover.policy.carrying
    return carrying is not None and carrying.candidate.best
