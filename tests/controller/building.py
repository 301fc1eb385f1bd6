"""One controller on a clock, with links, shim, store and owner of tasks that tests hold in their hands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ote_twisted.controller.chronicle import Chronicle
from ote_twisted.controller.keeping import Keeper
from ote_twisted.controller.objects import key_of
from ote_twisted.controller.pace import PaceLimits
from ote_twisted.controller.performing import PerformingLimits
from ote_twisted.controller.remembering import TaskMemory
from ote_twisted.controller.service import ClusterController
from ote_twisted.controller.settings import ControllerSettings
from ote_twisted.interfaces import IDeliveryJournal, ITaskOwner
from ote_twisted.storage.journal_memory import MemoryDeliveryJournal, MemoryKeptState
from ote_twisted.storage.memory import MemoryObjectStore
from ote_twisted.storage.model import JSON
from ote_twisted.tasks.journal import OutboxEntry
from ote_twisted.tasks.model import Answer, Task
from ote_twisted.tasks.performed import PerformedTasks
from ote_twisted.testing.events import MemoryEventRecorder
from ote_twisted.testing.links import MemoryLink
from ote_twisted.testing.shim import MemoryShim
from ote_twisted.wire import clustermessage_pb2 as pb
from ote_twisted.wire.announce import Announcement, decode_announcement, encode_announcement
from ote_twisted.wire.entry import ClusterEntry, subtree_digest
from ote_twisted.wire.messages import control_response, request_head
from ote_twisted.wire.notices import decode_refusal, decode_undeliverable

WALL = 1_700_000_000.0
"""Unix seconds at which every test begins."""


@implementer(ITaskOwner)
class RecordingOwner:
    """Remembers what it was told.

    :ivar answers: ``(uid, name, cluster, code)``, in order.
    :ivar undeliverable: ``(uid, clusters, reason)``, in order.
    :ivar appeared: clusters that came online, in order.
    :ivar vanished: clusters that went offline, in order.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, str, int]] = []
        self.undeliverable: list[tuple[str, list[str], str]] = []
        self.appeared: list[str] = []
        self.vanished: list[str] = []

    def answered(self, uid: str, name: str, cluster: str, answer: Answer, timestamp: int) -> None:
        """See ITaskOwner."""
        self.answers.append((uid, name, cluster, answer.code))

    def undelivered(self, uid: str, clusters: Sequence[str], reason: str) -> None:
        """See ITaskOwner."""
        self.undeliverable.append((uid, sorted(clusters), reason))

    def clusters_changed(self, appeared: Sequence[str], lost: Sequence[str]) -> None:
        """See ITaskOwner."""
        self.appeared += appeared
        self.vanished += lost


class RecordingAnswers:
    """Where a performer's answers go.

    :ivar answers: uid and answer, in order, those to repeats too.
    :ivar kept: uid and what was owed for it, in order.
    :ivar back: uid and reason of what was given back, in order.
    :ivar original: owners cannot be told that something is given back.
    :ivar full: there is no room for answers, but for those to the task ``own``.
    :ivar fills: the next answer takes the last room.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[str, Answer]] = []
        self.kept: list[tuple[str, OutboxEntry | None]] = []
        self.back: list[tuple[str, str]] = []
        self.original = self.full = self.fills = False

    def owed(self, head: pb.MessageHead, answer: Answer, left: float) -> OutboxEntry | None:
        """See Answering."""
        return OutboxEntry(head.Uid, b"message", until=left) if head.Uid else None

    def performed(self, head: pb.MessageHead, answer: Answer, entry: OutboxEntry | None) -> None:
        """See Answering."""
        self.kept.append((head.Uid, entry))
        self.repeated(head, answer)

    def repeated(self, head: pb.MessageHead, answer: Answer) -> None:
        """See Answering."""
        self.answers.append((head.Uid, answer))
        self.full = self.full or self.fills

    def returned(self, head: pb.MessageHead, reason: str) -> bool:
        """See Answering."""
        if not self.original:
            self.back.append((head.Uid, reason))
        return not self.original

    def holds(self, head: pb.MessageHead) -> bool:
        """See Answering."""
        return self.full and head.Uid != "own"


def memory_of(clock: Clock, journal: IDeliveryJournal | None = None, table: PerformedTasks | None = None) -> TaskMemory:
    """What a controller remembers of tasks; of an earlier life if there is a journal."""
    keeper = Keeper(journal, clock, Chronicle(MemoryEventRecorder("north", clock.seconds)), 1_000_000)
    memory = TaskMemory(table or PerformedTasks(), keeper, lambda: WALL + clock.seconds())
    Deferred.fromCoroutine(memory.load())
    return memory


def entry(name: str, parent: str = "", **fields: Any) -> ClusterEntry:
    """A cluster that performs."""
    return ClusterEntry(name, parent=parent, **{"performs": True, **fields})


def announcement(
    sender: str,
    present: Iterable[ClusterEntry],
    absent: Sequence[str] = (),
    whole: Iterable[ClusterEntry] | None = None,
    complete: bool = True,
    digest: int | None = None,
) -> pb.ClusterMessage:
    """What a child announces.

    :param whole: the subtree after it, for the digest; ``present`` unless given.
    """
    present = tuple(present)
    entries = present if whole is None else tuple(whole)
    digest = subtree_digest(entries) if digest is None else digest
    body = encode_announcement(Announcement(complete, present, tuple(absent), digest, len(entries)))
    return pb.ClusterMessage(Head=pb.MessageHead(Command=pb.Announce, ClusterName=sender), Body=body)


def request(
    *targets: str, uid: str = "7d44.1", parent: str = "root", name: str = "t1", uri: str = "/version", **head: Any
) -> pb.ClusterMessage:
    """A task on its way down, as a parent that speaks ote.v2 sends it."""
    made = request_head(pb.ControlReq, name, parent=parent, uid=uid, targets=targets)
    for field, value in head.items():
        setattr(made, field, value)
    body = pb.ControllerTask(Destination="api", Method="PUT", URI=uri, Body=b"x")
    return pb.ClusterMessage(Head=made, Body=body.SerializeToString())


def request_v1(selector: str, name: str = "t1", parent: str = "root", command: int = pb.ControlReq) -> pb.ClusterMessage:
    """A task on its way down, as an original sends it."""
    head = pb.MessageHead(MessageID=name, Command=command, ClusterSelector=selector, ParentClusterName=parent)  # type: ignore[arg-type]
    body = pb.ControllerTask(Destination="api", Method="PUT", URI="/version", Body=b"x")
    return pb.ClusterMessage(Head=head, Body=body.SerializeToString())


def answer_to(message: pb.ClusterMessage, cluster: str, code: int = 200) -> bytes:
    """What a cluster answers."""
    return control_response(message.Head, cluster, Answer(code, b"{}"), 1)


def announced(messages: Iterable[pb.ClusterMessage]) -> list[Announcement]:
    """The announcements among messages."""
    return [decode_announcement(message.Body) for message in messages if message.Head.Command == pb.Announce]


def refusals(messages: Iterable[pb.ClusterMessage]) -> list[tuple[str, str]]:
    """Name and reason of the refusals among messages."""
    bodies = [decode_refusal(message.Body) for message in messages if message.Head.Command == pb.Refusal]
    return [(body.name, body.reason) for body in bodies]


def undeliverables(messages: Iterable[pb.ClusterMessage]) -> list[tuple[tuple[str, ...], str]]:
    """Targets and reason of what could not be delivered, among messages."""
    bodies = [decode_undeliverable(message.Body) for message in messages if message.Head.Command == pb.Undeliverable]
    return [(body.targets, body.reason) for body in bodies]


def commands(messages: Iterable[pb.ClusterMessage]) -> list[int]:
    """The commands of messages."""
    return [message.Head.Command for message in messages]


class ControllerTestCase(SynchronousTestCase):
    """A controller ``north`` that is no root unless a class says so; when a test ends its clock is empty."""

    name = "north"
    is_root = False
    performing = PerformingLimits()
    admission = PaceLimits()
    outbox = 16 * 1024 * 1024
    forget_after = 0.0

    def setUp(self) -> None:
        """Build and start."""
        self.clock = Clock()
        self.store = MemoryObjectStore(self.clock)
        self.kept = MemoryKeptState()
        self.shim = MemoryShim(self.clock)
        self.owner = RecordingOwner()
        self.events = MemoryEventRecorder(self.name, self.clock.seconds)
        self.journal = MemoryDeliveryJournal()
        self.uids = 0
        self.controller = self.make_controller()
        self.controller.serve(self.owner)
        self.successResultOf(Deferred.fromCoroutine(self.controller.prepare()))
        self.controller.startService()
        self.addCleanup(self._stop)

    def make_controller(self) -> ClusterController:
        """A controller that remembers what is kept."""
        return ClusterController(
            entry(self.name, listen=f"{self.name}:8287"),
            self.shim,
            self.store,
            self.clock,
            lambda: WALL + self.clock.seconds(),
            self.new_uid,
            ControllerSettings(
                self.is_root, self.outbox, self.performing, admission=self.admission, forget_after=self.forget_after
            ),
            Chronicle(self.events),
            self.kept,
            self.journal,
        )

    def new_uid(self) -> str:
        """A uid that no other has."""
        self.uids += 1
        return f"uid-{self.uids}"

    def _stop(self) -> None:
        self.controller.stopService()
        self.clock.advance(10)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def parent(self, v2: bool = True) -> MemoryLink:
        """A link to a parent, what is sent at its opening taken already."""
        link = MemoryLink("", self.controller, v2=v2, is_parent=True).open()
        link.take()
        return link

    def child(self, name: str, *below: str, v2: bool = True, labels: Mapping[str, str] | None = None) -> MemoryLink:
        """A link to a child that announced itself and, below it, others. What this made us send to anybody is taken."""
        link = MemoryLink(name, self.controller, v2=v2, listen=f"{name}:8287", user_defined_name=name).open()
        if v2:
            entries = [entry(name, "north", listen=f"{name}:8287", labels=labels or {}), *(entry(each, name) for each in below)]
            link.receive(announcement(name, entries))
        elif below:
            link.receive(subtree(name, dict.fromkeys(below, below[0])))
        self.clock.advance(1)
        for each in (link, self.controller.uplink.link, *self.controller.links.values()):
            if isinstance(each, MemoryLink):
                each.take()
        return link

    def object(self, name: str) -> JSON:
        """The Cluster object of a name."""
        value: JSON = orjson.loads(self.successResultOf(self.store.get(key_of(name))).value)
        return value

    def online(self) -> list[str]:
        """Clusters that are online here, sorted, this one left out."""
        return sorted(self.controller.table.via)


def subtree(sender: str, hops: Mapping[str, str]) -> pb.ClusterMessage:
    """What an original says of its subtree each second."""
    return pb.ClusterMessage(Head=pb.MessageHead(Command=pb.SubTreeRoute, ClusterName=sender), Body=orjson.dumps(dict(hops)))


TASK = Task("api", "PUT", "/version", b"x", "7d44.1")
