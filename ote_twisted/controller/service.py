"""One node of the tree: takes what links bring, keeps the routes, gives tasks their way down and answers theirs up.

Decisions are made elsewhere (``topology``, ``claims``, ``downward``, ``upward``); here they are put together, and each
difference is handed to whoever has to know: the parent, the children, the objects, the owner of tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from ote_twisted.controller.announcing import Announcer
from ote_twisted.controller.children import Children
from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.claims import Claims
from ote_twisted.controller.delivering import Delivery
from ote_twisted.controller.directory import Directory
from ote_twisted.controller.downward import Downward
from ote_twisted.controller.entries import fitting
from ote_twisted.controller.from_child import FromChild
from ote_twisted.controller.from_parent import FromParent
from ote_twisted.controller.membership import Membership
from ote_twisted.controller.neighbours import Neighbours
from ote_twisted.controller.own_status import OwnStatus
from ote_twisted.controller.records import ClusterRecords
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.controller.tidying import Tidying
from ote_twisted.controller.upward import Upward
from ote_twisted.interfaces import (
    IClusterShim,
    IDeliveryJournal,
    IKeptState,
    ILink,
    ILinkSink,
    IObjectStore,
    IShimHost,
    ITaskCarrier,
    ITaskOwner,
)
from ote_twisted.tasks.model import Task
from ote_twisted.topology.difference import Difference
from ote_twisted.topology.table import RoutingTable
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.entry import ClusterEntry, ClusterStatus
from ote_twisted.wire.join import Admission, JoinRequest
from ote_twisted.wire.messages import request_head


@implementer(ILinkSink, ITaskCarrier, IShimHost)
class ClusterController(Service):
    """The controller of one cluster.

    :ivar table: the routes.
    :ivar directory: every cluster known here, online or not.
    :ivar membership: what parents are told of this controller; ``from_parent.observer`` hears what they tell.
    :ivar links: child name -> its link.
    :ivar parent_answered: a parent has sent something since the start.
    :ivar unowned: answers and messages at a root that nobody here asked for.
    :ivar reports: edge reports that arrived.
    """

    _log = Logger()

    def __init__(
        self,
        own: ClusterEntry,
        shim: IClusterShim | None,
        store: IObjectStore,
        clock: IReactorTime,
        now: Callable[[], float],
        new_uid: Callable[[], str],
        settings: ControllerSettings,
        chronicle: Chronicle,
        kept: IKeptState,
        journal: IDeliveryJournal | None = None,
    ) -> None:
        """
        :param own: this cluster; ``performs`` says whether it has a shim.
        :param now: wall clock, unix seconds.
        :param kept: where it remembers who it is.
        :param journal: what must outlive a crash; without one nothing does.
        """
        self.settings = settings
        self.chronicle = chronicle
        self.links: dict[str, ILink] = {}
        self.directory = directory = Directory(own, now, clock.seconds, settings.leaf)
        self.table = RoutingTable(own, directory.tombstones)
        self.membership = Membership(self.table, kept, new_uid)
        self.records = ClusterRecords(store, clock, now, new_uid, directory.known, self._labelled, directory.object_deleted)
        self.tidying = Tidying(directory, self.records, clock, settings.forget_after, chronicle.forgotten)
        self.delivery = Delivery(own.name, shim, clock, now, new_uid, settings, chronicle, journal, self._send_down)
        self.uplink, self.performer = self.delivery.uplink, self.delivery.performer
        self.owned, self.outbox, self.pressure = self.delivery.owned, self.delivery.outbox, self.delivery.pressure
        self.neighbours = Neighbours(own.name, own.listen, settings.is_root, self.links, clock)
        self.announcer = Announcer(self.table, directory, new_uid(), clock, now)
        self.claims = Claims(self.table, clock, self.tidying.synchronised)
        self.children = Children(
            self.table, self.links, self.claims, self.neighbours, directory, chronicle, clock, settings.admission, self._changed
        )
        learnt = self.outbox.path_learnt
        self.from_parent = FromParent(self.table, self.links, self.neighbours, self.announcer, self._changed, learnt)
        self.downward = Downward(
            self.table, self.links, self._perform, self.owned.undelivered, self.from_parent.received, settings.full_link
        )
        self.from_child = self._make_from_child()
        forward = self._drop if settings.is_root else self.uplink.send
        self.upward = Upward(self.table, forward, self.owned.answered, self._reported, self.from_child.received)
        self.own_status = OwnStatus(shim, clock, settings.status_interval, self._own_status)
        self.parent_answered = False
        self.unowned = 0
        self.reports = 0
        self._own = own.name
        self._shim = shim

    def _make_from_child(self) -> FromChild:
        again, undelivered = self.downward.refused_whole, self.owned.undelivered
        return FromChild(self.table, self.claims, self._changed, again, undelivered, self._carry, self.children.carries)

    def serve(self, owner: ITaskOwner) -> None:
        """Name the owner of tasks; the composition root calls it once, before anything starts."""
        self.owned.serve(owner)

    # ---- service

    async def prepare(self) -> None:
        """Read what was known before a restart. Call before :meth:`startService`."""
        await self.membership.prepare()
        for known in await self.records.load():
            self.directory.load(known)
        await self.delivery.load()

    def startService(self) -> None:
        """Start the shim and write what has changed since the last run."""
        super().startService()
        self.records.start()
        self.tidying.start()
        self.own_status.start()
        self.records.changed(self.directory.names())
        if self._shim is not None:
            starting = self._shim.start(self._own, self)
            starting.addErrback(lambda fault: self._log.failure("the shim did not start", failure=fault))

    def drain(self) -> Deferred[None]:
        """Perform nothing more; fires when what is under way here is answered."""
        return self.performer.drain()

    def stopService(self) -> Deferred[None]:
        """Give up local work and stop the shim; links are closed by the tunnels."""
        super().stopService()
        self.announcer.lost()
        self.neighbours.stop()
        self.children.stop()
        self.records.stop()
        self.tidying.stop()
        self.own_status.stop()
        return self.delivery.stop()

    def relabel(self, labels: dict[str, str], tags: tuple[str, ...]) -> None:
        """The configuration was reloaded with other labels or tags."""
        self._changed(self.table.replace_own(evolve(self.table.own, labels=labels, tags=tags)))

    def _own_status(self, status: ClusterStatus) -> None:
        self._changed(self.table.replace_own(fitting(evolve(self.table.own, status=status))))

    # ---- ILinkSink

    def admit(self, request: JoinRequest) -> Admission:
        """See :meth:`ILinkSink.admit`."""
        return self.children.admit(request)

    def link_opened(self, link: ILink) -> None:
        """See :meth:`ILinkSink.link_opened`. A link to a parent carries from now on, in place of any other."""
        if link.is_parent:
            if self.uplink.link is None:
                self.chronicle.opened(link)
            self._changed(self.membership.another_link())
            self.from_parent.opened(link)
            self.uplink.opened(link)
            self.announcer.opened(link)
            self.delivery.opened()
        else:
            self.children.opened(link)

    def link_lost(self, link: ILink, reason: str) -> None:
        """See :meth:`ILinkSink.link_lost`. The loss of a link in whose place there is another changes nothing (F30)."""
        self.pressure.forget(link)
        if link.is_parent:
            if self.delivery.lost(link):
                self.chronicle.parent_lost(link, reason)
                self.announcer.lost()
                self.neighbours.parent_lost()
                self._changed(self.table.set_ancestors(()))
                self.delivery.room()
        else:
            self.children.lost(link, reason)

    def messages_received(self, link: ILink, messages: Sequence[bytes]) -> None:
        """See :meth:`ILinkSink.messages_received`."""
        if link.is_parent:
            self.parent_answered = True
            self.downward.received(link, messages)
        elif self.links.get(link.peer) is link:
            before = self.upward.forwarded
            self.upward.received(link, messages)
            if self.upward.forwarded != before:
                self.pressure.sent_up(link)

    def link_drained(self, link: ILink) -> None:
        """See :meth:`ILinkSink.link_drained`."""
        if link.is_parent:
            self.delivery.room()

    # ---- ITaskCarrier

    def select(self, selector: str) -> Sequence[str]:
        """See :meth:`ITaskCarrier.select`."""
        return self.directory.select(selector)

    def online(self, cluster: str) -> bool:
        """See :meth:`ITaskCarrier.online`."""
        return cluster in self.table.via or cluster == self._own

    def dispatch(self, task: Task, name: str, targets: Sequence[str], seconds_left: float) -> Sequence[str]:
        """See :meth:`ITaskCarrier.dispatch`."""
        body = pb.ControllerTask(Destination=task.destination, Method=task.method, URI=task.uri, Body=task.body)
        head = request_head(pb.ControlReq, name, parent=self._own, uid=task.uid, deadline=seconds_left)
        return self.downward.send(pb.ClusterMessage(Head=head, Body=body.SerializeToString()), targets)

    def cancel(self, uid: str, targets: Sequence[str]) -> None:
        """See :meth:`ITaskCarrier.cancel`. Originals do not know the command and are spared it."""
        self.downward.send(pb.ClusterMessage(Head=request_head(pb.Cancel, parent=self._own, uid=uid)), targets)

    def received(self, uid: str, clusters: Sequence[str]) -> None:
        """See :meth:`ITaskCarrier.received`."""
        self.delivery.confirmations.received(uid, clusters)

    # ---- IShimHost

    def shim_state(self, ready: bool, reason: str) -> None:
        """See :meth:`IShimHost.shim_state`."""
        self.own_status.changed(ready, reason)

    def shim_report(self, body: bytes) -> None:
        """See :meth:`IShimHost.shim_report`."""
        if self.settings.is_root:
            self.reports += 1
        else:
            self.delivery.answers.report(body)

    # ---- what changed

    def _changed(self, difference: Difference) -> None:
        if not difference:
            return
        self.chronicle.changed(difference, self.directory)
        concerned = self.directory.concerned(difference)
        changed = self.directory.apply(difference)
        self.records.changed(changed)
        self.tidying.look()
        self.announcer.note(difference)
        self.uplink.owed = self.announcer.flush
        for refused in difference.refused:
            self.from_parent.refuse(refused)
        if concerned or difference.gone:
            self.owned.clusters_changed(concerned, list(difference.gone))

    def _labelled(self, name: str, labels: Mapping[str, str]) -> None:
        if self.directory.label(name, labels):
            self.owned.clusters_changed([name], [])

    # ---- down

    def _perform(self, message: pb.ClusterMessage) -> None:
        if not self.delivery.take(message):
            self.from_parent.unknown += 1

    def _send_down(self, message: pb.ClusterMessage, targets: Iterable[str]) -> None:
        self.downward.send(message, targets)

    # ---- up

    def _drop(self, raw: bytes) -> None:
        self.unowned += 1

    def _carry(self, message: pb.ClusterMessage, raw: bytes) -> None:
        self.upward.carry(message, raw)

    def _reported(self, message: pb.ClusterMessage, raw: bytes) -> None:
        if not self.settings.is_root:
            self.reports += 1
            self.upward.carry(message, raw)
            self.delivery.passed_on(message.Head)
        elif self.delivery.confirmations.reported(message.Head.ClusterName, message.Head.Uid):
            self.reports += 1
