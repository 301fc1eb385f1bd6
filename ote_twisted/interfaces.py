"""The contracts between packages. Reading this file is reading the architecture.

Data flows one way: tunnels hand messages to the controller (:class:`ILinkSink`), the controller sends on links
(:class:`ILink`), performs on its shim (:class:`IClusterShim`) and tells the owner of tasks
(:class:`ITaskOwner`), which keeps its books in a ledger (:class:`ITaskLedger`) beside the object store
(:class:`IObjectStore`) that the API serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from ote_twisted.api.model import ApiRequest, ApiResponse
from ote_twisted.storage.model import JSON, Key, Page, ResourceVersion, StoredObject, StoreEvent
from ote_twisted.tasks.journal import Journal, OutboxEntry, Performed
from ote_twisted.tasks.model import Answer, LedgerEntry, TargetState, Task
from ote_twisted.tunnel.address import ParentAddress
from ote_twisted.wire.join import Admission, JoinIdentity, JoinRequest, Resume
from ote_twisted.wire.notices import Ancestry, Neighbourhood

# mypy reads zope interfaces without self.


class ILink(Interface):
    """One established tunnel connection as the controller sees it."""

    peer: str = Attribute("Name of the cluster at the other end; for a link to a parent not known yet: empty.")
    listen: str = Attribute("The peer's advertised tunnel address, host:port, or empty.")
    user_defined_name: str = Attribute("The child's own name for itself (header ``name``).")
    peer_address: str = Attribute("TCP address of the other end, for people.")
    is_parent: bool = Attribute("True on the link to our parent.")
    v2: bool = Attribute("True when both speak ote.v2, so batches, v2 commands and v2 head fields may be sent.")
    opened: float = Attribute("Clock reading (monotonic seconds) when the link was established.")
    congested: bool = Attribute("More than the high-water mark is queued; ``ILinkSink.link_drained`` tells the end.")
    queued_bytes: int = Attribute("Bytes accepted by ``send`` and not yet given to the kernel.")
    instance: str = Attribute("Identity of a child's state folder; empty when it tells none.")
    epoch: int = Attribute("A child's epoch: which of its links carries is decided by the highest.")
    standby: bool = Attribute("Nothing is announced on it yet; whoever has the link clears it when it begins to carry.")
    resume: Resume | None = Attribute("On a link to a parent: what the parent still holds of our announcements.")

    def send(message: bytes) -> None:
        """Queue one encoded ClusterMessage. On v2 all messages of one reactor turn leave as one batch, in order.

        Never fails: on a closed link the message is dropped and counted; above the hard bound the link is closed
        as a slow reader.
        """

    def unacknowledged() -> Sequence[bytes]:
        """On a link to a v2 parent: what was sent and not acknowledged by it, in order; also once the link is lost.

        A message may have arrived all the same. On any other link nothing.
        """

    def pause_reading() -> None:
        """Stop taking bytes from this peer (back-pressure on the offender). Idempotent."""

    def resume_reading() -> None:
        """Take bytes again. Idempotent."""

    def close(code: int, reason: str) -> None:
        """Send a close frame and end the link; ``link_lost`` follows. Idempotent."""


class ILinkSink(Interface):
    """Whoever receives what links bring: the controller."""

    def admit(request: JoinRequest) -> Admission:
        """Decide about a child's handshake. No side effect (F31). Must not fail."""

    def link_opened(link: ILink) -> None:
        """The link is established. Called once per link, before any message."""

    def messages_received(link: ILink, messages: Sequence[bytes]) -> None:
        """Encoded ClusterMessages in the order sent, none decoded yet. Must not fail whatever the bytes are."""

    def link_drained(link: ILink) -> None:
        """A congested link fell below its low-water mark."""

    def link_lost(link: ILink, reason: str) -> None:
        """The link is gone. Called once per opened link."""


class IParentDialler(Interface):
    """Makes links to parents. When and whom to dial is decided by whoever calls."""

    def dial(address: ParentAddress, identity: JoinIdentity, sink: ILinkSink, seconds: float | None = None) -> Deferred[ILink]:
        """Make one attempt at one address; redirects are answers like others and not followed.

        Fires with the established link, right before ``sink.link_opened`` and not before this has returned; all that the
        link brings goes to ``sink``.
        Fails with :class:`ote_twisted.errors.DialFailed`, which has what the parent answered. Cancelling gives the attempt
        up: it fails once nothing of it is left, and ``sink`` never hears of it.

        :param seconds: give up after that long; ``None`` is as long as each phase may take by itself.
        """

    def stop() -> None:
        """Release what all links share. Called when no attempt is under way and no link is left."""


class IParentUser(Interface):
    """Whom links to parents are for: the controller, which is the :class:`ILinkSink` of the link that carries.

    ``link_opened`` with a link to a parent says that this one carries from now on, also while an older one is still there.
    What the older one brings until its ``link_lost`` is taken; its end is no loss. A link that only stands by is not
    shown to the controller at all.
    """

    def in_subtree(name: str) -> bool:
        """That cluster is this one, or known to be below it, so it must not become the parent."""

    def next_identity(home: bool, standby: bool) -> JoinIdentity:
        """What the next attempt tells of us; its epoch is that which the link will have once it carries.

        :param home: this controller is configured to be below the one that is dialled.
        :param standby: the link is to stand by.
        """


class IParentObserver(Interface):
    """Who chooses the parent, and is told what links that carry, or have carried, say of the tree."""

    def path_learnt(link: ILink, ancestry: Ancestry) -> None:
        """The parent told the way from itself to the root. It may lead through us, then the link should end."""

    def neighbours_learnt(link: ILink, neighbourhood: Neighbourhood) -> None:
        """The parent told which others there are; an original's ``NeighborRoute`` is told like that, too."""


class IWatch(Interface):
    """A running watch."""

    def stop() -> None:
        """No event is delivered after this returns. Idempotent."""


class IObjectStore(Interface):
    """Where Kubernetes-style objects live. The store is opaque to kinds: it keeps JSON bytes under keys.

    Every failure is a :class:`ote_twisted.errors.StoreError`.
    """

    def version() -> ResourceVersion:
        """Version of the newest visible write."""

    def get(key: Key) -> Deferred[StoredObject]:
        """One object. Fails with NotFound."""

    def list(
        resource: str,
        namespace: str | None = None,
        limit: int | None = None,
        continue_key: str | None = None,
        label_equals: tuple[str, str] | None = None,
    ) -> Deferred[Page]:
        """Objects in order of (namespace, name); ``namespace=None`` is all. Later pages belong to the first page's version.

        ``label_equals`` may narrow the result by an index; callers filter again. Fails with Expired when the
        continued list's version is gone.
        """

    def create(key: Key, value: JSON) -> Deferred[StoredObject]:
        """Durable when it fires. Sets ``metadata.resourceVersion``. Fails with AlreadyExists, StoreUnavailable."""

    def update(key: Key, value: JSON, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """Replace. ``expected=None`` is unconditional. Fails with NotFound, Conflict, StoreUnavailable."""

    def delete(key: Key, expected: ResourceVersion | None) -> Deferred[StoredObject]:
        """Remove; gives the last state with the deletion's version. Fails with NotFound, Conflict, StoreUnavailable."""

    def watch(resource: str, since: ResourceVersion, deliver: Callable[[Sequence[StoreEvent]], None]) -> IWatch:
        """Deliver every change after ``since``, in order, in batches, from the next reactor turn on.

        All namespaces; the consumer filters. A slow consumer is never waited for. Raises Expired.
        """


class ITaskLedger(Interface):
    """The per-target books of tasks. Writes are durable when their Deferred fires."""

    def add(uid: str, clusters: Sequence[str], state: TargetState) -> Deferred[None]:
        """Open books for targets; those already there are left as they are."""

    def mark(uid: str, clusters: Sequence[str], state: TargetState, why: str = "") -> Deferred[None]:
        """Change the state of targets that are not final."""

    def record(entries: Sequence[LedgerEntry]) -> Deferred[Sequence[LedgerEntry]]:
        """Write answers. The first final state of a target wins; gives those entries that were written."""

    def counts(uid: str) -> Deferred[dict[TargetState, int]]:
        """How many targets are in each state; absent states are 0."""

    def page(
        uid: str, limit: int, after: str | None = None, states: Iterable[TargetState] | None = None
    ) -> Deferred[Sequence[LedgerEntry]]:
        """Entries in order of cluster name, at most ``limit``, those after ``after``; all states unless given."""

    def forget(uid_prefix: str) -> Deferred[None]:
        """Remove all books whose uid starts with the prefix."""

    def uids() -> Deferred[Sequence[str]]:
        """All task generations that have books."""


class IKeptState(Interface):
    """A few small values of a controller that outlive the process, by name: its instance, its epoch, where other parents are."""

    def load() -> Deferred[Mapping[str, bytes]]:
        """Every value."""

    def keep(name: str, value: bytes) -> Deferred[None]:
        """Write one value; durable when it fires. Fails with StoreUnavailable."""


class IDeliveryJournal(Interface):
    """What a controller must not forget over a crash: which tasks it began and performed, and what it owes others.

    Writes are durable when their Deferred fires, are made in the order of the calls, and fail with StoreUnavailable.
    """

    def load() -> Deferred[Journal]:
        """Everything but answers, outbox entries in the order in which they were put."""

    def answer(uid: str) -> Deferred[Answer | None]:
        """The answer of a finished task; ``None`` if it is not kept (any more)."""

    def begin(uid: str, until: float) -> Deferred[None]:
        """A task that must not be performed twice is about to be performed.

        :param until: unix seconds on our clock until which a repeat may come.
        """

    def finish(performed: Performed, entry: OutboxEntry | None) -> Deferred[None]:
        """A task was performed: its answer is kept for repeats and, with ``entry``, owed to its owner; it is begun
        no more. All in one transaction. A uid that was finished before keeps its first answer."""

    def put(entry: OutboxEntry) -> Deferred[Sequence[str]]:
        """Owe a message. One with the key of an older entry replaces it, at the end of the queue; gives the uids it replaced."""

    def received(uids: Sequence[str]) -> Deferred[None]:
        """These entries of the outbox have arrived. Unknown ones are ignored."""

    def forget(uids: Sequence[str]) -> Deferred[None]:
        """Performed and begun tasks that cannot come again; their owed answers go with them."""


class IRepeatableShim(Interface):
    """What a shim may provide beside :class:`IClusterShim` when performing a task again does no harm."""

    def repeatable(task: Task) -> bool:
        """Performing this task again, with the same uid, has no effect beyond the first time, even after a crash in between."""


class IApiServer(Interface):
    """The API engine behind any transport."""

    def handle(request: ApiRequest) -> Deferred[ApiResponse]:
        """Answer one call; errors are ``Status`` answers, never failures. A watch asked here gets 400."""

    def stored(resource: str) -> Deferred[list[JSON] | None]:
        """Every object of a resource such as ``nodes``; ``None`` where it is not served or cannot be read now. No call."""


class IVirtualResource(Interface):
    """A resource that is computed instead of stored, e.g. SelectionReview; registered with the API engine.

    Its kind is declared by a manifest like every other.
    """

    def list_objects() -> Deferred[list[JSON]]:
        """Every object; fails with NotFound where listing makes no sense."""

    def get_object(name: str) -> Deferred[JSON]:
        """One object. Fails with NotFound."""

    def create_object(value: JSON) -> Deferred[JSON]:
        """Answer a review: the object with its ``status`` filled in. Fails with NotFound where there is none."""


class IShimHost(Interface):
    """What a shim may tell the controller that runs it."""

    def shim_state(ready: bool, reason: str) -> None:
        """The cluster became (un)reachable for the shim; ``reason`` is a sentence for people."""

    def shim_report(body: bytes) -> None:
        """An edge report (JSON ``Reports``) to be carried to the root."""


class IClusterShim(Interface):
    """Performs tasks on one cluster, whatever that cluster is. See docs/writing-a-shim.md."""

    def start(cluster: str, host: IShimHost) -> Deferred[None]:
        """Begin to serve ``cluster``. Fires when the shim may be used; an unreachable cluster is no failure but
        a ``host.shim_state(False, …)``."""

    def stop() -> Deferred[None]:
        """Release everything; tasks under way are answered or cancelled first. Idempotent."""

    def perform(task: Task) -> Deferred[Answer]:
        """Perform one task and give the cluster's answer, errors included (404, 405, 5xx are answers).

        Fails only with ShimUnavailable (told to the owner as 503). May be called again before the first has fired.
        Cancelling the Deferred gives the task up.
        """

    def describe() -> Deferred[JSON]:
        """What the cluster is: a JSON object of which any key may be absent: ``kind``, ``version``, ``capacity``,
        ``allocatable`` (resource name to quantity), ``nodes`` and ``nodesReady`` (numbers). Asked now and then."""


class IQueueingShim(Interface):
    """What a shim may provide beside :class:`IClusterShim` when tasks wait in it for their turn."""

    def perform_in_turn(task: Task, first: Callable[[], Deferred[None]]) -> Deferred[Answer]:
        """As :meth:`IClusterShim.perform`, with something that has to be done when the task's turn has come.

        ``first`` is called then, and the task is performed once its Deferred has fired; if that fails it is not performed, and
        fails likewise. ``first`` is not called for a task that is given up, refused or unavailable before its turn.
        """


class ITaskCarrier(Interface):
    """What the owner of tasks needs of the tree: the controller provides it."""

    def select(selector: str) -> Sequence[str]:
        """Names of all known clusters that can perform and that the selector chooses, in any order; offline ones included.

        :raise ote_twisted.errors.InvalidSelector: out of grammar.
        """

    def online(cluster: str) -> bool:
        """There is a way to that cluster now."""

    def dispatch(task: Task, name: str, targets: Sequence[str], seconds_left: float) -> Sequence[str]:
        """Send one task towards its targets; ``name`` is the object's name, for v1 peers. Gives those that had no way."""

    def cancel(uid: str, targets: Sequence[str]) -> None:
        """Tell targets that the task is withdrawn."""

    def received(uid: str, clusters: Sequence[str]) -> None:
        """The answers of these clusters are durable, or nobody wants them any more: they need not be sent again."""


class ITaskOwner(Interface):
    """What the controller tells the owner of tasks."""

    def answered(uid: str, name: str, cluster: str, answer: Answer, timestamp: int) -> None:
        """An answer arrived; ``uid`` is empty from a peer that does not echo it, then ``name`` (MessageID) identifies."""

    def undelivered(uid: str, clusters: Sequence[str], reason: str) -> None:
        """A hop could not pass the task on."""

    def clusters_changed(appeared: Sequence[str], lost: Sequence[str]) -> None:
        """Clusters came online (new, returned, or relabelled) or went offline."""


class IEventRecorder(Interface):
    """Where whatever is worth a person's look is told: it becomes a Kubernetes ``Event`` of this controller's own API."""

    def record(reason: str, message: str, about: str = "", warning: bool = False) -> None:
        """Tell that something happened. Never fails, never blocks, writes nothing at once.

        The same again within a while is counted in the event that is there already; when there is too much of one
        reason, or of all, it is told in less detail or not at all, and counted.

        :param reason: one word in CamelCase, such as ``ChildLost``; of a small fixed set.
        :param message: a sentence for people, without what differs each time (ports, counters), so that it can be counted.
        :param about: name of the cluster that it is about; empty, or no cluster name, is this controller.
        :param warning: somebody may have to act.
        """
