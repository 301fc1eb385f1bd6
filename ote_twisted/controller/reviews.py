"""Answers that are computed, not stored: which clusters a selector chooses, and how this controller stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ote_twisted.api.times import rfc3339
from ote_twisted.controller.service import ClusterController
from ote_twisted.errors import InvalidSelector, NotFound
from ote_twisted.interfaces import ILink, IVirtualResource
from ote_twisted.storage.model import JSON

GROUP_VERSION = "ote-twisted.dev/v1alpha1"
SHOWN = 10_000
"""Clusters that one review lists at most; ``count`` and ``nextHops`` are of all."""


@implementer(IVirtualResource)
class SelectionReviews:
    """``SelectionReview``: a dry run of a selector."""

    def __init__(self, controller: ClusterController) -> None:
        self._controller = controller

    def list_objects(self) -> Deferred[list[JSON]]:
        """Reviews are not kept."""
        return fail(NotFound("selection reviews are answered, not kept; create one"))

    def get_object(self, name: str) -> Deferred[JSON]:
        """Reviews are not kept."""
        return fail(NotFound("selection reviews are answered, not kept; create one"))

    def create_object(self, value: JSON) -> Deferred[JSON]:
        """Answer: every chosen cluster with its next hop and the terms that choose it."""
        try:
            status = self._answer(value["spec"]["selector"])
        except InvalidSelector as fault:
            status = {"valid": False, "error": {"column": fault.column, "message": fault.rule}, "count": 0, "clusters": []}
        return succeed({**value, "status": status})

    def _answer(self, selector: str) -> JSON:
        chosen = self._controller.directory.explain(selector).chosen
        rows = [self._row(name, why) for name, why in chosen.items()]
        targets = [row for row in rows if row["performs"]]
        others = [row for row in rows if not row["performs"]]
        hops = Counter(row["nextHop"] for row in targets)
        return {
            "valid": True,
            "controller": self._controller.table.own.name,
            "count": len(targets),
            "nextHops": dict(sorted(hops.items())),
            "clusters": (targets + others)[:SHOWN],
        }

    def _row(self, name: str, why: tuple[str, ...]) -> dict[str, Any]:
        controller = self._controller
        known = controller.directory.known(name)
        hop = name if name == controller.table.own.name else controller.table.via.get(name, "")
        return {
            "name": name,
            "nextHop": hop,
            "why": ", ".join(why),
            "online": bool(hop),
            "performs": known is not None and known.entry.performs,
            **({} if hop or known is None else {"brokenHop": known.hop, "since": rfc3339(known.since), "reason": known.reason}),
        }


@implementer(IVirtualResource)
class ControllerStatuses:
    """``ControllerStatus``: the one object that tells how this controller stands."""

    def __init__(
        self,
        controller: ClusterController,
        clock: IReactorTime,
        now: Callable[[], float],
        started: float,
        shim: str,
        tunnel_status: Callable[[], JSON],
        ready: Callable[[], list[str]],
    ) -> None:
        """
        :param started: unix seconds.
        :param shim: kind of shim, for people.
        :param tunnel_status: how dialling the parent stands.
        :param ready: what is missing for readiness, sentences.
        """
        self._controller = controller
        self._clock = clock
        self._now = now
        self._started = started
        self._shim = shim
        self._tunnel_status = tunnel_status
        self._ready = ready

    def list_objects(self) -> Deferred[list[JSON]]:
        """The one object."""
        return Deferred.fromCoroutine(self._all())

    def get_object(self, name: str) -> Deferred[JSON]:
        """The one object, by this controller's name."""
        own = self._controller.table.own.name
        if name != own:
            return fail(NotFound(f"this controller is {own}; it knows the status of itself alone"))
        return Deferred.fromCoroutine(self._object())

    def create_object(self, value: JSON) -> Deferred[JSON]:
        """There is nothing to create."""
        return fail(NotFound("a controller's status is read, not written"))

    async def _all(self) -> list[JSON]:
        return [await self._object()]

    async def _object(self) -> JSON:
        return {
            "apiVersion": GROUP_VERSION,
            "kind": "ControllerStatus",
            "metadata": {"name": self._controller.table.own.name, "creationTimestamp": rfc3339(self._started)},
            "status": {**self._status(), "cluster": await self._controller.own_status.describe()},
        }

    def _status(self) -> JSON:
        controller = self._controller
        ancestry, own = controller.neighbours.ancestry, controller.table.own
        missing = self._ready()
        return {
            "name": own.name,
            "isRoot": controller.settings.is_root,
            "parent": self._parent(),
            "path": list(reversed(ancestry.path)),
            "rooted": ancestry.rooted,
            "refusal": controller.from_parent.refusal,
            "uplink": self._tunnel_status(),
            "links": [self._link(link) for link in self._links()],
            "queues": self._queues(),
            "counts": self._counts(),
            "shim": self._shim,
            "shimReady": controller.own_status.state.ready,
            "shimReason": controller.own_status.state.reason,
            "labels": dict(own.labels),
            "tags": list(own.tags),
            "version": own.version,
            "ready": not missing,
            "notReady": missing,
        }

    def _links(self) -> list[ILink]:
        parent = self._controller.uplink.link
        return [*([parent] if parent is not None else []), *self._controller.links.values()]

    def _parent(self) -> str:
        """Its name, once it has told its way to the root; a link itself does not know it."""
        path = self._controller.neighbours.ancestry.path
        return path[1] if len(path) > 1 else ""

    def _link(self, link: ILink) -> JSON:
        return {
            "peer": self._parent() if link.is_parent else link.peer,
            "direction": "parent" if link.is_parent else "child",
            "protocol": "ote.v2" if link.v2 else "ote.v1",
            "address": link.peer_address,
            "ageSeconds": round(self._clock.seconds() - link.opened, 3),
            "queuedBytes": link.queued_bytes,
            "congested": link.congested,
        }

    def _queues(self) -> JSON:
        controller = self._controller
        return {
            "uplinkMessages": len(controller.uplink),
            "uplinkBytes": controller.uplink.waiting_bytes,
            "uplinkDropped": controller.uplink.dropped,
            "outboxMessages": len(controller.outbox),
            "outboxBytes": controller.outbox.bytes,
            "journalHeld": controller.delivery.keeper.held,
            "performing": controller.performer.running,
            "objectsToWrite": controller.records.pending,
        }

    def _counts(self) -> JSON:
        controller = self._controller
        return {
            "known": len(controller.directory),
            "online": controller.directory.online_count(),
            "children": len(controller.links),
            "reachable": len(controller.table.via),
        }
